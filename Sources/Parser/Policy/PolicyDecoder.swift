/// Reads a policy out of a tree.
///
/// It checks one entry at a time, as `VMDecoder` does: whether a row can ever decide is the
/// planner's question.
struct PolicyDecoder: DocumentDecoder {
  static let kind = DocumentKind.policy
  private let tree: YAMLTree
  private(set) var decoder: NodeDecoder
  private let intents = WordList(
    "no-snoop intent", NoSnoopIntent.allCases.filter { $0 != .auto }.map { ($0.rawValue, $0) })

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
  }

  mutating func document() -> Policy {
    var fields = MappingDecoder(tree, "a policy")
    _ = (fields.require("apiVersion"), fields.require("kind"))
    let intents = fields.allow("intents")
    let required = fields.allow("require")
    _ = fields.read(tree.root, &decoder)
    return Policy(rows: rows(fields[intents]), requirements: requirements(fields[required]))
  }

  private mutating func requirements(_ node: YAMLTree.Node?) -> [Policy.StatedRequirement] {
    guard let items = decoder.list(node, "a list of requirements") else { return [] }
    let known = WordList("requirement", Requirement.named.map { ($0.name, $0.what) })
    return items.compactMap { item in
      decoder.word(item, known).map { Policy.StatedRequirement($0, span: tree.span(of: item)) }
    }
  }

  private mutating func rows(_ node: YAMLTree.Node?) -> [Policy.Row] {
    guard let node, let items = decoder.list(node, "a list of rows") else { return [] }
    var fields = RowFields(tree)
    let lines = LineTable(tree.file)
    var rows: [Policy.Row] = []
    for item in items where fields.mapping.read(item, &decoder) {
      if let row = row(item, fields, lines) { rows.append(row) }
    }
    return rows
  }

  private mutating func row(
    _ item: YAMLTree.Node, _ fields: borrowing RowFields, _ lines: LineTable
  ) -> Policy.Row? {
    let devices = pattern(fields)
    let intent = decoder.word(fields.mapping[fields.noSnoop], intents)
    let reason = decoder.text(fields.mapping[fields.reason], "a reason")
    let place = decoder.text(fields.mapping[fields.place], "the place of a row")
    let span = tree.span(of: item)
    return intent.map {
      Policy.Row(
        devices, $0, reason: reason, place: place ?? self.place(of: span, lines), span: span)
    }
  }

  private mutating func pattern(_ fields: borrowing RowFields) -> DevicePattern {
    let vendor = decoder.number(fields.mapping[fields.vendor], "a vendor id", in: 0...0xffff)
    let device = decoder.number(fields.mapping[fields.device], "a device id", in: 0...0xffff)
    let classCode = classPattern(fields.mapping[fields.classCode])
    let subsystem = decoder.subsystem(fields.mapping[fields.subsystem])
    let bus = decoder.number(fields.mapping[fields.bus], "a bus number", in: 0...0xff)
    return DevicePattern(
      vendor: vendor.map { UInt16(truncatingIfNeeded: $0) },
      device: device.map { UInt16(truncatingIfNeeded: $0) }, classCode: classCode,
      subsystem: subsystem, bus: bus.map { UInt8(truncatingIfNeeded: $0) })
  }

  private mutating func classPattern(_ node: YAMLTree.Node?) -> ClassPattern? {
    guard let node else { return nil }
    if tree.kind(of: node) == .scalar,
      let pattern = tree.withText(of: node, { ClassPattern(utf8: $0) })
    {
      return pattern
    }
    let code = decoder.number(
      node, "a class code such as '0x030000' or '0x03xxxx'", in: 0...0xff_ffff)
    return code.map { ClassPattern(UInt32(truncatingIfNeeded: $0)) }
  }

  /// File and line; the file is 'policy' where its name can't stand in a plan file.
  private func place(of span: SourceSpan, _ lines: LineTable) -> String {
    let line = lines.position(of: span.start).line
    let place = "\(tree.file.name):\(line)"
    return NodeDecoder.takesText(place) ? place : "policy:\(line)"
  }
}

/// The keys of a row.
private struct RowFields {
  var mapping: MappingDecoder
  let vendor, device, classCode, subsystem, bus, noSnoop, reason, place: MappingDecoder.Field

  init(_ tree: YAMLTree) {
    mapping = MappingDecoder(tree, "a row of intents")
    vendor = mapping.allow("vendor")
    device = mapping.allow("device")
    classCode = mapping.allow("class")
    subsystem = mapping.allow("subsystem")
    bus = mapping.allow("bus")
    noSnoop = mapping.require("noSnoop")
    reason = mapping.allow("reason")
    place = mapping.allow("place")
  }
}
