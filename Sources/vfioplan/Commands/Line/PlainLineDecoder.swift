import ArgumentParser

/// What a command decodes itself from if its line is plain.
struct PlainLineDecoder: Decoder {
  /// The line.
  let line: PlainLine

  var codingPath: [any CodingKey] { [PlainLineKey(line: line)] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(PlainLineContainer<Key>(decoder: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw PlainLine.NotPlain() }
  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    throw PlainLine.NotPlain()
  }
}

/// How a container says that a plain line is decoded.
private struct PlainLineKey: CodingKey {
  // It is read on one thread.
  nonisolated(unsafe) let line: PlainLine
  var stringValue: String { "" }
  var intValue: Int? { nil }

  init(line: PlainLine) { self.line = line }
  init?(stringValue: String) { nil }
  init?(intValue: Int) { nil }
}

/// Refuses whatever has no function of its own below.
private struct PlainLineContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: PlainLineDecoder
  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { [] }

  func contains(_ key: Key) -> Bool { false }
  func decodeNil(forKey key: Key) throws -> Bool { throw PlainLine.NotPlain() }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    throw PlainLine.NotPlain()
  }
  func nestedContainer<Other: CodingKey>(
    keyedBy type: Other.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Other> { throw PlainLine.NotPlain() }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw PlainLine.NotPlain()
  }
  func superDecoder() throws -> any Decoder { throw PlainLine.NotPlain() }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw PlainLine.NotPlain() }
}

/// The compiler prefers these to the general function where a command is decoded: it writes that
/// in the command's own module.
extension KeyedDecodingContainer {
  /// One operand.
  func decode<Value: ExpressibleByArgument>(
    _ type: Argument<Value>.Type, forKey key: Key
  ) throws -> Argument<Value> {
    try read(type, key) { line in
      guard let value: Value = try line.takeOperand() else { throw PlainLine.NotPlain() }
      var argument = Argument<Value>(help: nil)
      argument.wrappedValue = value
      return argument
    }
  }

  /// An operand that may be left out.
  func decode<Value: ExpressibleByArgument>(
    _ type: Argument<Value?>.Type, forKey key: Key
  ) throws -> Argument<Value?> {
    try read(type, key) { line in
      var argument = Argument<Value?>(help: nil)
      argument.wrappedValue = try line.takeOperand()
      return argument
    }
  }

  /// Operands after `--`.
  func decode(_ type: Argument<[String]>.Type, forKey key: Key) throws -> Argument<[String]> {
    try read(type, key) { line in
      var argument = Argument<[String]>()
      argument.wrappedValue = try line.takeRest()
      return argument
    }
  }

  /// An option with a default, which is the first of its values.
  func decode<Value: ExpressibleByArgument & CaseIterable>(
    _ type: Option<Value>.Type, forKey key: Key
  ) throws -> Option<Value> {
    try read(type, key) { line in
      let given: Value? = try line.takeValue(of: key.stringValue)
      guard let value = given ?? Value.allCases.first else { throw PlainLine.NotPlain() }
      var option = Option<Value>(help: nil)
      option.wrappedValue = value
      return option
    }
  }

  /// An option without a default.
  func decode<Value: ExpressibleByArgument>(
    _ type: Option<Value?>.Type, forKey key: Key
  ) throws -> Option<Value?> {
    try read(type, key) { line in
      var option = Option<Value?>(help: nil)
      option.wrappedValue = try line.takeValue(of: key.stringValue)
      return option
    }
  }

  /// An option that may be repeated.
  func decode<Value: ExpressibleByArgument>(
    _ type: Option<[Value]>.Type, forKey key: Key
  ) throws -> Option<[Value]> {
    try read(type, key) { line in
      var option = Option<[Value]>(help: nil)
      option.wrappedValue = try line.takeValues(of: key.stringValue)
      return option
    }
  }

  /// An option that may be repeated and whose values the library has to read: it may not be there.
  func decode<Value>(
    _ type: Option<[Value]>.Type, forKey key: Key
  ) throws -> Option<[Value]> {
    try read(type, key) { line in
      if line.has(key.stringValue) { throw PlainLine.NotPlain() }
      var option = Option<[Value]>(transform: { _ in throw PlainLine.NotPlain() })
      option.wrappedValue = []
      return option
    }
  }

  /// A flag.
  func decode(_ type: Flag<Bool>.Type, forKey key: Key) throws -> Flag<Bool> {
    try read(type, key) { line in
      var flag = Flag(wrappedValue: false)
      flag.wrappedValue = line.takeFlag(key.stringValue)
      return flag
    }
  }

  /// Options that several commands have.
  func decode<Options: ParsableArguments>(
    _ type: OptionGroup<Options>.Type, forKey key: Key
  ) throws -> OptionGroup<Options> {
    try read(type, key) { line in
      var options = try Options(from: PlainLineDecoder(line: line))
      try options.validate()
      var group = OptionGroup<Options>(title: "")
      group.wrappedValue = options
      return group
    }
  }

  private func read<Wrapper: Decodable>(
    _ type: Wrapper.Type, _ key: Key, _ plainly: (PlainLine) throws -> Wrapper
  ) throws -> Wrapper {
    guard let plain = codingPath.first as? PlainLineKey else {
      return try decode(type, forKey: key)
    }
    return try plainly(plain.line)
  }
}
