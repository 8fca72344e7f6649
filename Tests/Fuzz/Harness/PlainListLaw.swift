@testable import Parser

/// Long lists are read around libyaml: to the tree that it would have given.
enum PlainListLaw {
  /// Reads a file both ways, however short its lists are.
  static func check(_ file: SourceFile) {
    var sink = DiagnosticSink()
    guard let contents = try? YAMLByteCheck.check(file, into: &sink) else { return }
    file.bytes.withUnsafeBufferPointer { bytes in
      guard let quick = YAMLComposer.composePlain(file, bytes, contents, atLeast: 0)?.tree else {
        return
      }
      let whole = YAMLComposer.composeChecked(file, bytes, contents, hiding: [])
      law(!whole.sink.hasErrors, "a list is read that libyaml refuses")
      law(whole.tree?.records == quick.records, "a list is read as another one")
      law(whole.tree?.side == quick.side, "a list is read with other texts")
    }
  }
}
