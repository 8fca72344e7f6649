/// Values as they stand in YAML that people read.
public enum YAMLText {
  /// A name as it is if nobody can take it for something else, else in quotes.
  public static func scalar(_ text: String) -> String {
    let isName = text.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == 45 || byte == 95
    }
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    let starts = text.utf8.first.map { (97...122).contains($0 | 32) } ?? false
    return isName && starts && !words.contains(text.lowercased()) ? text : quoted(text)
  }

  /// Text in quotes.
  static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
