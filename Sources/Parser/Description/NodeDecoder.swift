/// Reads typed values out of nodes; what does not fit is reported and gives `nil`.
///
/// Every reader takes `nil` for a key that is not there and answers `nil` to it, silently. Text is
/// read by what is asked for, never by YAML's own types: an unquoted `0000:00:02.0` is an address.
public struct NodeDecoder: Sendable {
  /// The tree that is read.
  public let tree: YAMLTree
  /// Where findings go.
  public var sink = DiagnosticSink()
  /// What is prepared for the mappings of tables, by table.
  var shapes: [ObjectIdentifier: MappingDecoder] = [:]

  /// Begins reading a tree.
  public init(_ tree: YAMLTree) { self.tree = tree }

  /// Where a node stands, or the place given if there is no node.
  @inline(__always)
  public func span(_ node: YAMLTree.Node?, or other: SourceSpan) -> SourceSpan {
    node.map(tree.span) ?? other
  }

  /// Text on one line: 1 to 255 bytes, no control characters, so that it can be printed anywhere.
  public mutating func text(_ node: YAMLTree.Node?, _ what: String) -> String? {
    guard let node, isText(node, what) else { return nil }
    guard tree.withText(of: node, Self.isLine) else {
      report(ParserDiagnostics.text(tree.string(of: node), what, at: tree.span(of: node)))
      return nil
    }
    return tree.string(of: node)
  }

  /// A name of a thing that steps of a plan refer to.
  ///
  /// Letters, digits, `.`, `_` and `-`, a letter or digit first, at most 64 of them.
  public mutating func name(_ node: YAMLTree.Node?, _ what: String) -> String? {
    guard let node, isText(node, what) else { return nil }
    guard tree.withText(of: node, Self.isName) else {
      report(ParserDiagnostics.name(tree.string(of: node), what, at: tree.span(of: node)))
      return nil
    }
    return tree.string(of: node)
  }

  /// A PCI address.
  public mutating func bdf(_ node: YAMLTree.Node?) -> BDF? {
    guard let node, isText(node, "a PCI address") else { return nil }
    if let address = tree.withText(of: node, { BDF(utf8: $0) }) { return address }
    let (text, span) = (tree.string(of: node), tree.span(of: node))
    report(
      ScopeDiagnostics.otherDevice(text, at: span) ?? ParserDiagnostics.address(text, at: span))
    return nil
  }

  /// Where a VM's device is: a PCI address, or a slot with all of its functions.
  mutating func reference(_ node: YAMLTree.Node?) -> DeviceReference? {
    guard let node, isText(node, "a PCI address") else { return nil }
    // Almost every address is complete, and is read without a string.
    if let address = tree.withText(of: node, { BDF(utf8: $0) }) { return .address(address) }
    if let place = DeviceReference(tree.string(of: node)) { return place }
    return bdf(node).map { .address($0) }
  }

  /// A path to a PCI device.
  public mutating func path(_ node: YAMLTree.Node?) -> PCIPath? {
    guard let node, isText(node, "a path of PCI addresses") else { return nil }
    let text = tree.string(of: node)
    if let path = PCIPath(text) { return path }
    report(ParserDiagnostics.path(text, at: tree.span(of: node)))
    return nil
  }

  /// A token of virtual functions.
  public mutating func vfToken(_ node: YAMLTree.Node?) -> VFToken? {
    guard let node, isText(node, "a UUID") else { return nil }
    let text = tree.string(of: node)
    if let token = VFToken(text) { return token }
    report(ParserDiagnostics.vfToken(text, at: tree.span(of: node)))
    return nil
  }

  /// Subsystem ids.
  public mutating func subsystem(_ node: YAMLTree.Node?) -> PCISubsystem? {
    guard let node, isText(node, "subsystem ids") else { return nil }
    if let ids = tree.withText(of: node, { PCISubsystem(utf8: $0) }) { return ids }
    report(ParserDiagnostics.subsystem(tree.string(of: node), at: tree.span(of: node)))
    return nil
  }

  /// A whole number in a range, decimal or with `0x`.
  public mutating func number(
    _ node: YAMLTree.Node?, _ what: String, in range: ClosedRange<UInt64>
  ) -> UInt64? {
    guard let node, isText(node, what) else { return nil }
    let read = tree.withText(of: node) { NumberText.number($0) }
    guard case .success(let value) = read, range.contains(value) else {
      let text = tree.string(of: node)
      report(ParserDiagnostics.number(read, text, what, range, at: tree.span(of: node)))
      return nil
    }
    return value
  }

