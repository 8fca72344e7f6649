import Parser

extension HostIOMMU {
  /// What a unit can do, as its registers, the driver of a kernel's release and what that was told
  /// at boot have it.
  init(_ facts: IOMMUFacts, on kernel: HostKernel, _ told: KernelFacts) {
    self.init(name: facts.name, type: facts.name, isolatedMSI: facts.isolatesInterrupts)
    switch facts.unit {
    case .intel(let capabilities, let extended):
      conclude(intel: capabilities, extended)
      firstStage = Self.isScalable(extended, told)
    case .amd(let features):
      conclude(amd: features, on: kernel)
      pageTables = told.hasNoHostTables ? .v2 : Self.format(told)
      enforceSnoop = amdEnforcement(by: kernel.rules)
    case .arm:
      // Whether it can enforce is in the firmware's IORT table (CANWBS), which sysfs hides.
      (type, addressBits, pageSizes) = (Self.arm, 48, Self.sizes(withPages: kernel.pageBytes))
    case .riscv: (type, enforceSnoop, addressBits) = (Self.riscv, .no, 39)
    case .virtio: (type, enforceSnoop, addressBits) = (Self.virtio, .no, 64)
    case .other(let kind): (type, addressBits) = (kind, 32)
    }
  }

  /// Whether Intel's unit is in scalable mode and has first-stage tables: as the command line says,
  /// else as the kernel was built (`sm_on`, `sm_off`, CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON).
  private static func isScalable(_ extended: UInt64?, _ told: KernelFacts) -> Fact {
    let word = told.settings(of: "intel_iommu").last { $0 == "sm_on" || $0 == "sm_off" }
    let built = told.isBuilt(with: "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON")
    let isOn = word.map { $0 == "sm_on" } ?? (told.commandLine == nil ? nil : built)
    guard let isOn else { return .unknown }
    return isOn ? hasFirstStage(extended) : .no
  }

  /// The format of page tables that AMD's driver was told to use (`amd_iommu=pgtbl_v2`).
  private static func format(_ told: KernelFacts) -> TableFormat? {
    let words = ["pgtbl_v1": TableFormat.v1, "pgtbl_v2": .v2]
    return told.settings(of: "amd_iommu").compactMap { words[$0] }.last
  }

  private static let threeSizes: [UInt64] = [4 << 10, 2 << 20, 1 << 30]

  /// The sizes of Arm's tables, whose smallest page is the CPU's (`arm_lpae_restrict_pgsizes`,
  /// drivers/iommu/io-pgtable-arm.c, 5.4 to 7.3).
  private static func sizes(withPages bytes: UInt64) -> [UInt64] {
    switch bytes {
    case 16 << 10: [16 << 10, 32 << 20]
    case 64 << 10: [64 << 10, 512 << 20]
    default: threeSizes
    }
  }

  /// VT-d's registers (specification 4.1, sections 11.4.2 and 11.4.3): widths of addresses and
  /// tables, large pages, snoop control.
  private mutating func conclude(intel capabilities: UInt64?, _ extended: UInt64?) {
    type = Self.intel
    (cap, ecap) = (capabilities, extended)
    enforceSnoop = Self.snoopControl(in: extended)
    guard let cap = Self.read(capabilities) else { return }
    let guestBits = Int(cap >> 16 & 0x3f) + 1
    let tableBits = [1: 39, 2: 48, 3: 57].filter { cap >> 8 & 1 << $0.key != 0 }.values.max()
    addressBits = min(guestBits, tableBits ?? guestBits)
    pageSizes = [4 << 10]
    if cap & 1 << 34 != 0 { pageSizes.append(2 << 20) }
    if cap & 1 << 35 != 0 { pageSizes.append(1 << 30) }
  }

  /// AMD's extended features: levels of host tables (HATS, bits 10 and 11).
  ///
  /// Tables of version 1 always make requests coherent.
  private mutating func conclude(amd features: UInt64?, on kernel: HostKernel) {
    (type, enforceSnoop, pageSizes) = (Self.amd, .yes, Self.threeSizes)
    self.features = features
    if kernel.rules.holds(KernelRules.amdTableWidthByHATS) {
      addressBits = features.map { [48, 57, 64, 48][Int($0 >> 10 & 3)] } ?? 48
    } else {
      addressBits = kernel.release.isEmpty ? 48 : 64
    }
  }
}

