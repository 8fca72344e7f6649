import Parser

/// An IOMMU unit as the simulated kernel knows it.
struct SimulatedUnit {
  /// The driver that has it, as far as drivers differ here.
  enum Family {
    /// VT-d.
    case intel
    /// AMD-Vi.
    case amd
    /// SMMUv3.
    case arm
    /// RISC-V's.
    case riscv
    /// virtio-iommu: a virtual machine's own.
    case virtio
    /// Any other: it takes tables of units that are like it.
    case other
  }

  /// Its driver.
  let family: Family
  /// Number of its class: units of one class are alike.
  let compatibilityClass: Int
  /// Whether it can enforce snoop under this kernel.
  let enforcementFact: Fact
  /// Whether VFIO takes its devices: DMA can be made coherent (CACHE_COHERENCY).
  let isCoherent: Bool
  /// Whether interrupts are isolated per device.
  let isolatesInterrupts: Bool
  /// The last I/O virtual address it translates.
  let apertureLast: UInt64
  /// Its smallest page size, in bytes.
  let pageBytes: UInt64
  /// Whether that is larger than the CPU's page, so that iommufd makes no page table for it.
  let isTooCoarse: Bool
  /// Its page sizes, as a bit map.
  let pageSizes: UInt64
  /// Whether its tables for users are first stage, if this kernel makes such tables.
  let prefersFirstStage: Bool
  /// Whether it reads tables from caches; `nil` if that is not known.
  let walksCoherently: Bool?
  /// What it can do if it is one of the kernel's tests.
  var mock: MockUnit?

  /// Whether it is an Intel unit.
  var isIntel: Bool { family == .intel }
  /// Whether it is a virtio-iommu.
  var isVirtio: Bool { family == .virtio }

  /// The last address of a new table.
  ///
  /// Some drivers fill that in at the first attach, which comes before the address space asks only
  /// if a device that was on none makes the table by being attached: `isAttachedFirst`
  /// (`iommufd/hw_pagetable.c`). Until then Intel's tables have 57 bits, and others none (§7.16,
  /// §7.17, §7.31).
  func apertureLast(ofNewTable isAttachedFirst: Bool, by facts: SimulatedRelease) -> UInt64 {
    if isAttachedFirst { return apertureLast }
    switch family {
    case .intel where !facts.has(.intelTablesHaveWidth): return (1 << 57) - 1
    case .arm where !facts.has(.smmuTablesAreWhole): return 0
    case .virtio where !facts.has(.virtioTablesAreWhole): return 0
    default: return apertureLast
    }
  }

  /// Whether its driver takes a table that was made for another unit, as far as its form goes; up
  /// to `last` there are mappings in it.
  ///
  /// Before 6.13 Intel's cuts off the levels that a unit lacks, unless something is mapped there.
  /// From then on a table must not be wider than the unit can be (§7.24).
  func takes(
    tableOf maker: SimulatedUnit, mappedUpTo last: UInt64?, isFirstStage: Bool,
    by facts: SimulatedRelease
  ) -> Bool {
    guard isIntel, maker.isIntel else {
      return compatibilityClass == maker.compatibilityClass
    }
    // The other way round it does: units with a first stage have a second one, too.
    if isFirstStage, !prefersFirstStage { return false }
    guard facts.has(.narrowerTablesFit) else { return (last ?? 0) <= apertureLast }
    if maker.apertureLast > apertureLast { return false }
    if let ours = walksCoherently, let theirs = maker.walksCoherently, ours != theirs {
      return false
    }
    return facts.has(.intelTakesFewerPages)
      ? maker.pageSizes & ~pageSizes == 0 : maker.pageSizes == pageSizes
  }
}

extension SimulatedUnit {
  /// Whether it can enforce snoop under this kernel; unknown counts as no.
  var canEnforceSnoop: Bool { enforcementFact == .yes }

