import Parser

/// Reads the canonical text of programs.
public enum ProgramTextReader {
  /// After so many errors the rest is not read.
  package static let maximumErrors = DiagnosticSink.maximumOfAKind

  /// Reads a program; the origin of each step is where it stands in the text.
  ///
  /// What is read is well formed, not yet lawful: `ProgramVerifier` says that.
  public static func read(_ file: SourceFile) throws(DiagnosticsError) -> Program {
    var reading = ProgramReading(file.id)
    var sink = DiagnosticSink()
    let lines = LineTable(file)
    for index in lines.lineStarts.indices {
      do throws(ProgramTextError) {
        try reading.read(lines.line(index))
      } catch {
        sink.report(error.diagnostic)
        if sink.diagnostics.count >= maximumErrors { break }
      }
    }
    try sink.throwIfErrors()
    return reading.program
  }
}

/// The lines read so far.
struct ProgramReading {
  /// What steps begin with, after the names of what they make.
  static let keywords = Action.Verb.allCases.map(\.rawValue)

  /// The program so far.
  private(set) var program = Program()
  private let source: SourceID
  private var ids: [String: ResultID] = [:]
  /// Names that were used before a step made them, each reported once.
  private var missing: Set<String> = []

  init(_ source: SourceID) { self.source = source }

  /// Reads one line.
  ///
  /// What it makes is known afterwards even if something in it is wrong, so that one mistake is
  /// reported once.
  mutating func read(_ bytes: ArraySlice<UInt8>) throws(ProgramTextError) {
    var lexer = ProgramTextLexer(bytes, of: source)
    var line = ProgramLine(try lexer.tokens(), of: source)
    if line.isEmpty { return }
    let made = try line.results()
    let action: Action
    do throws(ProgramTextError) {
      action = try self.action(&line, making: made)
      try line.end()
    } catch {
      for name in made { define(name, as: .number) }
      throw error
    }
    program.steps.append(Step(action, origin: line.span))
  }

  private mutating func action(
    _ line: inout ProgramLine, making made: [ProgramToken]
  ) throws(ProgramTextError) -> Action {
    let keyword = try line.word("a step")
    switch keyword.text {
    case "open":
      let path = try line.path()
      return .open(path, try makeOne(made, path.kind, keyword))
    case "memory": return try memory(&line, making: made, keyword)
    case "ioctl": return try request(&line, making: made)
    case "sysfs":
      try makeNone(made, keyword)
      return .sysfs(try line.sysfsWrite())
    case "close":
      try makeNone(made, keyword)
      return .close(try use(try line.result()))
    case "expect":
      try makeNone(made, keyword)
      let number = try use(try line.result())
      let mask = line.takeAmpersand() ? try line.number() : nil
      try line.symbol("==")
      return .expect(number, mask: mask, equals: try operand(&line, for: nil))
    default: throw ProgramTextError(ProgramDiagnostics.keyword(keyword))
    }
  }

  private mutating func memory(
    _ line: inout ProgramLine, making made: [ProgramToken], _ keyword: ProgramToken
  ) throws(ProgramTextError) -> Action {
    var memory = GuestMemory(size: try line.number(of: "size"))
    memory.hugePageBytes = try line.numberIfAny(of: "hugepages")
    memory.population = try line.population() ?? .lazy
    guard 1...2 ~= made.count else {
      throw ProgramTextError(ProgramDiagnostics.makesOne(keyword.text, at: keyword.span))
    }
    let file = try make(made[0], .memoryFile)
    return .memory(
      memory, file: file, address: made.count == 2 ? try make(made[1], .memory) : nil)
  }

  private mutating func request(
    _ line: inout ProgramLine, making made: [ProgramToken]
  ) throws(ProgramTextError) -> Action {
    let file = try use(try line.result())
    let name = try line.word("the name of a request")
    guard let request = RequestRegistry.request(named: name.text) else {
      throw ProgramTextError(ProgramDiagnostics.request(name))
    }
    var arguments: [Operand] = []
    for field in request.operandFields {
      try line.member(field.name, of: request)
      arguments.append(try operand(&line, for: field))
    }
    if let field = request.optionalField, let token = try line.token(of: field.name) {
      arguments.append(.token(token))
    }
    var results = [ResultID?](repeating: nil, count: request.resultFields.count)
    if made.isEmpty { return .ioctl(file, request, arguments: arguments, results: results) }
    try line.symbol("->")
    var next = 0
    for (position, name) in made.enumerated() {
      if position > 0 { try line.symbol(",") }
      let member = try line.word("what the request gives")
      let rest = request.resultFields.indices[next...]
      guard let found = rest.first(where: { request.resultFields[$0].name == member.text }) else {
        throw ProgramTextError(ProgramDiagnostics.output(member, of: request))
      }
      results[found] = try make(name, request.resultFields[found].kind)
      next = found + 1
    }
    return .ioctl(file, request, arguments: arguments, results: results)
  }

  private mutating func operand(
    _ line: inout ProgramLine, for field: Field?
  ) throws(ProgramTextError) -> Operand {
    if let token = line.takeResult() {
      let id = try use(token)
      return line.takePlus() ? .memory(id, offset: try line.number()) : .result(id)
    }
    let token = try line.word("a value")
    if let address = BDF(token.text) { return .address(address) }
    if case .number(let constants)? = field?.role, let value = constants.value(of: token.text) {
      return .literal(value)
    }
    return .literal(try ProgramLine.number(token))
  }

  private func makeNone(
    _ made: [ProgramToken], _ keyword: ProgramToken
  ) throws(ProgramTextError) {
    guard let name = made.first else { return }
    throw ProgramTextError(ProgramDiagnostics.makesNothing(keyword.text, at: name.span))
  }

  private mutating func makeOne(
    _ made: [ProgramToken], _ kind: ObjectKind, _ keyword: ProgramToken
  ) throws(ProgramTextError) -> ResultID {
    guard made.count == 1 else {
      throw ProgramTextError(ProgramDiagnostics.makesOne(keyword.text, at: keyword.span))
    }
    return try make(made[0], kind)
  }

  private mutating func make(
    _ name: ProgramToken, _ kind: ObjectKind
  ) throws(ProgramTextError) -> ResultID {
    guard ids[name.text] == nil else {
      throw ProgramTextError(ProgramDiagnostics.madeTwice(name))
    }
    return define(name, as: kind)
  }

  @discardableResult
  private mutating func define(_ name: ProgramToken, as kind: ObjectKind) -> ResultID {
    if let known = ids[name.text] { return known }
    let id = ResultID(Int32(truncatingIfNeeded: program.results.count))
    program.results.append(ResultDefinition(name: name.text, kind: kind))
    ids[name.text] = id
    return id
  }

  private mutating func use(_ name: ProgramToken) throws(ProgramTextError) -> ResultID {
    if let id = ids[name.text] { return id }
    guard missing.insert(name.text).inserted else { return Self.nowhere }
    throw ProgramTextError(
      ProgramDiagnostics.notMade(
        name, known: missing.count <= Spelling.limit ? program.results.map(\.name) : []))
  }

  /// What stands for a name that is missing: the program is refused anyway.
  private static let nowhere = ResultID(-1)
}
