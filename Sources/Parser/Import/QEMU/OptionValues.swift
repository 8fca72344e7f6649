/// The value of an option that has keys: `vfio-pci,host=01:00.0,id=gpu`, or the same as JSON.
struct OptionValues {
  /// What stands first and has no key.
  private(set) var first: SourceWord?
  /// Keys with their values, in order.
  private(set) var pairs: [(key: String, value: SourceWord)] = []
  /// All of it.
  let word: SourceWord

  /// Values that are known already.
  init(_ pairs: [(key: String, value: SourceWord)], _ word: SourceWord) {
    self.pairs = pairs
    self.word = word
  }

  /// Reads a text with commas between keys; a comma in a value is written twice.
  init(_ word: SourceWord) {
    self.word = word
    var start = word.text.utf8.startIndex
    let text = word.text.utf8
    var (piece, index) = ([UInt8](), start)
    while true {
      let isEnd = index == text.endIndex
      if isEnd || text[index] == UInt8(ascii: ",") {
        let next = isEnd ? index : text.index(after: index)
        if !isEnd, next < text.endIndex, text[next] == UInt8(ascii: ",") {
          piece.append(UInt8(ascii: ","))
          index = text.index(after: next)
          continue
        }
        add(String(decoding: piece, as: UTF8.self), from: start, to: index)
        if isEnd { break }
        (piece, start, index) = ([], next, next)
        continue
      }
      piece.append(text[index])
      index = text.index(after: index)
    }
  }

  private mutating func add(_ piece: String, from: String.Index, to: String.Index) {
    guard !piece.isEmpty else { return }
    guard let mark = piece.firstIndex(of: "=") else {
      let value = word.part(from, to, piece)
      if first == nil, pairs.isEmpty { first = value } else { pairs.append((piece, value)) }
      return
    }
    let key = String(piece[..<mark])
    let value = String(piece[piece.index(after: mark)...])
    let skipped = word.text.utf8.index(from, offsetBy: key.utf8.count + 1)
    pairs.append((key, word.part(min(skipped, to), to, value)))
  }

  /// The last value of a key, which is the one that counts.
  subscript(_ key: String) -> SourceWord? { pairs.last { $0.key == key }?.value }
}

extension OptionValues {
  /// Keys whose values are looked at in JSON.
  private static let known: [StaticString] = [
    "driver", "qom-type", "id", "host", "sysfsdev", "fd", "iommufd", "vf-token", "memdev", "size",
    "hugetlb", "hugetlbsize", "mem-path", "prealloc", "type", "memory-backend",
  ]

  /// Reads the form in JSON; `nil` if it is not sound.
  init?(json word: SourceWord) {
    let file = SourceFile(id: word.span.source, name: "", text: word.text)
    var sink = DiagnosticSink()
    guard let tree = try? DescriptionReader.tree(of: file, into: &sink), !sink.hasErrors,
      tree.kind(of: tree.root) == .mapping
    else { return nil }
    let pairs = Self.known.compactMap { key -> (key: String, value: SourceWord)? in
      guard let node = tree.value(of: key, in: tree.root), tree.kind(of: node) == .scalar else {
        return nil
      }
      return ("\(key)", SourceWord(text: tree.string(of: node), span: word.span))
    }
    self.init(pairs, word)
  }
}

extension SourceWord {
  /// A part of the word; its place is exact unless quotes or escapes stand in between.
  func part(_ from: String.Index, _ to: String.Index, _ text: String) -> SourceWord {
    let length = Int(span.end - span.start)
    let count = self.text.utf8.count
    guard length == count || length == count + 2 else { return SourceWord(text: text, span: span) }
    let start = span.start + UInt32((length - count) / 2)
    let offset = { (index: String.Index) in
      start + UInt32(self.text.utf8.distance(from: self.text.utf8.startIndex, to: index))
    }
    return SourceWord(
      text: text, span: SourceSpan(source: span.source, start: offset(from), end: offset(to)))
  }
}
