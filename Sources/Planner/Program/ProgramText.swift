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
    let names = program.results
    return switch program.steps[index].action {
    case .open(let path, let file): "\(names[file]) = open \(text(of: path))"
    case .memory(let memory, let file, let address):
      names[file] + (address.map { ", \(names[$0])" } ?? "")
        + " = memory size=\(number(memory.size))"
        + (memory.hugePageBytes.map { " hugepages=\(number($0))" } ?? "")
        + (memory.population == .lazy ? "" : " populate=\(memory.population.rawValue)")
    case .sysfs(let write): "sysfs \(text(of: write))"
    case .expect(let result, let mask, let value):
      "expect \(names[result])" + (mask.map { " & \(number($0))" } ?? "")
        + " == \(text(of: value, in: .number(.none), names))"
    case .close(let file): "close \(names[file])"
    case .ioctl(let file, let request, let arguments, let results):
      line(request, on: file, arguments, results, names)
    }
  }

  /// Prints a number: one digit as it is, anything else in hexadecimal.
  static func number(_ value: UInt64) -> String {
    value < 10 ? String(value) : hexText(value)
  }

  private static func line(
    _ request: RequestDescriptor, on file: ResultID, _ arguments: [Operand],
    _ results: [ResultID?], _ names: [ResultDefinition]
  ) -> String {
    var made: [String] = []
    var members: [String] = []
    for (id, member) in zip(results, request.resultFields) {
      guard let id else { continue }
      made.append(names[id])
      members.append(member.name)
    }
    var line = made.isEmpty ? "" : made.joined(separator: ", ") + " = "
    line += "ioctl \(names[file]) \(request.name)"
    for (field, argument) in zip(request.operandFields, arguments) {
      line += " \(field.name)=\(text(of: argument, in: field.role, names))"
    }
    if let field = request.optionalField, case .token(let token)? = arguments.last {
      line += " \(field.name)=\(token)"
    }
    return members.isEmpty ? line : line + " -> " + members.joined(separator: ", ")
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

  private static func text(of path: DevicePath) -> String {
    switch path {
    case .iommu: "\"/dev/iommu\""
    case .vfioContainer: "\"/dev/vfio/vfio\""
    case .vfioGroup(let number): "\"/dev/vfio/\(number)\""
    case .vfioDevice(let address): "cdev(\(address))"
    case .kvm: "\"/dev/kvm\""
    case .ioasid: "\"/dev/ioasid\""
    }
  }

  private static func text(of write: SysfsWrite) -> String {
    switch write {
    case .unbind(let address, let driver): "unbind \(address) from \(quoted(driver))"
    case .driverOverride(let address, let driver): "override \(address) with \(quoted(driver))"
    case .probe(let address, let driver): "probe \(address) by \(quoted(driver))"
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
