/// What the files of a machine say of its kernel: nodes, modules' classes, configuration.
public struct KernelFacts: Sendable {
  /// The release (`uname -r`); empty if it is not told.
  public let release: String
  /// Whether there is an iommufd: its node or its device of class `misc`.
  public let hasIOMMUFD: Bool
  /// Whether there is a container of VFIO.
  public let hasContainer: Bool
  /// Whether there is a KVM.
  public let hasKVM: Bool
  /// Whether devices of VFIO have nodes; `nil` if there is no such device to look at.
  public let hasCdevs: Bool?
  /// Whether every loaded interface was told to give devices without isolated interrupts.
  public let allowsUnsafeInterrupts: Bool
  /// How many mappings a container of type1 takes; `nil` while its module is not loaded.
  public let mappingLimit: Int?
  /// The CPUs it runs on.
  public let processor: HostProcessor
  /// What it was booted with, of its words only those about IOMMUs; `nil` if it does not tell.
  public let commandLine: [String]?
  /// Whether the firmware says that AMD's units have no host tables, as far as can be read.
  public let hasNoHostTables: Bool
  /// How many bytes a page of the CPUs has, from the options; `nil` if none tells, and on x86,
  /// where there is one size.
  public var pageBytes: UInt64? {
    guard processor.architecture != .x86 else { return nil }
    return [4, 16, 64].first {
      isBuilt(with: "CONFIG_PAGE_SIZE_\($0)KB") == true
        || isBuilt(with: "CONFIG_ARM64_\($0)K_PAGES") == true
    }.map { $0 << 10 }
  }
  /// The options it was built with; `nil` if its distribution does not tell.
  private let options: Set<Substring>?

  /// Reads a tree; `release` is what the kernel says of itself, if that can be held.
  init(_ tree: SysfsTree, release: String) {
    self.release = release
    options = tree.kernelOptions
    commandLine = tree.bytes("/proc/cmdline").map(Self.wordsAboutIOMMUs)
    hasIOMMUFD = tree.hasDevice("iommu", "/dev/iommu")
    hasContainer = tree.hasDevice("vfio", "/dev/vfio/vfio")
    hasKVM = tree.hasDevice("kvm", "/dev/kvm")
    allowsUnsafeInterrupts = tree.allowsUnsafeInterrupts
    mappingLimit = tree.mappingLimit
    processor = tree.processor
    hasCdevs = tree.hasCdevs
    hasNoHostTables = IVRS.hasNoHostTables(
      tree.bytesIfPermitted("/sys/firmware/acpi/tables/IVRS") ?? [])
  }

  /// Whether the kernel was built with an option, as part of it or as a module; `nil` if nothing
  /// tells.
  public func isBuilt(with option: String) -> Bool? { options?.contains(option[...]) }

  /// What a parameter of the command line was set to, in order: `amd_iommu=pgtbl_v2,off` has two
  /// settings.
  public func settings(of parameter: String) -> [String] {
    (commandLine ?? []).filter { $0.hasPrefix(parameter + "=") }.flatMap {
      $0.dropFirst(parameter.utf8.count + 1).split(separator: ",").map(String.init)
    }
  }

  /// The words of a command line that are about IOMMUs; others may hold what is private.
  static func wordsAboutIOMMUs(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
      .filter { $0.contains("iommu") }.map(String.init)
  }
}

extension SysfsTree {
  /// Whether the kernel has a device of class `misc`, or its node.
  fileprivate func hasDevice(_ name: String, _ node: String) -> Bool {
    exists("/sys/class/misc/\(name)") || exists(node)
  }

  /// Whether devices of VFIO have nodes; `nil` if there is no device to look at.
  ///
  /// The class is there from 6.1 on, the nodes from 6.6 on with CONFIG_VFIO_DEVICE_CDEV.
  fileprivate var hasCdevs: Bool? {
    let directory = "/sys/class/vfio-dev"
    return names(in: directory).first.map { exists("\(directory)/\($0)/dev") }
  }

  /// Whether every loaded interface was told to give devices without isolated interrupts; iommufd
  /// and type1 have a parameter each.
  fileprivate var allowsUnsafeInterrupts: Bool {
    let told = ["iommufd", "vfio_iommu_type1"].compactMap {
      text("/sys/module/\($0)/parameters/allow_unsafe_interrupts")
    }
    return !told.isEmpty && told.allSatisfy { $0 == "Y" || $0 == "1" }
  }

  /// How many mappings type1's module lets a container have.
  fileprivate var mappingLimit: Int? {
    text("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit").flatMap { UInt32($0) }
      .map { Int($0) }
  }

  /// The lines of `/proc/cpuinfo` that are looked at: who made a CPU and what it can do on x86, and
  /// lines that only Arm's and RISC-V's have.
  static let processorKeys = [
    "vendor_id", "flags", "address sizes", "CPU implementer", "hart",
  ]

  /// What the files say of the CPUs; nothing tells of the quirk but KVM itself.
  ///
  /// Before 6.1 there is no `arch`, and the lines of `cpuinfo`, which each architecture has its own
  /// of, stand in for it.
  fileprivate var processor: HostProcessor {
    var processor = HostProcessor()
    let lines = (bytes("/proc/cpuinfo", atMost: 1 << 13) ?? []).split(separator: 10).map {
      String(decoding: $0, as: UTF8.self).split(separator: ":", maxSplits: 1)
    }
    func value(_ key: String) -> Substring? {
      lines.first { $0.count == 2 && $0[0].hasPrefix(key) }?[1].drop { $0 == " " }
    }
    let vendor = value("vendor_id")
    if let word = text("/proc/sys/kernel/arch"), !word.isEmpty {
      processor.architecture = HostProcessor.Architecture(machine: word)
    } else if let vendor {
      processor.architecture = vendor == "IBM/S390" ? .s390 : .x86
    } else if value("CPU implementer") != nil {
      processor.architecture = .arm
    } else if value("hart") != nil {
      processor.architecture = .riscv
    }
    guard processor.architecture == .x86, let vendor else { return processor }
    processor.vendor = ["GenuineIntel": .intel, "AuthenticAMD": .amd][vendor] ?? .other
    if let flags = value("flags") {
      processor.selfSnoop = flags.split(separator: " ").contains("ss") ? .yes : .no
    }
    processor.addressBits = value("address sizes")?.split(separator: " ").first.flatMap { Int($0) }
      .flatMap { (1...64).contains($0) ? $0 : nil }
    return processor
  }

  /// What the configuration sets, if there is one for the release that runs.
  fileprivate var kernelOptions: Set<Substring>? {
    guard let release = text("/proc/sys/kernel/osrelease"), !release.contains("/"),
      let text = text("/boot/config-" + release)
    else { return nil }
    let lines = text.split(separator: "\n").filter { $0.hasSuffix("=y") || $0.hasSuffix("=m") }
    return lines.isEmpty ? nil : Set(lines.map { $0.dropLast(2) })
  }
}
