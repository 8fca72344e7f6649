/// Values as they stand in YAML that people read.
public enum YAMLText {
  /// A name as it is if nobody can take it for something else, else in quotes.
  public static func scalar(_ text: String) -> String {
    let isName = text.utf8.allSatisfy { byte in
      byte.isAlphanumeric || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    let starts = text.utf8.first?.isLetter == true
    return isName && starts && !words.contains(text.lowercased()) ? text : quoted(text)
  }

  /// Text in quotes.
  static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
