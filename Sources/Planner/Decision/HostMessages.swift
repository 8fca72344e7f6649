import Parser

// Findings about the host: contradictions in its description (VP2xxx) and limits (VP4xxx).
extension PlannerDiagnostics {
  static func duplicateHostAddress(_ device: HostDevice, first: HostDevice) -> Diagnostic {
    Diagnostic(
      duplicateHostAddressCode, "host device '\(device.address)' is listed twice",
      at: device.span, notes: [.init("first listed here", first.span)],
      help: "remove one of the two")
  }

  static func duplicateIOMMU(_ unit: HostIOMMU, first: HostIOMMU) -> Diagnostic {
    Diagnostic(
      duplicateIOMMUCode, "IOMMU \(quote(unit.name)) is listed twice", at: unit.span,
      notes: [.init("first listed here", first.span)], help: "rename or remove one of the two")
  }

  static func unknownIOMMU(
    _ device: HostDevice, _ name: String, known: [String]
  ) -> Diagnostic {
    Diagnostic(
      unknownIOMMUCode, "'\(device.address)' is behind IOMMU \(quote(name)), which is not listed",
      at: device.span,
      help: suggestion(for: name, among: known) ?? "add it to 'iommus'")
  }

  static func missing(_ device: AssignedDevice, host: String, near: BDF?) -> Diagnostic {
    Diagnostic(
      deviceNotOnHost,
      "device \(quote(device.name)): host \(quote(host)) has no device at '\(device.address)'",
      at: device.addressSpan,
      help: near.map { "did you mean '\($0)'?" } ?? "compare with 'lspci -D' on the host")
  }

