/// What the files of a machine say of one of its IOMMUs, with registers as they are.
public struct IOMMUFacts: Sendable {
  /// Whose driver has it.
  public enum Unit: Hashable, Sendable {
    /// Intel's, with its capability registers (VT-d specification 4.1, sections 11.4.2 and 11.4.3);
    /// `nil` if one can't be read.
    case intel(capabilities: UInt64?, extended: UInt64?)
    /// AMD's, with its extended features; `nil` if they can't be read.
    case amd(features: UInt64?)
    /// Arm's of version 3.
    case arm
    /// RISC-V's.
    case riscv
    /// A virtual machine's own.
    case virtio
    /// One that nothing here knows, such as `iommu` for `ff650800.iommu`.
    case other(kind: String)
  }

  /// Its name in `/sys/class/iommu`.
  public let name: String
  /// Whose it is, and its registers.
  public let unit: Unit
  /// Whether the machine remaps or translates interrupts.
  public let isolatesInterrupts: Bool

  /// Every unit that the kernel drives, by name (`/sys/class/iommu`); what their files do not say
  /// is reported.
  static func all(in tree: SysfsTree, into findings: inout [Diagnostic]) -> [IOMMUFacts] {
    let isolates = tree.isolatesInterrupts
    return tree.names(in: "/sys/class/iommu").compactMap { name in
      guard NodeDecoder.takesText(name) else {
        findings.append(
          SysfsDiagnostics.malformed("/sys/class/iommu/\(name)", "a unit's name"))
        return nil
      }
      let unit = Unit(name, in: tree, into: &findings)
      return IOMMUFacts(name: name, unit: unit, isolatesInterrupts: isolates)
    }
  }
}

extension IOMMUFacts.Unit {
  fileprivate init(_ name: String, in tree: SysfsTree, into findings: inout [Diagnostic]) {
    let directory = "/sys/class/iommu/\(name)"
    if tree.exists(directory + "/intel-iommu") {
      let capabilities = tree.register(directory + "/intel-iommu/cap", into: &findings)
      let extended = tree.register(directory + "/intel-iommu/ecap", into: &findings)
      self = .intel(capabilities: capabilities, extended: extended)
    } else if tree.exists(directory + "/amd-iommu") {
      self = .amd(features: tree.hex(directory + "/amd-iommu/features"))
    } else if name.hasPrefix("smmu3") {
      self = .arm
    } else if name.hasPrefix("riscv-iommu") {
      self = .riscv
    } else if tree.isVirtioIOMMU(name) {
      self = .virtio
    } else {
      self = .other(kind: Self.kind(ofUnit: name))
    }
  }

  /// What a unit of no known type is called without its number or address.
  private static func kind(ofUnit name: String) -> String {
    let words = name.split(separator: ".").filter { Hex.number($0) == nil }
    let kinds = words.map { $0.prefix { !$0.isNumber } }
    return String(kinds.first { !$0.isEmpty } ?? name[...])
  }
}

extension SysfsTree {
  /// A register of a unit; what is there and says something else is reported.
  fileprivate func register(_ path: String, into findings: inout [Diagnostic]) -> UInt64? {
    if let value = hex(path) { return value }
    if isUnreadable(path) || !exists(path) { return nil }
    findings.append(SysfsDiagnostics.malformed(path, "a hexadecimal number of 64 bits"))
    return nil
  }

  /// Whether a unit is a virtio-iommu: it is named after its bus's device, a PCI function of the
  /// device ids that virtio gives to type 23, or one in memory.
  fileprivate func isVirtioIOMMU(_ name: String) -> Bool {
    let device = "/sys/bus/pci/devices/" + name
    return name.contains("virtio")
      || BDF(name) != nil && hex(device + "/vendor") == 0x1af4 && hex(device + "/device") == 0x1057
  }

  /// Whether interrupts of devices are remapped or translated: the names of interrupt chips tell.
  ///
  /// `IR-` stands for interrupt remapping on x86, `ITS` for Arm's translation service; the kernel
  /// asks its interrupt domains (`msi_device_has_isolated_msi`), which have no file of their own.
  fileprivate var isolatesInterrupts: Bool {
    guard let text = text("/proc/interrupts") else { return false }
    return text.contains(" IR-") || text.contains(" ITS-")
  }
}
