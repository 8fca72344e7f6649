/// What kind of document a file holds.
public enum DocumentKind: Hashable, Sendable {
  /// A VM description.
  case vm
  /// A host description.
  case host
  /// A policy.
  case policy
  /// A saved plan.
  case plan
  /// None of these.
  case unknown
}

/// Reads descriptions: bytes to tree to values, with every finding in a sink.
///
/// The functions share nothing, so two files can be read on two threads. What they find is added
/// to the sink in the order of the file; if it holds an error, that file's findings are thrown.
public enum DescriptionReader {
  /// The only `apiVersion` there is.
  public static let apiVersion = "vfioplan/v1"
  /// The key that every description has.
  static let versionKey = "apiVersion"
  /// The value of `format` in a saved plan.
  public static let planFormat = "vfioplan.plan/v1"

  /// The values of `kind`.
  static let kinds: [(name: StaticString, kind: DocumentKind)] = [
    ("VM", .vm), ("Host", .host), ("Policy", .policy),
  ]

  /// Reads any YAML file into a tree.
  ///
  /// Parts of it, ascending, may be hidden if the file is all ASCII: they are passed over as if
  /// they were not there, and places stay those of the file.
  public static func tree(
    of file: SourceFile, hiding hidden: [Range<Int>] = [], into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> YAMLTree {
    try phase(&sink) { (sink) throws(DiagnosticsError) in
      try YAMLComposer.compose(file, hiding: hidden, into: &sink)
    }
  }

  /// Says what a tree is a document of, without reading it.
  public static func kind(of tree: YAMLTree) -> DocumentKind {
    if let name = tree.value(of: "kind", in: tree.root),
      let known = kinds.first(where: { tree.text(of: name, is: $0.name) })
    {
      return known.kind
    }
    // Whatever the format's version: the reader of plans names the one that is not known.
    return tree.value(of: "format", in: tree.root) == nil ? .unknown : .plan
  }

  /// Reads a VM description out of a tree.
  public static func vm(
    _ tree: YAMLTree, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> VMDescription {
    try document(tree, by: VMDecoder.self, into: &sink)
  }

  /// Reads a host description out of a tree.
  public static func host(
    _ tree: YAMLTree, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> HostDescription {
    try document(tree, by: HostDecoder.self, into: &sink)
  }

  /// Reads a policy out of a tree.
  public static func policy(
    _ tree: YAMLTree, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> Policy {
    try document(tree, by: PolicyDecoder.self, into: &sink)
  }

  /// Reads a document of the kind that a decoder is for; every finding goes to the sink.
  private static func document<Decoder: DocumentDecoder>(
    _ tree: YAMLTree, by decoder: Decoder.Type, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> Decoder.Document {
    try phase(&sink) { (sink) throws(DiagnosticsError) in
      try DocumentCheck.check(tree, is: Decoder.kind, into: &sink)
      var reader = Decoder(tree)
      let document = reader.document()
      sink.report(reader.decoder.sink.diagnostics)
      try sink.throwIfErrors()
      return document
    }
  }

  /// Reads a VM description from a file.
  public static func vm(
    _ file: SourceFile, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> VMDescription {
    try vm(tree(of: file, into: &sink), into: &sink)
  }

  /// Reads a host description from a file.
  public static func host(
    _ file: SourceFile, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> HostDescription {
    try host(tree(of: file, into: &sink), into: &sink)
  }

  /// Runs a phase with a sink of its own, so that it ends for its own errors only.
  private static func phase<Value>(
    _ sink: inout DiagnosticSink,
    _ body: (inout DiagnosticSink) throws(DiagnosticsError) -> Value
  ) throws(DiagnosticsError) -> Value {
    var own = DiagnosticSink()
    let result: Result<Value, DiagnosticsError>
    do throws(DiagnosticsError) { result = .success(try body(&own)) } catch {
      result = .failure(error)
    }
    own.sort()
    sink.report(own.diagnostics)
    guard case .success(let value) = result, !own.hasErrors else {
      throw DiagnosticsError(own.diagnostics)
    }
    return value
  }
}

/// What reads one kind of document out of a tree.
protocol DocumentDecoder {
  /// What is read.
  associatedtype Document
  /// The kind of document it reads.
  static var kind: DocumentKind { get }
  /// Reads values, and holds what was found wrong with them.
  var decoder: NodeDecoder { get }
  /// Prepares for a tree.
  init(_ tree: YAMLTree)
  /// Reads the document.
  mutating func document() -> Document
}
