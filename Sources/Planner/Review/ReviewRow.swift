import Parser

extension PlanReview {
  /// One device of the VM.
  public struct Row: Hashable, Sendable {
    /// Whether its DMA is coherent.
    public enum Coherence: Hashable, Sendable {
      /// It is, whatever nobody knows.
      case coherent
      /// It counts as not coherent, as a fact is unknown.
      case perhapsNot
      /// It is not.
      case not

      /// In words.
      public var text: String {
        switch self {
        case .coherent: "coherent"
        case .perhapsNot: "non-coherent?"
        case .not: "non-coherent"
        }
      }
    }

    /// What a page table does with no-snoop requests.
    public enum Format: Hashable, Sendable {
      /// It ignores the attribute.
      case enforced
      /// It is not known to.
      case perhapsNot
      /// It lets them through.
      case notEnforced

      /// In words.
      public var text: String {
        switch self {
        case .enforced: "enforced"
        case .perhapsNot: "not enforced?"
        case .notEnforced: "not enforced"
        }
      }
    }

    /// The user's name for it.
    public let name: String
    /// Its PCI address.
    public let address: BDF
    /// What kind of device it is, by its class: `network card`.
    public let kind: String
    /// What it is called; `nil` if nobody knows.
    public let product: String?
    /// The earlier row of a function of the same card that is of another kind.
    let card: Int?
    /// Its IOMMU group.
    public let group: Int
    /// The IOMMU unit that it is behind.
    public let unit: String
    /// Whether its DMA is coherent.
    public let coherence: Coherence
    /// Its page table's name.
    public let pageTable: String
    /// What its page table does.
    public let format: Format
    /// Whether it is the first one of its page table.
    public let isFirstOfTable: Bool
    /// Whether KVM is told of it.
    public let isKnownToKVM: Bool
    /// The facts of it that nobody knows.
    public let unknown: [Diagnostic.OpenFact]

    /// What it is, in the shortest words that tell: its name, else its kind.
    public var what: String { card != nil ? "its \(kind)" : product ?? kind }
  }
}

extension PlanReview.Row {
  /// A row for each device of a plan.
  static func all(of compiled: CompiledPlan, name: (HostDevice) -> String?) -> [Self] {
    let plan = compiled.plan
    let wanted = Set(plan.devices.lazy.map(\.address))
    let facts = Dictionary(
      compiled.host.devices.lazy.filter { wanted.contains($0.address) }.map { ($0.address, $0) },
      uniquingKeysWith: { first, _ in first })
    var first: [UInt64: (row: Int, base: UInt32)] = [:]
    var seen = Array(repeating: false, count: plan.pageTables.count)
    return plan.devices.indices.map { index in
      let device = plan.devices[index]
      let fact = facts[device.address] ?? HostDevice(address: device.address)
      let (slot, base) = (device.address.packed >> 3, fact.classCode >> 16)
      let card = first[slot]
      if card == nil { first[slot] = (index, base) }
      defer { seen[device.pageTable] = true }
      return Self(
        device, plan, fact, name(fact), card: card.flatMap { $0.base == base ? nil : $0.row },
        isFirst: !seen[device.pageTable])
    }
  }

  private init(
    _ device: PlannedDevice, _ plan: IOASIDPlan, _ fact: HostDevice, _ product: String?,
    card: Int?, isFirst: Bool
  ) {
    let table = plan.pageTables[device.pageTable]
    name = device.name
    address = device.address
    kind = PCIClass.kind(of: fact.classCode)
    self.product = product
    self.card = card
    group = device.group
    unit = device.iommu
    coherence =
      !device.isEffective ? .coherent : plan.isSurelyIncoherent(device) ? .not : .perhapsNot
    pageTable = table.name
    format =
      table.snoopPolicy == .enforced
      ? .enforced : plan.isKnown(table) ? .notEnforced : .perhapsNot
    isFirstOfTable = isFirst
    isKnownToKVM = device.isKnownToKVM
    unknown = device.unknown
  }
}

extension IOASIDPlan {
  /// Whether the no-snoop DMA of an effective device reaches memory, whatever nobody knows; where
  /// the user decides what a page table does, nothing hangs on what the unit can.
  func isSurelyIncoherent(_ device: PlannedDevice) -> Bool {
    device.isSurelyEffective || dialect?.isProposalOnly == true && device.noSnoopFact == .yes
  }
}
