import Parser

/// One thing that is otherwise for the VM or its host under a later plan.
///
/// Names of page tables, the order of files and steps have none.
public struct Consequence: Hashable, Sendable {
  /// What it is, the worst first; the raw value is the word in JSON.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// No-snoop requests of a device reach memory.
    case nonCoherent = "becomes-non-coherent"
    /// A device comes whose no-snoop requests reach memory.
    case nonCoherentComes = "non-coherent-device-comes"
    /// A device was `required` or `forbidden` to no-snoop, and neither holds any more.
    case promiseWithdrawn = "promise-withdrawn"
    /// KVM carries out the guest's WBINVD.
    case wbinvdCarriedOut = "wbinvd-becomes-carried-out"
    /// The page table of a device no longer enforces snoop.
    case notEnforced = "becomes-not-enforced"
    /// A device shares the page table of others.
    case joins = "joins-page-table"
    /// A device was `required` to no-snoop and is `forbidden` to, or the other way round.
    case promise = "promise-changes"
    /// A device goes.
    case goes = "device-goes"
    /// A device comes, and is coherent.
    case comes = "device-comes"
    /// The device of a name is another one.
    case moved = "device-moves"
    /// A device reaches other guest memory than before, through an address space of its own.
    case reach = "device-reaches-other-memory"
    /// The host loses a device that the VM does not get.
    case hostLoses = "host-loses-device"
    /// A fact is no longer known.
    case factUnknown = "fact-becomes-unknown"
    /// A fact is the contrary of what it was.
    case fact = "fact-changes"
    /// KVM is told of a device.
    case told = "kvm-is-told-of-device"
    /// KVM is no longer told of a device.
    case notTold = "kvm-is-not-told-of-device"
    /// The guest's memory is otherwise.
    case memory = "memory-changes"
    /// Another interface of the kernel carries the plan out.
    case target = "target-changes"
    /// No-snoop requests of a device no longer reach memory.
    case coherent = "becomes-coherent"
    /// A device goes whose no-snoop requests reached memory.
    case nonCoherentGoes = "non-coherent-device-goes"
    /// KVM ignores the guest's WBINVD.
    case wbinvdIgnored = "wbinvd-becomes-ignored"
    /// A device is `required` or `forbidden` to no-snoop, and was neither.
    case promiseGiven = "promise-given"
    /// The page table of a device enforces snoop.
    case enforced = "becomes-enforced"
    /// A device no longer shares the page table of others.
    case leaves = "leaves-page-table"
    /// The host keeps a device that it lost.
    case hostKeeps = "host-keeps-device"
    /// A fact is known.
    case factKnown = "fact-becomes-known"
    /// It costs more or less; no change of the decision by itself.
    case cost = "cost-changes"
  }

  /// What it is.
  public var kind: Kind
  /// The name of the device; `nil` if it is about none of the VM.
  public var device: String?
  /// The address of the device.
  public var address: BDF?
  /// The other devices that it is about: those on the page table.
  public var others: [String] = []
  /// The fact, the cost or the driver that it is about.
  public var what: String?
  /// What was.
  public var before: String?
  /// What will be.
  public var after: String?
  /// The facts about the device that nobody knows, which may make it untrue.
  public var unknown: [Diagnostic.OpenFact] = []

  /// Makes one.
  public init(_ kind: Kind, _ device: PlannedDevice? = nil) {
    self.kind = kind
    self.device = device?.name
    address = device?.address
  }

  /// What is so the other way round.
  public var opposite: Consequence {
    var other = self
    other.kind = kind.opposite
    (other.before, other.after) = (after, before)
    return other
  }
}

extension Consequence.Kind {
  /// What there is the other way round.
  public var opposite: Consequence.Kind {
    Self.opposites.first { $0.0 == self }?.1 ?? Self.opposites.first { $0.1 == self }?.0 ?? self
  }

  private static let opposites: [(Self, Self)] = [
    (.promiseWithdrawn, .promiseGiven), (.nonCoherent, .coherent),
    (.nonCoherentComes, .nonCoherentGoes), (.wbinvdCarriedOut, .wbinvdIgnored),
    (.notEnforced, .enforced), (.joins, .leaves), (.goes, .comes), (.hostLoses, .hostKeeps),
    (.factUnknown, .factKnown), (.told, .notTold),
  ]

  /// Whether the VM or its host is worse off.
  public var isWorse: Bool {
    switch self {
    case .promiseWithdrawn, .nonCoherent, .nonCoherentComes, .wbinvdCarriedOut, .notEnforced,
      .joins, .hostLoses, .factUnknown:
      true
    default: false
    }
  }

  /// Whether the VM or its host is better off.
  public var isBetter: Bool { !isWorse && opposite.isWorse }

  /// Its place among the others, the worst first.
  var rank: Int { Self.ranks[self] ?? 0 }

  private static let ranks = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($0.element, $0.offset) })
}
