import Parser
import Planner

/// What becomes of a device, in words.
struct DeviceConsequence {
  private let before: CompiledPlan
  private let after: CompiledPlan
  private let earlier: [BDF: Int]
  private let later: [BDF: Int]

  /// Takes the plans that differ.
  init(_ before: CompiledPlan, _ after: CompiledPlan) {
    (self.before, self.after) = (before, after)
    (earlier, later) = (Self.positions(before), Self.positions(after))
  }

  private static func positions(_ compiled: CompiledPlan) -> [BDF: Int] {
    let devices = compiled.plan.devices
    return Dictionary(
      devices.indices.map { (devices[$0].address, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// All that becomes of one device: what it is, and how that comes about.
  func text(of consequences: [Consequence]) -> String {
    let clauses = consequences.map(text)
    guard let first = consequences.first, [.nonCoherent, .coherent].contains(first.kind),
      clauses.count > 1
    else { return clauses.joined(separator: "; ") }
    return clauses[0] + ": " + clauses.dropFirst().joined(separator: "; ")
  }

  /// One clause.
  private func text(of consequence: Consequence) -> String {
    let (old, new) = (consequence.before ?? "none", consequence.after ?? "none")
    let others = Self.table(of: consequence.others)
    switch consequence.kind {
    case .nonCoherent: return "non-coherent" + Self.remark(on: consequence.unknown)
    case .coherent: return "coherent"
    case .nonCoherentComes:
      return "new, NON-COHERENT" + shared(others) + Self.remark(on: consequence.unknown)
    case .comes: return "new, coherent" + shared(others) + box(of: consequence)
    case .goes: return "gone"
    case .nonCoherentGoes: return "gone; it was non-coherent"
    case .joins: return "joins \(others)" + wasEnforced(consequence)
    case .leaves: return "leaves \(others)"
    case .notEnforced: return "its page table no longer enforces snoop"
    case .enforced: return "its page table enforces snoop now"
    case .promiseWithdrawn: return "'noSnoop: \(old)' is no longer promised"
    case .promise: return "'noSnoop: \(new)' is promised, no longer '\(old)'"
    case .promiseGiven: return "'noSnoop: \(new)' is promised now"
    case .moved: return "is \(new) now, was \(old)"
    case .reach:
      return old == new
        ? "address space '\(new)' maps other memory"
        : "reaches memory through address space '\(new)', no longer '\(old)'"
    case .told: return "KVM is told of it now"
    case .notTold: return "KVM is not told of it any more"
    default: return fact(consequence)
    }
  }

  /// A page table by the devices on it.
  private static func table(of names: [String]) -> String {
    if names.isEmpty { return "" }
    return names.count == 1
      ? "\(names[0])'s page table" : "the page table of \(nameList(names, limit: 3))"
  }

  private func shared(_ others: String) -> String {
    others.isEmpty ? "" : ", on \(others)"
  }

  /// The box of a device that comes, and whether KVM is told of it.
  private func box(of consequence: Consequence) -> String {
    guard let device = consequence.address.flatMap({ later[$0] }).map({ after.plan.devices[$0] })
    else { return "" }
    return ", box \(device.box)" + (device.isKnownToKVM ? "" : ": KVM is not told of it")
  }

  private func wasEnforced(_ consequence: Consequence) -> String {
    guard let now = consequence.address.flatMap({ later[$0] }),
      let then = consequence.address.flatMap({ earlier[$0] }),
      before.plan.isEnforced(then), !after.plan.isEnforced(now)
    else { return "" }
    return " (was enforced)"
  }

  private func fact(_ consequence: Consequence) -> String {
    let isOfDevice = consequence.what == Diagnostic.OpenFact.canNoSnoop.rawValue
    let subject = isOfDevice ? "whether it can no-snoop" : "whether its IOMMU enforces snoop"
    switch (consequence.kind, consequence.after) {
    case (.factUnknown, _):
      let counted = isOfDevice ? "counted as yes" : "counted as no"
      let test = consequence.address.map { "; " + UnknownFacts.noSnoopTest($0) + " finds out" }
      return "\(subject) is unknown now, \(counted)" + (isOfDevice ? test ?? "" : "")
    case (_, Fact.yes.rawValue):
      return isOfDevice ? "can no-snoop now" : "its IOMMU enforces snoop now"
    default: return isOfDevice ? "can't no-snoop now" : "its IOMMU can't enforce snoop now"
    }
  }

  /// That it may not be so, and which facts would have to be known.
  private static func remark(on unknown: [Diagnostic.OpenFact]) -> String {
    guard !unknown.isEmpty else { return "" }
    let facts = unknown.map { fact in
      switch fact {
      case .canNoSnoop: "whether it can no-snoop is unknown, counted as yes"
      case .canEnforceSnoop: "whether its IOMMU enforces is unknown, counted as no"
      }
    }
    return " (" + facts.joined(separator: "; ") + ")"
  }
}