  /// The units of a host, numbered by compatibility: same type, width and page sizes.
  static func all(
    _ units: [HostIOMMU], by facts: SimulatedRelease, isScalable: Bool, pageBytes: UInt64
  ) -> [SimulatedUnit] {
    var classes: [HostIOMMU] = []
    return units.map { unit in
      let known = classes.firstIndex {
        $0.type == unit.type && $0.addressBits == unit.addressBits && $0.pageSizes == unit.pageSizes
      }
      if known == nil { classes.append(unit) }
      let family = Family(of: unit.type)
      return SimulatedUnit(
        family: family, compatibilityClass: known ?? classes.count - 1,
        enforcementFact: unit.snoopEnforcement(under: facts),
        isCoherent: family != .riscv || facts.has(.riscvIsCoherent),
        isolatesInterrupts: unit.isolatedMSI,
        apertureLast: UInt64.max >> UInt64(64 - max(1, min(64, unit.addressBits))),
        pageBytes: max(1, unit.pageSizes.first ?? 4096),
        isTooCoarse: unit.pageSizes.first.map { $0 > pageBytes } ?? false,
        pageSizes: family.pageSizes(of: unit, by: facts),
        prefersFirstStage: family == .intel && facts.has(.intelFirstStage)
          && (isScalable || unit.firstStage == .yes),
        walksCoherently: unit.ecap.map { $0 & HostIOMMU.pageWalkCoherency != 0 })
    }
  }
}

extension SimulatedUnit.Family {
  /// The driver of a kind of unit.
  fileprivate init(of type: String) {
    switch type {
    case HostIOMMU.intel: self = .intel
    case HostIOMMU.amd: self = .amd
    case HostIOMMU.arm: self = .arm
    case HostIOMMU.riscv: self = .riscv
    case HostIOMMU.virtio: self = .virtio
    default: self = .other
    }
  }

  /// The sizes of pages that a driver tells, as a bit map.
  ///
  /// AMD's knows every power of two that is an address and fits into 52 bits, but for the 512 GiB
  /// that hardware gets wrong (`amd/amd_iommu_types.h`, 6.12; `generic_pt/fmt/amdv1.h`, 7.3). For
  /// virtio the device says so, and no file: QEMU's has every one from 4 KiB.
  fileprivate func pageSizes(of unit: HostIOMMU, by facts: SimulatedRelease) -> UInt64 {
    switch self {
    case .intel where !facts.has(.intelTellsPages): ~4095
    case .amd where !facts.has(.amdTellsPages): ~4095 & ~(1 << 39)
    case .amd: .max >> UInt64(64 - min(52, unit.addressBits - 1)) & ~4095 & ~(1 << 39)
    case .virtio: ~4095
    default: unit.pageSizes.reduce(0, |)
    }
  }
}

extension HostIOMMU {
  /// ECAP.C, *Page-walk Coherency*: bit 0 of the extended capability register (§3.8).
  fileprivate static let pageWalkCoherency: UInt64 = 1

  /// ECAP.SC, *Snoop Control*: bit 7 of the extended capability register (§3.8).
  static let snoopControlBit: UInt64 = 1 << 7

  /// Whether it is told what AMD's driver goes by.
  private var hasRawFacts: Bool { pageTables != nil || features != nil }

  /// A register, unless every bit of it is 1: nothing answers there.
  private func legible(_ register: UInt64?) -> UInt64? { register == .max ? nil : register }

  /// Whether a kernel lets the unit enforce snoop (§3.2).
  ///
  /// Of AMD's second format nobody knows whether it does, although the driver says yes (§7.20).
  fileprivate func snoopEnforcement(under facts: SimulatedRelease) -> Fact {
    switch type {
    case Self.intel:
      legible(ecap).map { Fact($0 & Self.snoopControlBit != 0) } ?? enforceSnoop
    case Self.amd: amdEnforcement(under: facts)
    case Self.arm: facts.has(.smmuEnforcesByCANWBS) ? canwbs.or(enforceSnoop) : .no
    case Self.virtio, Self.riscv: enforceSnoop.or(.no)
    default: enforceSnoop
    }
  }

  private func amdEnforcement(under facts: SimulatedRelease) -> Fact {
    if enforceSnoop == .no { return .no }
    let hasSecondFormat = facts.has(.amdSecondFormat)
    if pageTables == .v2, hasSecondFormat { return .unknown }
    if enforceSnoop == .yes || pageTables == .v1 { return .yes }
    return hasRawFacts && !hasSecondFormat ? .yes : .unknown
  }
}
