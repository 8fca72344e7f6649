/// The words that a value may be, with what they mean.
public struct WordList<Value: Sendable>: Sendable {
  /// What the words say, for messages: `no-snoop intent`.
  public let what: String
  /// The words, in the order they are documented.
  public let names: [String]
  private let texts: [[UInt8]]
  private let values: [Value]

  /// Makes a list from words and values.
  public init(_ what: String, _ words: [(String, Value)]) {
    self.init(what, words.map { $0.0 }, words.map { $0.1 })
  }

  /// Makes a list from words, and as many values.
  init(_ what: String, _ names: [String], _ values: [Value]) {
    self.what = what
    self.names = names
    self.values = values
    texts = names.map { Array($0.utf8) }
  }

  /// What a reader is told to write.
  var expected: String { QuotedText.alternatives(names) }

  /// The value of a word.
  @inline(__always)
  func value(_ text: UnsafeBufferPointer<UInt8>) -> Value? {
    for index in texts.indices where texts[index].count == text.count {
      let isSame = texts[index].withUnsafeBufferPointer { YAMLBytes.equal($0, text) }
      if isSame { return values[index] }
    }
    return nil
  }
}

extension WordList where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  /// Makes a list from the raw values of a type.
  public init(_ what: String, of type: Value.Type) {
    let values = Array(Value.allCases)
    self.init(what, values.map { $0.rawValue }, values)
  }
}
