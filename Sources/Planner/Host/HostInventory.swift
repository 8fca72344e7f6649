import Parser

/// What a machine has: what follows from the facts of its files and from its release.
public struct HostInventory: Sendable {
  /// The machine, in the form that plans are made for.
  public let description: HostDescription
  /// What is known of the kernel, before anything is concluded.
  public let kernelFacts: KernelFacts
  /// Files that do not say what they should; the devices concerned are left out.
  public let findings: [Diagnostic]

  /// Whether every fact could be read, but for those that are another user's to read.
  public var isComplete: Bool { findings.allSatisfy { $0.severity == .warning } }

  /// Reads a machine or a copy of its files; what tests have found of devices counts more.
  ///
  /// If a release is given, concludes as if the machine ran it.
  public init(_ tree: SysfsTree, tested: [BDF: NoSnoopFact] = [:], release: String? = nil) {
    self.init(HostFacts(tree, tested: tested), release: release)
  }

  /// Concludes from facts.
  public init(_ facts: HostFacts, release: String? = nil) {
    var kernel = HostKernel(facts.kernel)
    if let release { kernel = kernel.running(release) }
    // The class also holds units of other buses, and those of the kernel's own tests.
    let used = Set(facts.devices.compactMap(\.iommu))
    let units = facts.iommus.filter { $0.isOfKnownType || used.contains($0.name) }
    var description = HostDescription(
      name: facts.name, kernel: kernel,
      iommus: units.map { HostIOMMU($0, on: kernel, facts.kernel) }, devices: facts.devices)
    description.memory = facts.memory
    self.description = description
    kernelFacts = facts.kernel
    findings = facts.findings
  }
}

extension HostKernel {
  /// What a kernel offers: what is there, and modules that come when they are needed; what is not
  /// there is not known where nothing says how the kernel was built.
  init(_ facts: KernelFacts) {
    func has(_ isThere: Bool, _ option: String) -> Fact {
      isThere ? .yes : facts.isBuilt(with: option).map { Fact($0) } ?? .unknown
    }
    self.init(
      release: facts.release, iommufd: has(facts.hasIOMMUFD, "CONFIG_IOMMUFD"),
      type1: has(facts.hasContainer, "CONFIG_VFIO_IOMMU_TYPE1"), kvm: Fact(facts.hasKVM),
      allowUnsafeInterrupts: facts.allowsUnsafeInterrupts)
    processor = facts.processor
    statedPageBytes = facts.pageBytes
    mappingLimit = facts.mappingLimit
    let option = facts.isBuilt(with: "CONFIG_VFIO_DEVICE_CDEV")
    let isKnown = facts.hasCdevs ?? option
    vfioCdev = isKnown.map { Fact($0) } ?? .unknown
    (iommufd, vfioCdev) = (rules.hasIOMMUFD, rules.hasCdevs)
  }
}

extension IOMMUFacts {
  /// Whether units of the type are known here; others may not be for devices of PCI at all.
  fileprivate var isOfKnownType: Bool { if case .other = unit { false } else { true } }
}
