/// Looks at `apiVersion` and `kind` before anything else is read.
enum DocumentCheck {
  /// Reports, and stops at, a document that is not of the kind wanted.
  ///
  /// The keys of another kind of document would all be unknown, which would bury the reason.
  static func check(
    _ tree: YAMLTree, is wanted: DocumentKind, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) {
    let root = tree.root
    guard tree.kind(of: root) == .mapping else {
      throw sink.stop(
        ParserDiagnostics.kind(
          expected: ParserDiagnostics.shown(wanted), found: tree.shown(root),
          at: tree.headSpan(of: root)))
    }
    try checkKind(tree, wanted, &sink)
    guard let version = tree.value(of: "apiVersion", in: root),
      tree.string(of: version) != DescriptionReader.apiVersion
    else { return }
    throw sink.stop(
      ParserDiagnostics.apiVersion(
        tree.shown(version), DescriptionReader.apiVersion, at: tree.headSpan(of: version)))
  }

  private static func checkKind(
    _ tree: YAMLTree, _ wanted: DocumentKind, _ sink: inout DiagnosticSink
  ) throws(DiagnosticsError) {
    let found = DescriptionReader.kind(of: tree)
    guard found != wanted else { return }
    let name = tree.value(of: "kind", in: tree.root)
    let place = name ?? tree.value(of: "format", in: tree.root)
    switch (found, name) {
    case (.unknown, let name?):
      throw sink.stop(
        ParserDiagnostics.unknownKind(
          tree.kind(of: name) == .scalar ? tree.string(of: name) : nil, shown: tree.shown(name),
          at: tree.headSpan(of: name)))
    case (.unknown, nil): return
    default:
      let span = tree.headSpan(of: place ?? tree.root)
      throw sink.stop(ParserDiagnostics.wrongDocument(found, wanted: wanted, at: span))
    }
  }
}