extension HostIOMMU {
  /// Whether the unit enforces snoop under a kernel, from what is stated and from raw facts.
  ///
  /// What a register says, and what a release's driver does, counts more than what is stated: no
  /// SMMUv3 enforces before the kernel looks at CANWBS, and of AMD's second format nobody knows.
  public func enforcement(by rules: KernelRules) -> Fact {
    switch type {
    case Self.intel: Self.snoopControl(in: ecap).or(enforceSnoop)
    case Self.amd: amdEnforcement(by: rules)
    case Self.arm:
      rules.answer(KernelRules.smmuEnforcesByCANWBS) == .no ? .no : canwbs.or(enforceSnoop)
    case Self.virtio, Self.riscv: enforceSnoop.or(.no)
    default: enforceSnoop
    }
  }

  /// Whether user domains of the unit are first stage under a kernel, unless they ask for more.
  func firstStage(by rules: KernelRules) -> Fact {
    guard type == Self.intel, isScalable != .no else { return .no }
    switch rules.answer(KernelRules.intelFirstStage) {
    case .no: return .no
    case .yes: return firstStage
    case .unknown: return firstStage == .no ? .no : .unknown
    }
  }

  /// Whether Intel's unit has a scalable mode with first-stage tables (ECAP.SMTS, ECAP.FSTS).
  var isScalable: Fact {
    Self.read(ecap) == nil ? firstStage : Self.hasFirstStage(ecap)
  }

  private static func hasFirstStage(_ extended: UInt64?) -> Fact {
    let bits: UInt64 = 1 << 43 | 1 << 47
    return read(extended).map { Fact($0 & bits == bits) } ?? .unknown
  }

  /// Whether Intel's unit tracks dirty pages, in second-stage tables (ECAP.SSADS, scalable mode).
  var tracksDirtyPages: Bool {
    let bits: UInt64 = 1 << 43 | 1 << 45
    return Self.read(ecap).map { $0 & bits == bits } ?? false
  }

  /// Whether the features of AMD's unit leave no level of host tables (HATS 3): then the driver
  /// takes the second format.
  private var hasNoHostLevels: Bool { features.map { $0 >> 10 & 3 == 3 } ?? false }

  private func amdEnforcement(by rules: KernelRules) -> Fact {
    guard enforceSnoop != .no else { return .no }
    let hasSecondFormat = rules.answer(KernelRules.amdSecondFormat)
    if hasSecondFormat == .no, pageTables != nil || features != nil { return .yes }
    if hasNoHostLevels, rules.answer(KernelRules.amdTableWidthByHATS) != .no { return .unknown }
    switch pageTables {
    case .v1: return .yes
    case .v2: return hasSecondFormat == .no ? enforceSnoop : .unknown
    case nil: return enforceSnoop
    }
  }
}

extension HostDescription {
  /// As `enforcement(on:)`, by the units' names.
  func enforcementByName(on dialect: any Dialect) -> [String: Fact] {
    Dictionary(
      zip(iommus.lazy.map(\.name), enforcement(on: dialect)),
      uniquingKeysWith: { first, _ in first })
  }

  /// Whether each unit enforces snoop, in the order of the units.
  ///
  /// On type1 before 5.19 the bus was asked: one of Intel's units without snoop control keeps all
  /// of them from enforcing.
  func enforcement(on dialect: any Dialect) -> [Fact] {
    let rules = kernel.rules
    var facts = iommus.map { $0.enforcement(by: rules) }
    guard dialect.enforcesByBus, rules.answer(KernelRules.type1EnforcesByTable) != .yes else {
      return facts
    }
    let intel = iommus.indices.filter { iommus[$0].type == HostIOMMU.intel }
    guard intel.contains(where: { facts[$0] != .yes }) else { return facts }
    let isKnown = rules.answer(KernelRules.type1EnforcesByTable) == .no
    let weakest: Fact = isKnown && intel.contains { facts[$0] == .no } ? .no : .unknown
    for unit in intel where facts[unit] == .yes { facts[unit] = weakest }
    return facts
  }
}
