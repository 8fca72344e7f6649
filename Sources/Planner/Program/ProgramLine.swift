import Parser

/// The tokens of one line of a program's text, taken from the left.
struct ProgramLine {
  /// From the first to the last token.
  let span: SourceSpan
  private let tokens: [ProgramToken]
  private var position = 0

  init(_ tokens: [ProgramToken], of source: SourceID) {
    self.tokens = tokens
    span = SourceSpan(
      source: source, start: tokens.first?.span.start ?? 0, end: tokens.last?.span.end ?? 0)
  }

  /// Whether there is nothing but space and comment.
  var isEmpty: Bool { tokens.isEmpty }
  /// Whether everything is taken.
  var isAtEnd: Bool { position == tokens.count }

  /// The names before `=`; none if the line does not start with one.
  mutating func results() throws(ProgramTextError) -> [ProgramToken] {
    guard tokens.first?.kind == .result else { return [] }
    var names = [try result()]
    while take(.symbol, ",") != nil { names.append(try result()) }
    try symbol("=")
    return names
  }

  /// A name after `%`.
  mutating func result() throws(ProgramTextError) -> ProgramToken {
    guard let token = takeResult() else { throw missing("a name after '%'") }
    return token
  }

  /// A name after `%`, if there is one.
  mutating func takeResult() -> ProgramToken? { take(.result) }

  /// A `+`, if there is one.
  mutating func takePlus() -> Bool { take(.symbol, "+") != nil }

  /// A `&`, if there is one.
  mutating func takeAmpersand() -> Bool { take(.symbol, "&") != nil }

  /// A word; `what` says in messages what it stands for.
  mutating func word(_ what: String) throws(ProgramTextError) -> ProgramToken {
    guard let token = take(.word) else { throw missing(what) }
    return token
  }

  /// A sign.
  mutating func symbol(_ text: String) throws(ProgramTextError) {
    if take(.symbol, text) == nil { throw missing("'\(text)'") }
  }

  /// A member's name and `=`.
  mutating func member(
    _ name: String, of request: RequestDescriptor
  ) throws(ProgramTextError) {
    guard let token = take(.word, name) else {
      let found = position < tokens.count ? tokens[position].span : endPoint
      throw ProgramTextError(ProgramDiagnostics.member(name, of: request, at: found))
    }
    guard take(.symbol, "=") != nil else {
      throw ProgramTextError(ProgramDiagnostics.expected("'=' after '\(name)'", at: token.span))
    }
  }

  /// A word, `=` and a number.
  mutating func number(of name: String) throws(ProgramTextError) -> UInt64 {
    guard let number = try numberIfAny(of: name) else { throw missing("'\(name)='") }
    return number
  }

  /// A word, `=` and a number, if the word is next.
  mutating func numberIfAny(of name: String) throws(ProgramTextError) -> UInt64? {
    if take(.word, name) == nil { return nil }
    try symbol("=")
    return try number()
  }

  /// A word, `=` and a UUID, if the word is next.
  mutating func token(of name: String) throws(ProgramTextError) -> VFToken? {
    if take(.word, name) == nil { return nil }
    try symbol("=")
    let token = try word("a UUID")
    guard let uuid = VFToken(token.text) else {
      throw ProgramTextError(ProgramDiagnostics.value(token, expected: "a UUID"))
    }
    return uuid
  }

  /// How memory is populated, if the line says so.
  mutating func population() throws(ProgramTextError) -> MemoryRegion.Population? {
    if take(.word, "populate") == nil { return nil }
    try symbol("=")
    let token = try word("'lazy' or 'eager'")
    guard let population = MemoryRegion.Population(rawValue: token.text) else {
      throw ProgramTextError(ProgramDiagnostics.value(token, expected: "'lazy' or 'eager'"))
    }
    return population
  }

  /// A number, decimal or with `0x`.
  mutating func number() throws(ProgramTextError) -> UInt64 {
    try Self.number(try word("a number"))
  }

  /// The number a word is.
  static func number(_ token: ProgramToken) throws(ProgramTextError) -> UInt64 {
    guard let value = Hex.orDecimal(token.text) else {
      throw ProgramTextError(ProgramDiagnostics.value(token))
    }
    return value
  }

  /// A PCI address.
  mutating func address() throws(ProgramTextError) -> BDF {
    let token = try word("a PCI address")
    guard let address = BDF(token.text) else {
      throw ProgramTextError(ProgramDiagnostics.value(token, expected: "a PCI address"))
    }
    return address
  }

  /// A device node: one of a closed set.
  mutating func path() throws(ProgramTextError) -> DevicePath {
    if take(.word, "cdev") != nil {
      try symbol("(")
      let address = try address()
      try symbol(")")
      return .vfioDevice(address)
    }
    guard let token = take(.string) else { throw missing("a device node") }
    if let path = DevicePath.single.first(where: { $0.node == token.text }) { return path }
    let group = token.text.dropFirst("/dev/vfio/".count)
    guard token.text.hasPrefix("/dev/vfio/"), let number = Int(group), number >= 0,
      String(number) == group
    else {
      throw ProgramTextError(ProgramDiagnostics.value(token, expected: "a device node"))
    }
    return .vfioGroup(number)
  }

  /// A write to a driver attribute.
  mutating func sysfsWrite() throws(ProgramTextError) -> SysfsWrite {
    let verb = try word("'unbind', 'override' or 'probe'")
    switch verb.text {
    case "unbind": return .unbind(try address(), from: try driver(after: "from"))
    case "override": return .driverOverride(try address(), try driver(after: "with"))
    case "probe": return .probe(try address(), by: try driver(after: "by"))
    default:
      throw ProgramTextError(
        ProgramDiagnostics.value(verb, expected: "'unbind', 'override' or 'probe'"))
    }
  }

  /// Makes sure that everything is taken.
  func end() throws(ProgramTextError) {
    if !isAtEnd { throw missing("the end of the line") }
  }

  private mutating func driver(after word: String) throws(ProgramTextError) -> String {
    if take(.word, word) == nil { throw missing("'\(word)'") }
    guard let token = take(.string) else { throw missing("a driver's name in double quotes") }
    return token.text
  }

  private mutating func take(_ kind: ProgramToken.Kind, _ text: String? = nil) -> ProgramToken? {
    guard position < tokens.count, tokens[position].kind == kind,
      text == nil || tokens[position].text == text
    else { return nil }
    position += 1
    return tokens[position - 1]
  }

  private func missing(_ what: String) -> ProgramTextError {
    let found = position < tokens.count ? tokens[position].span : endPoint
    return ProgramTextError(ProgramDiagnostics.expected(what, at: found))
  }

  private var endPoint: SourceSpan {
    SourceSpan(source: span.source, start: span.end, end: span.end)
  }
}
