/// The words that a value may be, with what they mean.
public struct WordList<Value: Sendable>: Sendable {
  /// What the words say, for messages: `no-snoop intent`.
  public let what: String
  /// The words, in the order they are documented.
  public let names: [String]
  private let words: [(text: [UInt8], value: Value)]

  /// Makes a list from words and values.
  public init(_ what: String, _ words: [(String, Value)]) {
    self.what = what
    names = words.map(\.0)
    self.words = words.map { (Array($0.0.utf8), $0.1) }
  }

  /// What a reader is told to write.
  var expected: String { QuotedText.alternatives(names) }

  /// The value of a word.
  @inline(__always)
  func value(_ text: UnsafeBufferPointer<UInt8>) -> Value? {
    for word in words where word.text.count == text.count {
      if word.text.withUnsafeBufferPointer({ YAMLBytes.equal($0, text) }) { return word.value }
    }
    return nil
  }
}

extension WordList where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  /// Makes a list from the raw values of a type.
  public init(_ what: String, of type: Value.Type) {
    self.init(what, Value.allCases.map { ($0.rawValue, $0) })
  }
}
