import Parser

/// Two facts of a kernel's description that can't both be true.
struct Contradiction: Hashable, Sendable {
  /// The one that counts, as it stands in the file.
  var fact: String
  /// The other one.
  var other: String
  /// Where one of them stands.
  var span: SourceSpan
}

extension HostKernel {
  /// What the description says of the kernel that can't be true together.
  ///
  /// A rule that holds does not contradict a node that is not there: kernels are built without.
  var contradictions: [Contradiction] {
    var found: [Contradiction] = []
    for (node, fact, rule) in [
      ("iommufd", iommufd, KernelRules.iommufd), ("vfioCdev", vfioCdev, KernelRules.vfioCdevs),
    ] {
      guard fact == .yes, let stated = statedRules[rule.name], !stated.holds else { continue }
      found.append(
        Contradiction(
          fact: "\(node): true", other: "rules: { \(rule.name): false }", span: stated.span))
    }
    found += nodeContradictions.map { Contradiction(fact: $0, other: $1, span: span) }
    return found
  }

  private var nodeContradictions: [(fact: String, other: String)] {
    let container = vfioContainer.map { "vfioContainer: \($0.rawValue)" } ?? ""
    var found: [(String, String)] = []
    switch vfioContainer {
    case .iommufd? where iommufd == .no: found.append((container, "iommufd: false"))
    case .iommufd? where rules.answer(KernelRules.iommufd) == .no:
      let isStated = statedRules[KernelRules.iommufd.name] != nil
      found.append((container, isStated ? "rules: { iommufd: false }" : "release: \(release)"))
    case .vfio? where type1 == .no: found.append((container, "type1: false"))
    case Optional.some(.none) where type1 == .yes: found.append((container, "type1: true"))
    case .vfio?, .iommufd?, Optional.some(.none), nil: break
    }
    return found
  }
}

extension HostKernel {
  /// A statement that type1 goes by the weakest unit, next to what only later kernels do.
  var ruleOfNoKernel: Contradiction? {
    let early = KernelRules.type1EnforcesByTable
    guard let stated = statedRules[early.name], !stated.holds else { return nil }
    let late: String?
    if vfioContainer == .iommufd {
      late = "vfioContainer: iommufd"
    } else if rules.answer(KernelRules.kvmAsksDevices) == .no {
      late = nil
    } else if statedRules[KernelRules.kvmAsksDevices.name] != nil {
      late = "rules: { kvmAsksDevices: true }"
    } else {
      late = release.isEmpty ? "no release (the newest counts)" : "release: \(release)"
    }
    return late.map {
      Contradiction(fact: "rules: { \(early.name): false }", other: $0, span: stated.span)
    }
  }
}

extension HostDescription {
  /// Reports rules of which nobody knows what type1 would do with them.
  func reportRulesOfNoKernel(into sink: inout DiagnosticSink) {
    if let found = kernel.ruleOfNoKernel { sink.report(PlannerDiagnostics.ofNoKernel(found, self)) }
  }
}

extension PlannerDiagnostics {
  static func ofNoKernel(_ found: Contradiction, _ host: HostDescription) -> Diagnostic {
    Diagnostic(
      rulesOfNoKernel,
      "host \(quote(host.name)) says \(quote(found.fact)) and \(quote(found.other)), which no "
        + "kernel has together",
      at: found.span, help: "correct one of them, or use a target other than 'type1'")
  }

  static func contradictory(_ found: Contradiction, _ host: HostDescription) -> Diagnostic {
    Diagnostic(
      contradiction,
      "host \(quote(host.name)) says \(quote(found.fact)) and \(quote(found.other)), which can't "
        + "both be true; the first counts",
      at: found.span, help: "correct one of them")
  }
}
