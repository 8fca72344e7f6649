import Parser

/// A step as whatever shows one sees it: what is done, to what, with what, and what comes of it.
///
/// A step is described here once. Program text, plan files, listings and reports are renderers of
/// this: they say how names, numbers and results look, not which of them a step has.
public struct StepParts: Sendable {
  /// What is done.
  public let verb: Action.Verb
  /// What it is done to: the file of a request, the value that is checked, the file that is closed.
  public internal(set) var receiver: ResultID?
  /// What is asked for: the name of a request, the word for a change of drivers.
  public internal(set) var method: String?
  /// With what, in order.
  public internal(set) var operands: [StepOperand] = []
  /// What it makes, in order; what nobody uses is left out.
  public internal(set) var results: [StepResult] = []
  /// What undoes it, as plan files call it; `nil` if nothing has to.
  public internal(set) var undo: String?
}

/// One thing that a step is given.
public struct StepOperand: Sendable {
  /// What it is, which decides how it is shown.
  public enum Value: Sendable {
    /// A device node.
    case node(DevicePath)
    /// A number of 64 bits: a size or a mask.
    case number(UInt64)
    /// A value for a member of a request, by the member's place among those that steps give.
    case member(Operand, of: RequestDescriptor, at: Int)
    /// A value for no member.
    case operand(Operand)
    /// A value to compare bits with.
    case bits(Operand)
    /// One of a few words.
    case word(String)
    /// A name that comes from a file.
    case name(String)
  }

  /// How it stands in a line.
  public enum Place: Sendable {
    /// Behind its name: `size=0x1000`.
    case named
    /// By itself.
    case bare
    /// Behind a word or a sign: `from "nvme"`.
    case after(StaticString)
    /// Nowhere: the method says it already.
    case implied
  }

  /// Its name: the kernel's for a member of a request.
  public let name: String
  /// What it is.
  public let value: Value
  /// How it stands in a line.
  public let place: Place

  init(_ name: String, _ value: Value, _ place: Place = .named) {
    self.name = name
    self.value = value
    self.place = place
  }
}

/// One value that a step makes.
public struct StepResult: Sendable {
  /// The kernel's name of the member it comes in, or `return`.
  public let member: String
  /// Which result of the program it is.
  public let id: ResultID

  init(_ id: ResultID, in member: String = RequestDescriptor.returnName) {
    self.member = member
    self.id = id
  }

  /// Whether it is what the call returns.
  public var isReturned: Bool { member == RequestDescriptor.returnName }
}

extension Action {
  /// What every form of a step calls what it does.
  public enum Verb: String, CaseIterable, Sendable {
    /// A node is opened.
    case open
    /// Guest memory is made.
    case memory
    /// An attribute of sysfs is written.
    case sysfs
    /// A value is checked.
    case expect
    /// A file is closed.
    case close
    /// A request is issued.
    case ioctl
  }

  /// What it does, in a word.
  public var verb: Verb {
    switch self {
    case .open: .open
    case .memory: .memory
    case .sysfs: .sysfs
    case .expect: .expect
    case .close: .close
    case .ioctl: .ioctl
    }
  }

  /// The request it issues, if that is what it does.
  public var request: RequestDescriptor? {
    if case .ioctl(_, let request, _, _) = self { request } else { nil }
  }

  /// The change of a device's driver, if that is what it does.
  public var driverChange: SysfsWrite? {
    if case .sysfs(let write) = self { write } else { nil }
  }

  /// What it makes, in order.
  public var results: [StepResult] {
    switch self {
    case .open(_, let file): [StepResult(file)]
    case .memory(_, let file, let address):
      [StepResult(file)] + (address.map { [StepResult($0, in: "address")] } ?? [])
    case .ioctl(_, let request, _, let results):
      zip(results, request.resultFields).compactMap { id, field in
        id.map { StepResult($0, in: field.name) }
      }
    case .sysfs, .expect, .close: []
    }
  }