  static func noIOMMU(_ device: AssignedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      deviceWithoutIOMMU, "device \(quote(device.name)) is not behind an IOMMU",
      at: device.addressSpan, notes: [.init("the host lists it without 'iommu'", fact.span)],
      help: "switch the IOMMU on in firmware and kernel")
  }

  /// Said once of a host whose IOMMUs are off or not there.
  static func noIOMMUs(on host: HostDescription, for devices: [AssignedDevice]) -> Diagnostic {
    Diagnostic(
      deviceWithoutIOMMU,
      "host \(quote(host.name)) has no IOMMU, so \(list(devices.map(\.name))) can't be given away",
      at: devices[0].addressSpan,
      notes: [.init("the host is described here", host.nameSpan)],
      help: "switch it on in the firmware's setup (VT-d, AMD-Vi or IOMMU); if it is on there, look "
        + "at the kernel's parameters: 'vfioplan host' on it says which")
  }

  static func noGroup(_ device: AssignedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      deviceWithoutGroup, "device \(quote(device.name)) is in no IOMMU group",
      at: device.addressSpan,
      notes: [.init("the host lists it without 'group'", fact.span)],
      help: "switch the IOMMU on in firmware and kernel")
  }

  static func unexpected(
    _ device: AssignedDevice, _ expected: DeviceExpectation, _ fact: HostDevice,
    _ differences: [String]
  ) -> Diagnostic {
    Diagnostic(
      unexpectedDevice,
      "device \(quote(device.name)) is not what is expected: "
        + differences.joined(separator: ", "),
      at: expected.span, notes: [.init("the host has this at \(fact.address)", fact.span)],
      help: "see 'vfioplan host' for its address now, or correct what is expected")
  }

  static func otherDriver(_ device: AssignedDevice, _ driver: String) -> Diagnostic {
    Diagnostic(
      driverNotVFIO,
      "device \(quote(device.name)) can't be given to driver \(quote(driver)), which is none of "
        + "VFIO's", at: device.driverSpan,
      help: "leave out 'driver' for vfio-pci, or name a variant such as 'mlx5_vfio_pci'")
  }

  static func otherSpelling(
    _ device: AssignedDevice, _ driver: String, _ real: String
  ) -> Diagnostic {
    Diagnostic(
      driverNotVFIO,
      "device \(quote(device.name)) can't be given to driver \(quote(driver)): there is none of "
        + "that name, it is called \(quote(real))", at: device.driverSpan,
      help: "write 'driver: \(real)'; modules and their files are spelt otherwise than drivers")
  }

  static func bridge(_ device: AssignedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      deviceIsBridge, "device \(quote(device.name)) is a PCI bridge and can't be given to a VM",
      at: device.addressSpan,
      notes: [.init("the host gives its class as \(hex(UInt64(fact.classCode)))", fact.span)],
      help: "name the device behind the bridge")
  }

  static func unsafe(
    member: HostDevice, driver: String, group: Int, of device: AssignedDevice
  ) -> Diagnostic {
    Diagnostic(
      groupNotViable,
      "\(quote(device.name)) is in IOMMU group \(group) with '\(member.address)', which driver "
        + "\(quote(driver)) of the host uses",
      at: device.addressSpan,
      notes: [.init("'\(member.address)' is described here", member.span)],
      help: Companion.canBeKept(member)
        ? "unbind '\(member.address)' from \(quote(driver)), give it to the VM, too, or let "
          + "vfioplan keep it away with 'companions: bind'"
        : "unbind '\(member.address)' from \(quote(driver))")
  }

  static func mateUnenforceable(
    _ mate: HostDevice, behind unit: HostIOMMU, of device: AssignedDevice
  ) -> Diagnostic {
    Diagnostic(
      mateHoldsBack,
      "'\(mate.address)', in the IOMMU group of \(quote(device.name)), is behind IOMMU "
        + "\(quote(unit.name)), which can't enforce snoop; the kernel attaches both",
      at: device.addressSpan,
      notes: [.init("'\(mate.address)' is described here", mate.span)],
      help: "check that the host description is right: groups don't span IOMMUs")
  }

  static func unsafeInterrupts(
    _ unit: HostIOMMU, devices: [String], at span: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      msiNotIsolated,
      "IOMMU \(quote(unit.name)) does not isolate interrupts, so \(list(devices)) can't be bound",
      at: span, notes: [.init("\(quote(unit.name)) is described here", unit.span)],
      help: "switch interrupt remapping on, or set 'allowUnsafeInterrupts: true' if the guest "
        + "is trusted")
  }

  static func direct(
    _ region: ReservedRegion, of member: HostDevice, group: Int, device: AssignedDevice
  ) -> Diagnostic {
    Diagnostic(
      directRegion,
      "\(quote(device.name)) can't be bound: firmware insists on "
        + "\(hex(region.start))-\(hex(region.end)) for '\(member.address)' in IOMMU group \(group)",
      at: device.addressSpan, notes: [.init("the region is listed here", region.span)],
      help: "look for a firmware setting that drops the mapping (RMRR)")
  }

  static func missingInterface(
    _ node: String, target: String, usable: [String], host: HostDescription
  ) -> Diagnostic {
    Diagnostic(
      interfaceMissing,
      "target \(quote(target)) needs \(node), which host \(quote(host.name)) lacks",
      at: host.kernel.span,
      help: usable.isEmpty
        ? "use a kernel that has it" : "this host can run target \(list(usable))")
  }

  static func kvmMissing(_ host: HostDescription) -> Diagnostic {
    Diagnostic(
      noKVM, "host \(quote(host.name)) has no KVM; its steps are left out", at: host.kernel.span,
      help: "load the kvm module if the VM is to run with it")
  }

  static func kvmMissing(_ host: HostDescription, always clause: KVMClause) -> Diagnostic {
    Diagnostic(
      alwaysWithoutKVM,
      "KVM is always to allow non-coherent DMA, but host \(quote(host.name)) has no KVM",
      at: clause.span, notes: [.init("the host's kernel is described here", host.kernel.span)],
      help: "use 'incoherentDMA: auto', or load the kvm module")
  }
}
