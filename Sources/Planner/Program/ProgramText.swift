import Parser

/// The canonical text of a program; `docs/program-format.md` has the grammar.
///
/// Reading what was printed gives a program with the same actions, if it passes the verifier.
public enum ProgramText {
  /// Prints a program, one step a line.
  ///
  /// `origin` gives the comment for a step's origin, for example `vm.yaml:12`; `nil` for none.
  public static func text(
    of program: Program, origin: (SourceSpan) -> String? = { _ in nil }
  ) -> String {
    var text = ""
    for index in program.steps.indices {
      text += line(index, of: program)
      if let comment = origin(program.steps[index].origin) { text += "  # \(comment)" }
      text += "\n"
    }
    return text
  }

  /// Prints one step by its 0-based position, without a line end.
  public static func line(_ index: Int, of program: Program) -> String {
    let parts = program.steps[index].action.parts
    let names = program.results
    var line = parts.results.map { names[$0.id] }.joined(separator: ", ")
    if !line.isEmpty { line += " = " }
    line += parts.verb.rawValue
    if let receiver = parts.receiver { line += " " + names[receiver] }
    if let method = parts.method { line += " " + method }
    for operand in parts.operands { line += text(of: operand, names) }
    guard parts.verb == .ioctl, !parts.results.isEmpty else { return line }
    return line + " -> " + parts.results.map(\.member).joined(separator: ", ")
  }

  /// Prints a number: one digit as it is, anything else in hexadecimal.
  static func number(_ value: UInt64) -> String {
    value < 10 ? String(value) : hexText(value)
  }

  private static func text(of operand: StepOperand, _ names: [ResultDefinition]) -> String {
    switch operand.place {
    case .named: " \(operand.name)=" + text(of: operand.value, names)
    case .bare: " " + text(of: operand.value, names)
    case .after(let word): " \(word) " + text(of: operand.value, names)
    case .implied: ""
    }
  }

  private static func text(of value: StepOperand.Value, _ names: [ResultDefinition]) -> String {
    switch value {
    case .node(.vfioDevice(let address)): DevicePath.vfioDevice(address).node
    case .node(let path): "\"\(path.node)\""
    case .number(let value): number(value)
    case .member(let operand, let request, let place):
      text(of: operand, in: request.member(at: place)?.role ?? .number(.none), names)
    case .operand(let operand), .bits(let operand): text(of: operand, in: .number(.none), names)
    case .word(let word): word
    case .name(let name): quoted(name)
    }
  }

  private static func text(
    of operand: Operand, in role: Field.Role, _ names: [ResultDefinition]
  ) -> String {
    switch operand {
    case .result(let id): return names[id]
    case .memory(let id, let offset): return "\(names[id])+\(number(offset))"
    case .address(let address): return address.description
    case .token(let token): return token.description
    case .literal(let value):
      guard case .number(let constants) = role else { return number(value) }
      let words = constants.names(of: value)
      return words.isEmpty ? number(value) : words.joined(separator: "|")
    }
  }

  /// A string that always reads back: everything but plain characters by its number.
  private static func quoted(_ text: String) -> String {
    let inner = text.escaped { scalar in
      let isPlain = (0x20..<0x7f).contains(scalar.value) && scalar != "\"" && scalar != "\\"
      return isPlain ? nil : scalar.escape
    }
    return "\"" + inner + "\""
  }
}

extension [ResultDefinition] {
  /// The text of a reference; one to nowhere shows its number, which reads back as an error.
  fileprivate subscript(id: ResultID) -> String {
    indices.contains(Int(id.index)) ? "%" + self[Int(id.index)].name : "%?\(id.index)"
  }
}
