extension HostIOMMU {
  /// The type of Arm's units of version 3.
  static let arm = "arm-smmu-v3"

  /// Every unit that the kernel drives, by name (`/sys/class/iommu`); what their files do not say
  /// is reported.
  static func all(
    in tree: SysfsTree, release: HostKernel, into findings: inout [Diagnostic]
  ) -> [HostIOMMU] {
    let isolated = tree.isolatesInterrupts
    return tree.names(in: "/sys/class/iommu").compactMap { name in
      let directory = "/sys/class/iommu/\(name)"
      guard NodeDecoder.takesText(name) else {
        findings.append(SysfsDiagnostics.malformed(directory, "a unit's name"))
        return nil
      }
      var unit = HostIOMMU(name: name, type: name, isolatedMSI: isolated)
      if tree.exists(directory + "/intel-iommu") {
        let cap = tree.register(directory + "/intel-iommu/cap", into: &findings)
        let ecap = tree.register(directory + "/intel-iommu/ecap", into: &findings)
        unit.describe(intelCapabilities: cap, extended: ecap)
      } else if tree.exists(directory + "/amd-iommu") {
        unit.describe(amdFeatures: tree.hex(directory + "/amd-iommu/features"), release)
      } else if name.hasPrefix("smmu3") {
        // Whether it can enforce is in the firmware's IORT table (CANWBS), which sysfs hides.
        (unit.type, unit.addressBits, unit.pageSizes) = (arm, 48, threeSizes)
      } else if tree.isVirtioIOMMU(name) {
        (unit.type, unit.enforceSnoop, unit.addressBits) = (virtio, .no, 64)
      } else {
        (unit.type, unit.addressBits) = (kind(ofUnit: name), 32)
      }
      return unit
    }
  }

  /// Whether this program knows units of the type; others may not be for PCI devices at all.
  var isOfKnownType: Bool { [Self.intel, Self.amd, Self.arm, Self.virtio].contains(type) }

  /// What a unit of no known type is called without its number or address, such as `iommu` for
  /// `ff650800.iommu`.
  private static func kind(ofUnit name: String) -> String {
    let words = name.split(separator: ".").filter { UInt64($0, radix: 16) == nil }
    let kinds = words.map { $0.prefix { !$0.isNumber } }
    return String(kinds.first { !$0.isEmpty } ?? name[...])
  }

  private static let threeSizes: [UInt64] = [4 << 10, 2 << 20, 1 << 30]

  /// VT-d's registers (specification 4.1, sections 11.4.2 and 11.4.3): widths of addresses and
  /// tables, large pages, snoop control.
  private mutating func describe(intelCapabilities cap: UInt64?, extended ecap: UInt64?) {
    type = Self.intel
    enforceSnoop = ecap.map { $0 & 1 << 7 != 0 ? .yes : .no } ?? .unknown
    guard let cap else { return }
    let guestBits = Int(cap >> 16 & 0x3f) + 1
    let tableBits = [1: 39, 2: 48, 3: 57].filter { cap >> 8 & 1 << $0.key != 0 }.values.max()
    addressBits = min(guestBits, tableBits ?? guestBits)
    pageSizes = [4 << 10]
    if cap & 1 << 34 != 0 { pageSizes.append(2 << 20) }
    if cap & 1 << 35 != 0 { pageSizes.append(1 << 30) }
  }

  /// AMD's extended features: levels of host tables (HATS, bits 10 and 11).
  ///
  /// Tables of version 1 always make requests coherent. Until 6.16 the driver gave them all 64 bits
  /// (`amd/iommu.c`, `dma_max_address`).
  private mutating func describe(amdFeatures features: UInt64?, _ kernel: HostKernel) {
    (type, enforceSnoop, pageSizes) = (Self.amd, .yes, Self.threeSizes)
    addressBits = 48
    if !kernel.release.isEmpty, !kernel.hasRelease(atLeast: 6, 16) { addressBits = 64 }
    if let features, kernel.hasRelease(atLeast: 6, 16) {
      addressBits = [48, 57, 64, 48][Int(features >> 10 & 3)]
    }
  }
}

extension SysfsTree {
  /// A register of a unit; reported if it can't be read.
  fileprivate func register(_ path: String, into findings: inout [Diagnostic]) -> UInt64? {
    if let value = hex(path) { return value }
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
