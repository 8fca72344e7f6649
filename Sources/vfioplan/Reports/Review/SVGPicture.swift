import Parser
import Planner

/// A picture as SVG inside HTML: a column for each kind of node, links from left to right.
///
/// Non-coherent paths are dashed, thicker and say so: they stand out without colour.
struct SVGPicture {
  private static let box = (width: 188, height: 40)
  private static let step = (x: 244, y: 52)
  private static let head = 28
  /// The most characters of a name that fit a box.
  private static let room = 24

  private let picture: ReviewPicture
  private let rows: Int
  private let columns: [ReviewPicture.Kind]
  /// The column and the row of each node.
  private let places: [(x: Int, y: Int)]

  /// Lays a picture out.
  init(_ picture: ReviewPicture) {
    self.picture = picture
    columns = ReviewPicture.Kind.allCases.filter { $0 != .kvm }
    var counts: [ReviewPicture.Kind: Int] = [:]
    let order = picture.nodes.map { node -> Int in
      defer { counts[node.kind, default: 0] += 1 }
      return counts[node.kind, default: 0]
    }
    // KVM stands below the rest: what leads to it goes past them.
    let most = counts.filter { $0.key != .kvm }.values.max() ?? 1
    let (columns, finished) = (columns, counts)
    rows = most + counts[.kvm, default: 0]
    places = zip(picture.nodes, order).map { node, row in
      let lead =
        node.kind == .kvm
        ? most * Self.step.y : (most - finished[node.kind, default: 1]) * Self.step.y / 2
      return (
        (columns.firstIndex(of: node.kind) ?? columns.count - 1) * Self.step.x,
        Self.head + lead + row * Self.step.y
      )
    }
  }

  /// Writes the picture.
  func append(to page: inout HTMLWriter, title: String) {
    let width = (columns.count - 1) * Self.step.x + Self.box.width
    let height = Self.head + rows * Self.step.y
    page.element(
      "svg",
      [
        ("viewBox", "-2 0 \(width + 4) \(height)"), ("width", "\(width + 4)"),
        ("height", "\(height)"), ("role", "img"), ("aria-label", title),
      ]
    ) { page in
      for (index, kind) in columns.enumerated() {
        page.element(
          "text", [("class", "column"), ("x", "\(index * Self.step.x)"), ("y", "14")], kind.title)
      }
      for link in picture.edges { append(link.edge, link.coherence, to: &page) }
      for index in picture.nodes.indices { append(index, to: &page) }
    }
  }

  private func append(
    _ edge: ReviewPicture.Edge, _ coherence: PlanReview.Row.Coherence, to page: inout HTMLWriter
  ) {
    page.element(
      "path", [("class", Self.style(coherence)), ("d", path(edge))]
    ) { _ in }
  }

  /// A curve from the right side of one box to the left side of another one.
  private func path(_ edge: ReviewPicture.Edge) -> String {
    let (from, to) = (places[edge.from], places[edge.to])
    let start = (x: from.x + Self.box.width, y: from.y + Self.box.height / 2)
    let end = (x: to.x, y: to.y + Self.box.height / 2)
    let isPastOthers = picture.nodes[edge.to].kind == .kvm
    let bend = isPastOthers ? (Self.step.x - Self.box.width) / 2 : (end.x - start.x) / 2
    let turn = isPastOthers ? start.x + 2 * bend : end.x
    let curve = "M\(start.x) \(start.y)C\(start.x + bend) \(start.y) \(turn - bend) \(end.y)"
    return curve + " \(turn) \(end.y)H\(end.x)"
  }

  private func append(_ index: Int, to page: inout HTMLWriter) {
    let (node, place) = (picture.nodes[index], places[index])
    page.element("g", [("class", Self.style(node.coherence))]) { page in
      page.element("title", node.title + (node.detail.isEmpty ? "" : ", " + node.detail))
      page.element(
        "rect",
        [
          ("x", "\(place.x)"), ("y", "\(place.y)"), ("width", "\(Self.box.width)"),
          ("height", "\(Self.box.height)"), ("rx", "5"),
        ]
      ) { _ in }
      let lines = [Self.mark(node.coherence) + node.title, node.detail]
      for (line, text) in lines.enumerated() where !text.isEmpty {
        page.element(
          "text",
          [
            ("class", line == 0 ? "name" : "detail"), ("x", "\(place.x + 8)"),
            ("y", "\(place.y + 17 + line * 15)"),
          ], Self.short(text))
      }
    }
  }

  private static func style(_ coherence: PlanReview.Row.Coherence) -> String {
    switch coherence {
    case .coherent: "coherent"
    case .perhapsNot: "doubtful"
    case .not: "incoherent"
    }
  }

  private static func mark(_ coherence: PlanReview.Row.Coherence) -> String {
    switch coherence {
    case .coherent: ""
    case .perhapsNot: "? "
    case .not: "! "
    }
  }

  private static func short(_ text: String) -> String {
    text.count <= room ? text : text.prefix(room - 1) + "\u{2026}"
  }
}
