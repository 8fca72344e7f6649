import Parser
import Planner

/// What consequences come to, in one sentence.
struct ConsequenceVerdict {
  private let consequences: [Consequence]
  private let isX86: Bool

  /// Takes consequences, the worst first, and whether KVM has two ways to treat WBINVD.
  init(_ consequences: [Consequence], isX86: Bool) {
    self.consequences = consequences
    self.isX86 = isX86
  }

  /// The sentence about a later plan that is called by a label.
  func text(of label: String) -> String {
    if consequences.allSatisfy({ $0.kind == .cost }) { return "\(label) changes no decision" }
    return "\(label) breaks no promise; " + headlines.prefix(3).joined(separator: ", ")
  }

  private var headlines: [String] {
    let isKnown = consequences.allSatisfy { $0.kind != .nonCoherent || $0.unknown.isEmpty }
    let parts: [String?] = [
      isKnown
        ? clause(.nonCoherent, "becomes NON-COHERENT", "become NON-COHERENT")
        : clause(.nonCoherent, "may become NON-COHERENT", "may become NON-COHERENT"),
      clause(.nonCoherentComes, "comes, NON-COHERENT", "come, NON-COHERENT"),
      wbinvd, clause(.goes, "goes", "go"), clause(.nonCoherentGoes, "goes", "go"),
      clause(.comes, "comes", "come"),
      clause(.coherent, "becomes coherent", "become coherent"), lesser,
    ]
    return parts.compactMap { $0 }
  }

  private var wbinvd: String? {
    guard isX86 else { return nil }
    return consequences.lazy.compactMap { consequence in
      switch consequence.kind {
      case .wbinvdCarriedOut:
        consequence.what == nil ? "KVM carries out WBINVD" : "KVM may carry out WBINVD"
      case .wbinvdIgnored: "KVM ignores WBINVD"
      default: nil
      }
    }.first
  }

  /// What is said where nothing above is to be said.
  private var lesser: String? {
    let told: Set<Consequence.Kind> = [
      .nonCoherent, .nonCoherentComes, .wbinvdCarriedOut, .goes, .nonCoherentGoes, .comes,
      .coherent, .wbinvdIgnored,
    ]
    guard !consequences.contains(where: { told.contains($0.kind) }) else { return nil }
    switch consequences.first?.kind {
    case .promiseWithdrawn: return "a promise is withdrawn"
    case .notEnforced:
      return clause(.notEnforced, "is no longer enforced", "are no longer enforced")
    case .joins, .leaves: return "page tables are shared otherwise"
    case .moved: return clause(.moved, "is another device", "are other devices")
    case .reach: return clause(.reach, "reaches other memory", "reach other memory")
    case .hostLoses: return "the host loses a device more"
    case .factUnknown: return "facts become unknown"
    case .memory: return "the guest's memory changes"
    case .target: return "another interface of the kernel carries it out"
    case .promise: return "another promise is kept"
    case .promiseGiven: return "a promise more is kept"
    default: return "all devices stay as coherent as they were"
    }
  }

  /// The devices of one kind of consequence with a verb.
  private func clause(_ kind: Consequence.Kind, _ one: String, _ many: String) -> String? {
    let names = consequences.filter { $0.kind == kind }.compactMap(\.device)
    guard let first = names.first else { return nil }
    if names.count == 1 { return "\(first) \(one)" }
    if names.count <= 3 { return sentenceList(names) + " " + many }
    return "\(names.count) devices \(many)"
  }
}
