/// Reads `objective`: the name of a preset, or all four metrics in order.
enum ObjectiveDecoder {
  /// Reads an objective; `nil` if it is left out or wrong.
  static func decode(_ node: YAMLTree.Node?, _ decoder: inout NodeDecoder) -> Objective? {
    guard let node else { return nil }
    guard decoder.tree.kind(of: node) == .sequence else {
      let presets = Objective.presets.map { ($0.name, $0.objective) }
      return decoder.word(node, WordList("objective", presets))
    }
    return order(node, &decoder)
  }

  private static func order(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Objective? {
    let metrics = WordList("metric", of: Metric.self)
    var order: [(metric: Metric, span: SourceSpan)] = []
    var isSound = true
    for item in decoder.tree.children(of: node) {
      let span = decoder.tree.span(of: item)
      guard let metric = decoder.word(item, metrics) else {
        isSound = false
        continue
      }
      if let first = order.first(where: { $0.metric == metric }) {
        decoder.report(
          ParserDiagnostics.metricTwice(metric.rawValue, at: span, first: first.span))
        isSound = false
      } else {
        order.append((metric, span))
      }
    }
    let missing = Metric.allCases.filter { metric in !order.contains { $0.metric == metric } }
    if isSound, !missing.isEmpty {
      decoder.report(
        ParserDiagnostics.metricsMissing(
          missing.map(\.rawValue), at: decoder.tree.headSpan(of: node)))
    }
    return Objective(order: order.map(\.metric))
  }
}
