import Planner

/// A picture in Mermaid's language, as Markdown on GitHub and GitLab shows it.
struct MermaidPicture {
  private let picture: ReviewPicture

  /// Takes a picture.
  init(_ picture: ReviewPicture) { self.picture = picture }

  /// The lines of a flowchart.
  ///
  /// Non-coherent paths are dotted and say so; colours are left to the page.
  var lines: [String] {
    var lines = ["flowchart LR"]
    for (index, node) in picture.nodes.enumerated() {
      let (open, close) = Self.brackets(of: node.kind)
      let detail = node.detail.isEmpty ? "" : "<br>" + Self.escaped(node.detail)
      let title = Self.escaped(node.title)
      lines.append("  n\(index)\(open)\"\(title)\(detail)\"\(close)")
    }
    for (edge, coherence) in picture.edges {
      lines.append("  n\(edge.from) \(Self.arrow(coherence)) n\(edge.to)")
    }
    return lines
  }

  private static func brackets(of kind: ReviewPicture.Kind) -> (String, String) {
    switch kind {
    case .device: ("[", "]")
    case .unit: ("{{", "}}")
    case .pageTable: ("[[", "]]")
    case .addressSpace: ("[(", ")]")
    case .kvm: ("([", "])")
    }
  }

  private static func arrow(_ coherence: PlanReview.Row.Coherence) -> String {
    switch coherence {
    case .coherent: "-->"
    case .perhapsNot: "-. no-snoop? .->"
    case .not: "-. no-snoop .->"
    }
  }

  /// A label's text: whatever could mean something to Mermaid or HTML stands as its number.
  static func escaped(_ text: String) -> String {
    text.visible.escaped { scalar in
      let isPlain =
        scalar.properties.isAlphabetic || "0123456789 .:-".unicodeScalars.contains(scalar)
      return isPlain ? nil : "#\(scalar.value);"
    }
  }
}
