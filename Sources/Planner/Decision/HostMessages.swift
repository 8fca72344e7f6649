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

  static func missing(
    _ device: ResolvedDevice, host: String, _ candidates: DeviceCandidates?
  ) -> Diagnostic {
    Diagnostic(
      deviceNotOnHost,
      "device \(quote(device.name)): host \(quote(host)) has no device at '\(device.address)'",
      at: device.$place,
      help: candidates?.text ?? "'vfioplan host' lists what the host has, 'lspci -D' as well")
  }

  /// Said once of all devices that have no IOMMU for one reason.
  static func noIOMMU(
    _ devices: [ResolvedDevice], _ facts: [HostDevice], on host: HostDescription, isGraphics: Bool
  ) -> Diagnostic {
    Diagnostic(
      deviceWithoutIOMMU, "\(subject(devices)) not behind an IOMMU", at: devices[0].$place,
      notes: places(facts, "iommu"),
      help: isGraphics ? IOMMURemedy.ofGraphics(on: host) : IOMMURemedy.ofDevices(on: host))
  }

  /// `device 'a' is`, or `'a' and 'b' are`.
  private static func subject(_ devices: [ResolvedDevice]) -> String {
    devices.count == 1
      ? "device \(quote(devices[0].name)) is" : "\(list(devices.map(\.name))) are"
  }

  /// Where a host leaves a key of devices out.
  private static func places(_ facts: [HostDevice], _ key: String) -> [Diagnostic.Note] {
    if facts.count == 1 { return [.init("the host lists it without '\(key)'", facts[0].span)] }
    return facts.prefix(4).map {
      .init("the host lists '\($0.address)' without '\(key)'", $0.span)
    }
  }

  /// Said once of a host whose IOMMUs are off or not there.
  static func noIOMMUs(on host: HostDescription, for devices: [ResolvedDevice]) -> Diagnostic {
    Diagnostic(
      deviceWithoutIOMMU,
      "host \(quote(host.name)) has no IOMMU, so \(list(devices.map(\.name))) can't be given away",
      at: devices[0].$place,
      notes: [.init("the host is described here", host.$name)],
      help: IOMMURemedy.ofMachine(host))
  }

  /// Said once of all devices that have an IOMMU and no group.
  static func noGroup(_ devices: [ResolvedDevice], _ facts: [HostDevice]) -> Diagnostic {
    Diagnostic(
      deviceWithoutGroup, "\(subject(devices)) in no IOMMU group", at: devices[0].$place,
      notes: places(facts, "group"),
      help: "what is behind an IOMMU in use has a group: take the host's snapshot again with "
        + "'vfioplan host'")
  }

  static func unexpected(
    _ device: ResolvedDevice, _ expected: DeviceExpectation, _ fact: HostDevice,
    _ differences: [String]
  ) -> Diagnostic {
    Diagnostic(
      unexpectedDevice,
      "device \(quote(device.name)) is not what is expected: "
        + differences.joined(separator: ", "),
      at: expected.span, notes: [.init("the host has this at \(fact.address)", fact.span)],
      help: "see 'vfioplan host' for its address now, or correct what is expected")
  }

  static func otherDriver(_ device: ResolvedDevice, _ driver: String) -> Diagnostic {
    Diagnostic(
      driverNotVFIO,
      "device \(quote(device.name)) can't be given to driver \(quote(driver)), which is none of "
        + "VFIO's", at: device.$driver,
      help: "leave out 'driver' for vfio-pci, or name a variant such as 'mlx5_vfio_pci'")
  }

  static func otherSpelling(
    _ device: ResolvedDevice, _ driver: String, _ real: String
  ) -> Diagnostic {
    Diagnostic(
      driverNotVFIO,
      "device \(quote(device.name)) can't be given to driver \(quote(driver)): there is none of "
        + "that name, it is called \(quote(real))", at: device.$driver,
      help: "write 'driver: \(real)'; modules and their files are spelt otherwise than drivers")
  }

  static func bridge(_ device: ResolvedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      deviceIsBridge, "device \(quote(device.name)) is a PCI bridge and can't be given to a VM",
      at: device.$place,
      notes: [.init("the host gives its class as \(hexText(UInt64(fact.classCode)))", fact.span)],
      help: "name the device behind the bridge")
  }

  static func mateUnenforceable(
    _ mate: HostDevice, behind unenforced: UnenforcedUnit, of device: ResolvedDevice
  ) -> Diagnostic {
    Diagnostic(
      mateHoldsBack,
      "'\(mate.address)', in the IOMMU group of \(quote(device.name)), is behind IOMMU "
        + "\(quote(unenforced.unit.name)), which \(unenforced.clause); the kernel attaches both",
      at: device.$place,
      notes: [.init("'\(mate.address)' is described here", mate.span)],
      help: "check that the host description is right: groups don't span IOMMUs"
    ).resting(on: unenforced.fact == .unknown ? [.canEnforceSnoop] : [])
  }

  static func unsafeInterrupts(
    _ unit: HostIOMMU, devices: [String], module: String, at span: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      msiNotIsolated,
      "IOMMU \(quote(unit.name)) does not isolate interrupts, so \(list(devices)) can't be bound",
      at: span, notes: [.init("\(quote(unit.name)) is described here", unit.span)],
      help: "switch interrupt remapping on; or, if the guest is trusted, set the parameter "
        + "'\(module).allow_unsafe_interrupts=1' and say 'allowUnsafeInterrupts: true'")
  }

  static func direct(
    _ region: ReservedRegion, of member: HostDevice, group: Int, device: ResolvedDevice
  ) -> Diagnostic {
    Diagnostic(
      directRegion,
      "\(quote(device.name)) can't be bound: firmware insists on "
        + "\(hexText(region.start))-\(hexText(region.end)) for '\(member.address)' "
        + "in IOMMU group \(group)",
      at: device.$place, notes: [.init("the region is listed here", region.span)],
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
      at: clause.$incoherentDMA,
      notes: [.init("the host's kernel is described here", host.kernel.span)],
      help: "use 'incoherentDMA: auto', or load the kvm module")
  }
}
