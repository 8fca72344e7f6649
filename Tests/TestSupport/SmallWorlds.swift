import Parser

/// A VM on a host, reduced to what decides about page tables.
public struct SmallWorld: Hashable, Sendable, CustomStringConvertible {
  /// A device of the VM.
  public struct Device: Hashable, Sendable {
    /// Its IOMMU group.
    public var group: Int
    /// Its address space: 0 is `gpa`, 1 is `dma0`.
    public var space: Int
    /// The compatibility class of its IOMMU, 0 or 1.
    public var unitClass: Int
    /// Whether its IOMMU can enforce snoop.
    public var enforceSnoop: Fact
    /// Whether it may no-snoop.
    public var noSnoopCapable: Fact
    /// What the user wants.
    public var intent: NoSnoopIntent
    /// Whether it is integrated graphics, which `auto` has a row for.
    public var isGraphics: Bool

    /// Makes a device.
    public init(
      group: Int = 0, space: Int = 0, unitClass: Int = 0, enforceSnoop: Fact = .yes,
      noSnoopCapable: Fact = .yes, intent: NoSnoopIntent = .allowed, isGraphics: Bool = false
    ) {
      self.group = group
      self.space = space
      self.unitClass = unitClass
      self.enforceSnoop = enforceSnoop
      self.noSnoopCapable = noSnoopCapable
      self.intent = intent
      self.isGraphics = isGraphics
    }
  }

  /// The devices, in description order.
  public var devices: [Device]
  /// What the user says about KVM.
  public var kvm: KVMClause.IncoherentDMA
  /// What the host's CPUs are; `nil` leaves it out.
  public var architecture: HostProcessor.Architecture?

  /// Makes a world.
  public init(devices: [Device], kvm: KVMClause.IncoherentDMA = .auto) {
    self.devices = devices
    self.kvm = kvm
  }

  /// One line per device, to paste into a test.
  public var description: String {
    let lines = devices.enumerated().map { index, device in
      "d\(index): group \(device.group) space \(device.space) class \(device.unitClass) "
        + "enforce \(device.enforceSnoop.rawValue) noSnoop \(device.noSnoopCapable.rawValue) "
        + device.intent.rawValue + (device.isGraphics ? " graphics" : "")
    }
    let kind = architecture.map { " on \($0.rawValue)" } ?? ""
    return (["kvm \(kvm.rawValue)\(kind)"] + lines).joined(separator: "\n")
  }
}

extension SmallWorld {
  /// The VM description of this world; device `i` is called `di`.
  public func vm(_ objective: Objective = .coherency) -> VMDescription {
    let spaces = devices.contains { $0.space == 1 } ? [Self.privateSpace] : []
    return VMDescription(
      name: "small", objective: objective, memory: [MemoryRegion(gpa: 0, size: 1 << 21)],
      kvm: KVMClause(incoherentDMA: kvm, span: Self.span(1000)),
      devices: devices.indices.map { index in
        AssignedDevice(
          name: "d\(index)", address: address(of: index), noSnoop: devices[index].intent,
          addressSpace: devices[index].space == 0 ? "gpa" : "dma0", span: Self.span(index))
      }, addressSpaces: spaces)
  }

  /// The host of this world: two classes of IOMMUs, with a unit for each fact.
  public var host: HostDescription {
    var kernel = HostKernel(release: "7.3.4")
    kernel.processor.architecture = architecture
    return HostDescription(
      name: "small", kernel: kernel, iommus: Self.units,
      devices: devices.indices.map { index in
        let device = devices[index]
        return HostDevice(
          address: address(of: index), vendor: device.isGraphics ? 0x8086 : 0x15B3,
          device: 0x1000, classCode: device.isGraphics ? 0x030000 : 0x020000,
          iommu: Self.unitName(device.unitClass, device.enforceSnoop), group: device.group,
          noSnoopCapable: device.noSnoopCapable)
      })
  }

  /// A span of the VM description that stands for a device (its index) or the KVM line (1000).
  public static func span(_ line: Int) -> SourceSpan {
    let start = UInt32(truncatingIfNeeded: line * 10)
    return SourceSpan(source: .vm, start: start, end: start + 5)
  }

  /// Graphics sit on bus 0, everything else elsewhere.
  private func address(of index: Int) -> BDF {
    BDF(
      domain: 0, bus: devices[index].isGraphics ? 0 : 1, device: UInt8(index % 32),
      function: UInt8(index / 32 % 8))
  }

  private static let privateSpace = AddressSpace(
    name: "dma0", windows: [AddressSpace.Window(iova: 0, gpa: 0, size: 1 << 20)])

  private static func unitName(_ unitClass: Int, _ fact: Fact) -> String {
    "unit\(unitClass)-\(fact.rawValue)"
  }

  private static let units: [HostIOMMU] = [0, 1].flatMap { unitClass in
    Fact.allCases.map { fact in
      HostIOMMU(
        name: unitName(unitClass, fact), enforceSnoop: fact, addressBits: 48 - 9 * unitClass)
    }
  }
}