  /// All there is to show of it.
  public var parts: StepParts {
    var parts = StepParts(verb: verb, results: results)
    switch self {
    case .open(let path, _):
      parts.operands = [StepOperand("path", .node(path), .bare)]
      parts.undo = "close"
    case .memory(let memory, _, let address):
      parts.operands = memory.operands
      parts.undo = address == nil ? "close" : "munmap and close"
    case .sysfs(let write):
      parts.method = write.words.verb
      parts.operands = write.operands
      parts.undo = "revert"
    case .expect(let value, let mask, let expected):
      parts.receiver = value
      parts.operands = Self.condition(mask, expected)
    case .close(let file): parts.receiver = file
    case .ioctl(let file, let request, let arguments, _):
      parts.receiver = file
      parts.method = request.name
      parts.operands = request.operands(arguments)
      parts.undo = request.undo.name
    }
    return parts
  }

  private static func condition(_ mask: UInt64?, _ expected: Operand) -> [StepOperand] {
    guard let mask else {
      return [StepOperand("equals", .operand(expected), .after("=="))]
    }
    return [
      StepOperand("mask", .number(mask), .after("&")),
      StepOperand("equals", .bits(expected), .after("==")),
    ]
  }
}

extension GuestMemory {
  fileprivate var operands: [StepOperand] {
    var operands = [StepOperand("size", .number(size))]
    if let hugePageBytes { operands.append(StepOperand("hugepages", .number(hugePageBytes))) }
    if population != .lazy {
      operands.append(StepOperand("populate", .word(population.rawValue)))
    }
    return operands
  }
}

extension SysfsWrite {
  fileprivate var operands: [StepOperand] {
    [
      StepOperand("device", .operand(.address(address)), .bare),
      StepOperand("attribute", .word("\(attribute)"), .implied),
      StepOperand("driver", .name(driver), .after(words.beforeDriver)),
    ]
  }
}

extension RequestDescriptor {
  /// What a step gives the request, each with its member; one that may be left out comes last.
  public func operands(_ arguments: [Operand]) -> [StepOperand] {
    let count = operandFields.count + (optionalField == nil ? 0 : 1)
    return arguments.prefix(count).enumerated().map { place, argument in
      StepOperand(member(at: place)?.name ?? "", .member(argument, of: self, at: place))
    }
  }

  /// The member at a place among those that steps give; the one that may be left out is the last.
  public func member(at place: Int) -> Field? {
    place < operandFields.count ? operandFields[place] : optionalField
  }
}

extension Action {
  /// The same action about other results; `nil` if what it uses has no other.
  ///
  /// All that it uses is asked for before what it makes.
  func mapResults(
    used: (ResultID) -> ResultID?, made: (ResultID) -> ResultID
  ) -> Action? {
    switch self {
    case .sysfs: return self
    case .open(let path, let file): return .open(path, made(file))
    case .memory(let memory, let file, let address):
      return .memory(memory, file: made(file), address: address.map(made))
    case .close(let file): return used(file).map { .close($0) }
    case .expect(let value, let mask, let expected):
      guard let value = used(value), let expected = expected.mapResults(used) else { return nil }
      return .expect(value, mask: mask, equals: expected)
    case .ioctl(let file, let request, let arguments, let results):
      guard let file = used(file), let others = Self.mapResults(of: arguments, used) else {
        return nil
      }
      return .ioctl(file, request, arguments: others, results: results.map { $0.map(made) })
    }
  }

  private static func mapResults(
    of arguments: [Operand], _ used: (ResultID) -> ResultID?
  ) -> [Operand]? {
    var others: [Operand] = []
    others.reserveCapacity(arguments.count)
    for argument in arguments {
      guard let other = argument.mapResults(used) else { return nil }
      others.append(other)
    }
    return others
  }
}

extension Operand {
  /// The same operand with another result; `nil` if its result has none.
  fileprivate func mapResults(_ used: (ResultID) -> ResultID?) -> Operand? {
    switch self {
    case .literal, .address, .token: self
    case .result(let id): used(id).map { .result($0) }
    case .memory(let id, let offset): used(id).map { .memory($0, offset: offset) }
    }
  }
}