  /// A number of bytes: `4096`, `0x1000`, `4KiB`, `2MiB`, `1GiB`, `1TiB`; also used for addresses.
  public mutating func bytes(_ node: YAMLTree.Node?, _ what: String) -> UInt64? {
    guard let node, isText(node, what) else { return nil }
    let read = tree.withText(of: node) { ByteSize.reading($0) }
    guard case .success(let value) = read else {
      let text = tree.string(of: node)
      report(ParserDiagnostics.bytes(read, text, what, at: tree.span(of: node)))
      return nil
    }
    return value
  }

  /// `true` or `false`.
  public mutating func bool(_ node: YAMLTree.Node?) -> Bool? {
    guard let node, isText(node, "'true' or 'false'") else { return nil }
    if tree.text(of: node, is: "true") { return true }
    if tree.text(of: node, is: "false") { return false }
    report(ParserDiagnostics.boolean(tree.string(of: node), at: tree.span(of: node)))
    return nil
  }

  /// One of the words of a type, by its raw values.
  public mutating func word<Value>(_ node: YAMLTree.Node?, _ words: WordList<Value>) -> Value? {
    guard let node, isText(node, words.expected) else { return nil }
    if let value = tree.withText(of: node, { words.value($0) }) { return value }
    let text = tree.string(of: node)
    report(ParserDiagnostics.word(text, words.what, words.names, at: tree.span(of: node)))
    return nil
  }

  /// The items of a list; empty, reported, if the node is none.
  public mutating func list(_ node: YAMLTree.Node?, _ what: String) -> YAMLTree.Children? {
    guard let node else { return nil }
    guard tree.kind(of: node) == .sequence else {
      reportKind(of: node, expected: what)
      return nil
    }
    return tree.children(of: node)
  }

  /// The items of a list that must have one.
  public mutating func listOfSome(_ node: YAMLTree.Node?, _ what: String) -> YAMLTree.Children? {
    guard let node, let items = list(node, what) else { return nil }
    if tree.childCount(of: node) == 0 {
      report(ParserDiagnostics.emptyList(what, at: tree.span(of: node)))
    }
    return items
  }

  /// Adds a finding.
  public mutating func report(_ diagnostic: Diagnostic) { sink.report(diagnostic) }

  /// Reports a node that is something else than expected.
  public mutating func reportKind(of node: YAMLTree.Node, expected: String) {
    report(
      ParserDiagnostics.kind(
        expected: expected, found: tree.shown(node), at: tree.headSpan(of: node)))
  }

  /// Whether a node is a scalar with text in it; reported if not.
  @inline(__always)
  private mutating func isText(
    _ node: YAMLTree.Node, _ expected: @autoclosure () -> String
  ) -> Bool {
    let record = tree.records[Int(node.index)]
    if record.form == .scalar, record.second > 0 { return true }
    reportKind(of: node, expected: expected())
    return false
  }

  /// Whether a text from elsewhere would be read as text: the writer of a description asks.
  public static func takesText(_ text: String) -> Bool {
    !text.isEmpty && Array(text.utf8).withUnsafeBufferPointer(isLine)
  }

  /// Whether a text from elsewhere would be read as a name.
  public static func takesName(_ text: String) -> Bool {
    Array(text.utf8).withUnsafeBufferPointer(isName)
  }

  private static func isLine(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard text.count <= 255 else { return false }
    for index in text.indices {
      switch text[index] {
      case 0..<32, 127: return false
      case 0xC2 where text[index + 1] < 0xA0: return false
      // U+2028 and U+2029 end lines in YAML.
      case 0xE2 where text[index + 1] == 0x80 && text[index + 2] & 0xFE == 0xA8: return false
      // U+FFFE and U+FFFF are not characters, and XML can't hold them.
      case 0xEF where text[index + 1] == 0xBF && text[index + 2] & 0xFE == 0xBE: return false
      default: break
      }
    }
    return true
  }

  private static func isName(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard text.count <= 64, let first = text.first, first.isAlphanumeric else { return false }
    return text.allSatisfy {
      $0.isAlphanumeric || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
        || $0 == UInt8(ascii: "-")
    }
  }
}

extension YAMLTree {
  /// A node in a few words, for `expected ..., found ...`.
  func shown(_ node: Node) -> String {
    switch kind(of: node) {
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .scalar where records[Int(node.index)].second == 0:
      records[Int(node.index)].style == .plain ? "nothing" : "empty text"
    case .scalar: QuotedText.quote(string(of: node))
    }
  }

  /// Whether a node is a plain `~` or `null`: a value written to say that there is none.
  @inline(__always)
  func isWrittenNull(_ node: Node) -> Bool {
    let record = records[Int(node.index)]
    guard record.form == .scalar, record.style == .plain, record.second == 1 || record.second == 4
    else { return false }
    return isNull(node)
  }
}