/// Where small worlds come from.
public enum SmallWorlds {
  /// A random world: up to 5 groups of up to 3 devices, everything mixed.
  public static func random(seed: UInt64) -> SmallWorld {
    var random = SeededNumbers(seed: seed)
    var devices: [SmallWorld.Device] = []
    let spaces = Int.random(in: 1...2, using: &random)
    let classes = Int.random(in: 1...2, using: &random)
    for group in 0..<Int.random(in: 1...5, using: &random) {
      let space = Int.random(in: 0..<spaces, using: &random)
      let unitClass = Int.random(in: 0..<classes, using: &random)
      for _ in 0..<sizes[Int.random(in: 0..<sizes.count, using: &random)] {
        devices.append(device(group: group, space: space, unitClass: unitClass, &random))
      }
    }
    devices.shuffle(using: &random)
    var world = SmallWorld(
      devices: devices, kvm: kvms[Int.random(in: 0..<kvms.count, using: &random)])
    // One in six has no KVM with a non-coherent mode.
    world.architecture = [nil, nil, nil, .x86, .x86, .arm].randomElement(using: &random) ?? nil
    return world
  }

  private static let sizes = [1, 1, 1, 2, 2, 3]
  private static let kvms: [KVMClause.IncoherentDMA] = [
    .auto, .auto, .auto, .auto, .never, .always,
  ]
  private static let facts: [Fact] = [.yes, .yes, .no, .no, .unknown]
  private static let intents: [NoSnoopIntent] = [
    .allowed, .allowed, .allowed, .auto, .auto, .required, .forbidden,
  ]

  private static func device(
    group: Int, space: Int, unitClass: Int, _ random: inout SeededNumbers
  ) -> SmallWorld.Device {
    SmallWorld.Device(
      group: group, space: space, unitClass: unitClass,
      enforceSnoop: facts[Int.random(in: 0..<facts.count, using: &random)],
      noSnoopCapable: facts[Int.random(in: 0..<facts.count, using: &random)],
      intent: intents[Int.random(in: 0..<intents.count, using: &random)],
      isGraphics: Int.random(in: 0..<4, using: &random) == 0)
  }

  /// How many worlds `forEachSmall` visits.
  public static let smallCount = 63_699

  /// Visits a canonical finite universe: every world of up to 3 groups.
  ///
  /// With one device per group, up to order: whether its IOMMU can enforce and whether it can
  /// no-snoop, intent required, allowed, forbidden or `auto` on graphics (16 kinds), in the cell
  /// (`gpa`, class 0), (`dma0`, class 0) or (`gpa`, class 1), with each word about KVM: 62,475
  /// worlds. And every single group of two such devices, 136 pairs, in each cell and with each word
  /// about KVM: 1,224 worlds.
  public static func forEachSmall(_ visit: (SmallWorld) throws -> Void) rethrows {
    try forEachSet(of: single, upTo: 3, visit)
    try forEachSet(of: pairs, from: 1, upTo: 1, visit)
  }

  /// How many worlds `forEachLarge` visits.
  public static let largeCount = 1_122_459

  /// Visits a larger universe: every world of up to 4 groups of one device, 812,175 worlds, and
  /// every world of up to 2 groups of which at least one has two devices, 310,284 worlds.
  ///
  /// Kinds, cells and words about KVM are those of `forEachSmall`.
  public static func forEachLarge(_ visit: (SmallWorld) throws -> Void) rethrows {
    try forEachSet(of: single, upTo: 4, visit)
    try forEachSet(of: single + pairs, from: 1, upTo: 2) { world in
      let groups = (world.devices.last?.group ?? 0) + 1
      if world.devices.count > groups { try visit(world) }
    }
  }

  private static let single = kinds.map { [$0] }
  private static let pairs = kinds.indices.flatMap { first in
    kinds[first...].map { [kinds[first], $0] }
  }

  /// Visits every multiset of groups, each in every cell, with each word about KVM.
  private static func forEachSet(
    of groups: [[SmallWorld.Device]], from least: Int = 0, upTo most: Int,
    _ visit: (SmallWorld) throws -> Void
  ) rethrows {
    var chosen: [Int] = []
    try forEachMultiset(of: groups.count * cells.count, upTo: most, &chosen) { choice in
      guard choice.count >= least else { return }
      let devices = choice.enumerated().flatMap { number, index in
        groups[index / cells.count].map { place($0, number, cells[index % cells.count]) }
      }
      for kvm in KVMClause.IncoherentDMA.allCases {
        try visit(SmallWorld(devices: devices, kvm: kvm))
      }
    }
  }

  private static let cells = [(space: 0, unitClass: 0), (1, 0), (0, 1)]

  private static let kinds: [SmallWorld.Device] = [Fact.yes, .no].flatMap { enforce in
    [Fact.yes, .no].flatMap { capable in
      [NoSnoopIntent.required, .allowed, .forbidden, .auto].map { intent in
        SmallWorld.Device(
          enforceSnoop: enforce, noSnoopCapable: capable, intent: intent,
          isGraphics: intent == .auto)
      }
    }
  }

  private static func place(
    _ kind: SmallWorld.Device, _ group: Int, _ cell: (space: Int, unitClass: Int)
  ) -> SmallWorld.Device {
    var device = kind
    (device.group, device.space, device.unitClass) = (group, cell.space, cell.unitClass)
    return device
  }

  private static func forEachMultiset(
    of count: Int, upTo size: Int, _ chosen: inout [Int], _ visit: ([Int]) throws -> Void
  ) rethrows {
    try visit(chosen)
    guard chosen.count < size else { return }
    for next in (chosen.last ?? 0)..<count {
      chosen.append(next)
      try forEachMultiset(of: count, upTo: size, &chosen, visit)
      chosen.removeLast()
    }
  }
}
