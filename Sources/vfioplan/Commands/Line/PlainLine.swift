import ArgumentParser

/// A command line without anything odd, and which of its words have been understood.
///
/// All of this is there for speed: going through a command's declaration as the library does takes
/// longer than compiling a small description. Names come from that declaration all the same, since
/// the compiler writes how a command is decoded, and an option is called what its property is
/// called. What is not known here is left to the library, and so is what is wrong.
final class PlainLine {
  /// That a line is to be read by the library.
  struct NotPlain: Error {}

  private let words: [String]
  private var isUnderstood: [Bool]
  /// What comes after `--`, if that is there and nobody has taken it.
  private var rest: [String]?

  private init(_ line: [String]) {
    let end = line.firstIndex(of: "--")
    words = Array(line[..<(end ?? line.count)])
    isUnderstood = words.map { _ in false }
    rest = end.map { Array(line[($0 + 1)...]) }
  }

  /// Reads a command; `nil` if the library has to.
  static func command<Command: ParsableCommand>(
    _ type: Command.Type, of words: [String]
  ) -> Command? {
    read(words) { line in
      var command = try Command(from: PlainLineDecoder(line: line))
      try command.validate()
      return command
    }
  }

  /// Reads what is made of all of a line; `nil` if the library has to.
  static func read<Value>(_ words: [String], _ body: (PlainLine) throws -> Value) -> Value? {
    let line = PlainLine(words)
    guard let value = try? body(line), !line.isUnderstood.contains(false), line.rest == nil else {
      return nil
    }
    return value
  }

  /// Takes the flag of a property's name, if it is there.
  func takeFlag(_ property: String) -> Bool {
    let option = Self.option(property)
    guard let place = words.firstIndex(of: option) else { return false }
    isUnderstood[place] = true
    return true
  }

  /// Takes the values of the option of a property's name, in the order in which they are there.
  func takeValues<Value: ExpressibleByArgument>(of property: String) throws -> [Value] {
    var values: [Value] = []
    try takeEach(of: property) { values.append($0) }
    return values
  }

  /// Takes the last value of the option of a property's name, if there is one.
  func takeValue<Value: ExpressibleByArgument>(of property: String) throws -> Value? {
    var last: Value?
    try takeEach(of: property) { last = $0 }
    return last
  }

  @inline(__always)
  private func takeEach<Value: ExpressibleByArgument>(
    of property: String, _ body: (Value) -> Void
  ) throws {
    let option = Self.option(property)
    for place in words.indices {
      let word = words[place]
      // The only short name of an option: `PlainLineTests` finds a command that has it otherwise.
      if word == option || word == "-o" && option == "--output" {
        body(try read(at: place + 1, after: place))
        continue
      }
      // By bytes: to go over the characters of a long path takes longer than to read a small file.
      guard word.utf8.count > option.utf8.count, word.utf8.starts(with: option.utf8),
        let equals = word.utf8.dropFirst(option.utf8.count).first, equals == UInt8(ascii: "=")
      else { continue }
      let value = word[word.utf8.index(word.startIndex, offsetBy: option.utf8.count + 1)...]
      // A mark that combines with the sign makes it another character.
      guard let first = value.utf8.first, first < 0x80 else { throw NotPlain() }
      isUnderstood[place] = true
      body(try read(String(value)))
    }
  }

  /// Takes what comes after `--`; a line without it is left to the library.
  func takeRest() throws -> [String] {
    guard let taken = rest else { throw NotPlain() }
    rest = nil
    return taken
  }

  /// Whether the option of a property's name is there.
  func has(_ property: String) -> Bool {
    let option = Self.option(property)
    return words.contains { $0.hasPrefix(option) }
  }

  /// Takes the first operand that is left, if there is one.
  ///
  /// A word after an option counts as its value: whether it is one is known only later.
  func takeOperand<Value: ExpressibleByArgument>() throws -> Value? {
    let operand = words.indices.first { place in
      !isUnderstood[place] && isValue(words[place])
        && (place == 0 || isValue(words[place - 1]) || words[place - 1].contains("="))
    }
    guard let operand else { return nil }
    isUnderstood[operand] = true
    return try read(words[operand])
  }

  private func read<Value: ExpressibleByArgument>(at place: Int, after option: Int) throws -> Value
  {
    guard place < words.count, isValue(words[place]) else { throw NotPlain() }
    (isUnderstood[option], isUnderstood[place]) = (true, true)
    return try read(words[place])
  }

  private func read<Value: ExpressibleByArgument>(_ word: String) throws -> Value {
    guard let value = Value(argument: word) else { throw NotPlain() }
    return value
  }

  private func isValue(_ word: String) -> Bool { !word.hasPrefix("-") || word == "-" }

  /// What the library makes of a property's name: `--send-iommufd` of `sendIOMMUFD`.
  private static func option(_ property: String) -> String {
    var option = Array("--".utf8)
    var isWithinCapitals = true
    for byte in property.utf8 {
      let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      if isCapital, !isWithinCapitals { option.append(UInt8(ascii: "-")) }
      option.append(isCapital ? byte | 0x20 : byte)
      isWithinCapitals = isCapital
    }
    return String(decoding: option, as: UTF8.self)
  }
}
