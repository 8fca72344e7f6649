extension YAMLComposer {
  /// Remembers the node that is added next under the event's anchor; a later one takes the name.
  mutating func addAnchor() {
    guard let anchor = reader.anchor else { return }
    let index = UInt32(truncatingIfNeeded: records.count)
    anchors[anchor] = index
    targets[index] = Target(nodeCount: 1, height: 0)
  }

  mutating func addAlias() throws(DiagnosticsError) {
    let place = span(reader.start, reader.end)
    let name = reader.anchor ?? ""
    guard let index = anchors[name] else {
      throw sink.stop(ParserDiagnostics.undefinedAlias(name, anchors.keys.sorted(), at: place))
    }
    let target = try target(of: index, name, place)
    aliasedNodes += target.nodeCount
    guard aliasedNodes <= Self.maximumAliasedNodes else {
      throw sink.stop(ParserDiagnostics.tooManyAliased(Self.maximumAliasedNodes, at: place))
    }
    guard frames.count + target.height <= Self.maximumDepth else {
      throw sink.stop(ParserDiagnostics.tooDeep(Self.maximumDepth, at: place))
    }
    if isKeyNext { sink.report(ParserDiagnostics.keyNotText("an alias", at: place)) }
    records.append(
      YAMLTree.Record(
        start: place.start, end: place.end, first: index, second: 0, form: .alias))
    countChild(end: place.end, height: target.height)
  }

  private mutating func target(
    of index: UInt32, _ name: String, _ place: SourceSpan
  ) throws(DiagnosticsError) -> Target {
    let record = records[Int(index)]
    guard record.form == .scalar || record.first != 0, let target = targets[index] else {
      let start = span(record.start, record.start)
      throw sink.stop(ParserDiagnostics.aliasWithinItself(name, at: place, anchor: start))
    }
    return target
  }

  mutating func checkTag(allowed: [String]) {
    guard let tag = reader.tag, let wrong = YAMLTag.mistake(tag, allowed: allowed) else { return }
    sink.report(ParserDiagnostics.tag(wrong, at: span(reader.start, reader.end)))
  }
}
