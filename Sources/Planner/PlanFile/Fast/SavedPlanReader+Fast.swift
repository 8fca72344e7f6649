import Parser

extension SavedPlanReader {
  /// Reads a plan file that is laid out as vfioplan writes it; `nil` for every other file.
  ///
  /// The same result as `read` of its tree, in a fraction of the time and memory: the elements of
  /// `devices` and `steps`, nearly all of a large file, are compared byte by byte with what is
  /// written for the facts, and never become nodes. Whatever is not accepted here must go through
  /// `read`, which says what is wrong.
  public static func readAsWritten(_ file: SourceFile) -> CompiledPlan? {
    guard let lists = WrittenLists(file) else { return nil }
    var ignored = DiagnosticSink()
    let hidden = [lists.devices, lists.steps]
    guard let tree = try? DescriptionReader.tree(of: file, hiding: hidden, into: &ignored)
    else { return nil }
    var reader = SavedPlanReader(tree)
    guard let members = try? reader.members(), reader.stands(members.devices, at: lists.devices),
      reader.stands(members.steps, at: lists.steps), var compiled = try? reader.compile(members)
    else { return nil }
    reader.compareHead(compiled, members)
    return !reader.sink.hasErrors && lists.match(&compiled) ? compiled : nil
  }

  /// Whether a list is the one whose elements were hidden, and has no others: then libyaml was
  /// between its brackets when it passed them over, and would have read each line as an element.
  private func stands(_ node: YAMLTree.Node, at hidden: Range<Int>) -> Bool {
    let span = tree.span(of: node)
    return tree.kind(of: node) == .sequence && tree.childCount(of: node) == 0
      && Int(span.start) == hidden.lowerBound - WrittenLists.opening.utf8CodeUnitCount
      && Int(span.end) == hidden.upperBound + WrittenLists.closing.utf8CodeUnitCount
  }
}
