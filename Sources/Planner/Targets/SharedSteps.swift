import Parser

/// Which drivers hand a device to VFIO.
public enum VFIODriver {
  /// The driver devices are given to that are not with a VFIO driver yet.
  public static let standard = "vfio-pci"

  /// Whether a driver is `vfio-pci` or one of its variants, such as `mlx5-vfio-pci`.
  ///
  /// sysfs shows either spelling of the last part (`drivers/vfio/pci`).
  public static func isVFIO(_ driver: String) -> Bool {
    guard driver.hasSuffix("vfio-pci") || driver.hasSuffix("vfio_pci") else { return false }
    let variant = driver.utf8.dropLast(standard.utf8.count).last
    return variant == nil || variant == UInt8(ascii: "-") || variant == UInt8(ascii: "_")
  }

  /// What sysfs calls a driver of VFIO by whatever name of its module.
  ///
  /// Variants are called as their modules, whose names have underscores where those of their files
  /// have dashes (KBUILD_MODNAME; drivers/vfio/pci/mlx5/main.c); vfio-pci is called otherwise.
  static func realName(of driver: String) -> String {
    let module = String(driver.map { $0 == "-" ? "_" : $0 })
    return module == "vfio_pci" ? standard : module
  }
}

extension HostDevice {
  /// Whether the driver that has it is one of VFIO's: as the host says, else by its name.
  public var hasVFIODriver: Bool {
    guard let driver else { return false }
    return vfioDriver.or(Fact(VFIODriver.isVFIO(driver))) == .yes
  }
}

/// Steps that every dialect takes.
extension ProgramBuilder {
  /// Gives every device that is elsewhere, and every companion, to a VFIO driver.
  ///
  /// Before any file is opened: the kernel refuses to hand out a group while a driver of the host
  /// does DMA in it. Unbind, override, probe in this order, although the override could come first:
  /// only so does the exact reverse (unbind vfio-pci, clear the override, probe) end with the old
  /// driver.
  mutating func bindDrivers(of plan: IOASIDPlan) {
    for device in plan.devices {
      guard let wanted = device.driverToGet else { continue }
      origin = device.origin
      bind(device.address, from: device.driver, to: wanted)
    }
    for companion in plan.companions {
      origin = plan.devices[companion.device].origin
      bind(companion.address, from: companion.driver, to: VFIODriver.standard)
    }
  }

  private mutating func bind(_ address: BDF, from old: String?, to new: String) {
    if let old { sysfs(.unbind(address, from: old)) }
    sysfs(.driverOverride(address, new))
    sysfs(.probe(address, by: new))
  }

  /// Opens `/dev/kvm` and makes a VM.
  mutating func makeVM(for vm: ResolvedVM) -> Reference<ObjectKind.VM> {
    origin = vm.kvm.$incoherentDMA
    let kvm = open(.kvm, as: ObjectKind.KVM.self, named: "kvm")
    return issue(KVMRequests.createVM, on: kvm, named: "vm")
  }

  /// Makes the kvm-vfio device of a new VM.
  ///
  /// Only if KVM is told about something, and by us: a VM that nobody asks about is not made.
  mutating func makeKVMVFIO(
    for vm: ResolvedVM, _ plan: IOASIDPlan, on kernel: HostKernel
  ) -> Reference<ObjectKind.KVMVFIO>? {
    guard kernel.kvm != .no, vm.kvm.owner != .command, plan.devices.contains(where: \.isKnownToKVM)
    else { return nil }
    return issue(
      KVMRequests.createDevice, on: makeVM(for: vm), [.literal(KVMRequests.vfioDeviceType)],
      named: "kvm-vfio")
  }

  /// Tells KVM about a device file.
  mutating func add(
    _ file: Reference<ObjectKind.DeviceFD>, to kvm: Reference<ObjectKind.KVMVFIO>
  ) {
    addFile(file.id, to: kvm)
  }

  /// Tells KVM about a group file.
  mutating func add(_ file: Reference<ObjectKind.Group>, to kvm: Reference<ObjectKind.KVMVFIO>) {
    addFile(file.id, to: kvm)
  }

  private mutating func addFile(_ file: ResultID, to kvm: Reference<ObjectKind.KVMVFIO>) {
    issue(
      KVMRequests.addFile, on: kvm,
      [.literal(KVMRequests.fileGroup), .literal(KVMRequests.fileAdd), .result(file)])
  }

  /// Makes the guest memory that some address space maps, one piece per region of the description.
  ///
  /// `make` says whether it is a file only or mapped, too.
  mutating func makeMemory<Made>(
    for plan: IOASIDPlan, of vm: ResolvedVM,
    _ make: (inout ProgramBuilder, GuestMemory, String) -> Reference<Made>
  ) -> [Reference<Made>?] {
    var isMapped = [Bool](repeating: false, count: vm.memory.count)
    for space in plan.addressSpaces {
      for mapping in space.mappings { isMapped[mapping.region] = true }
    }
    return vm.memory.indices.map { index in
      guard isMapped[index] else { return nil }
      let region = vm.memory[index]
      origin = region.span
      let memory = GuestMemory(
        size: region.size, hugePageBytes: region.hugePageBytes, population: region.population)
      return make(&self, memory, ResultNames.memory(index))
    }
  }
}

extension PageTable {
  /// Calls a function with each of the table's devices, the leader first.
  ///
  /// The table has the format of the leader's IOMMU, and the kernel checks each further device
  /// against what is there.
  func forEachDeviceLeaderFirst(_ body: (Int) -> Void) {
    body(leader)
    for device in devices where device != leader { body(device) }
  }
}
