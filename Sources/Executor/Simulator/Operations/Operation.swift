import Planner

/// One request that a kind of file answers, in the shape of the kernel's `IOCTL_OP`.
///
/// The numbers are written from the kernel's headers a second time, apart from those by which
/// programs are encoded (`RequestDescriptor`): two statements that a test finds in disagreement.
final class Operation<File: SimulatedFile>: Sendable {
  /// The kernel's name of the request.
  let name: String
  /// Its number, direction and size bits included.
  let command: UInt32
  /// What is checked of the argument before the function is called.
  let rule: ArgumentRule
  /// What it came with, if not all releases that have the file have it.
  let since: KernelFact?
  /// Whether it comes before the gate that the file has for its other requests.
  let isBeforeGate: Bool
  /// The structure it takes.
  let layout: any StructureLayout.Type
  private let function:
    @Sendable (File, inout SimulatedArgument, SimulatedKernel) throws(Errno) -> Int32

  private init<Layout>(
    _ name: String, _ command: UInt32, _ rule: ArgumentRule, since: KernelFact?,
    isBeforeGate: Bool, of layout: Layout.Type,
    function: @escaping @Sendable (File, inout SimulatedRequest<Layout>) throws(Errno) -> Int32
  ) {
    self.name = name
    self.command = command
    self.rule = rule
    self.since = since
    self.isBeforeGate = isBeforeGate
    self.layout = layout
    self.function = { (file, argument, kernel) throws(Errno) in
      var request = SimulatedRequest<Layout>(argument: consume argument, kernel: kernel)
      defer { argument = request.argument }
      return try function(file, &request)
    }
  }

  /// Declares a request whose function returns nothing: the ioctl then gives 0.
  convenience init<Layout>(
    _ name: String, _ command: UInt32, _ rule: ArgumentRule, since: KernelFact? = nil,
    isBeforeGate: Bool = false,
    _ function:
      @escaping @Sendable (File) -> (inout SimulatedRequest<Layout>) throws(Errno) -> Void
  ) {
    self.init(
      name, command, rule, since: since, isBeforeGate: isBeforeGate, of: Layout.self
    ) { (file, request) throws(Errno) in
      try function(file)(&request)
      return 0
    }
  }

  /// Declares a request whose function says what the ioctl gives.
  convenience init<Layout>(
    _ name: String, _ command: UInt32, _ rule: ArgumentRule, since: KernelFact? = nil,
    isBeforeGate: Bool = false,
    _ function:
      @escaping @Sendable (File) -> (inout SimulatedRequest<Layout>) throws(Errno) -> Int32
  ) {
    self.init(
      name, command, rule, since: since, isBeforeGate: isBeforeGate, of: Layout.self
    ) { (file, request) throws(Errno) in try function(file)(&request) }
  }

  /// Declares a request that the release has and the simulator does not: EOPNOTSUPP.
  static func notSimulated(
    _ name: String, _ command: UInt32, since: KernelFact? = nil
  ) -> Operation {
    Operation(name, command, .none, since: since, isBeforeGate: false, of: NoArgument.self) {
      (_, _) throws(Errno) in throw .eopnotsupp
    }
  }

  /// Checks the argument and calls the function.
  func answer(
    _ argument: inout SimulatedArgument, of file: File, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    try rule.check(argument, kernel.facts)
    return try function(file, &argument, kernel)
  }
}

/// Everything that a kind of file answers.
struct OperationTable<File: SimulatedFile>: Sendable {
  /// The requests, in the order they were written down.
  let operations: [Operation<File>]
  /// The requests by their low bytes, of which no two requests of a file share one.
  private let numbered: [Operation<File>?]

  /// Makes a table.
  init(_ operations: [Operation<File>]) {
    var numbered = [Operation<File>?](repeating: nil, count: 256)
    for operation in operations {
      let number = Int(UInt8(truncatingIfNeeded: operation.command))
      precondition(numbered[number] == nil, "two requests of a file have one number")
      numbered[number] = operation
    }
    self.operations = operations
    self.numbered = numbered
  }

  /// The request whose number has the same low byte, if the release has it.
  func operation(numbered command: UInt32, in facts: SimulatedRelease) -> Operation<File>? {
    guard let operation = numbered[Int(UInt8(truncatingIfNeeded: command))],
      facts.has(operation.name, since: operation.since)
    else { return nil }
    return operation
  }

  /// Whether a request is in the table.
  func knows(_ command: UInt32) -> Bool {
    numbered[Int(UInt8(truncatingIfNeeded: command))]?.command == command
  }

  /// The name of a request; `nil` for one that is not in the table.
  func name(of command: UInt32) -> String? {
    numbered[Int(UInt8(truncatingIfNeeded: command))].flatMap {
      $0.command == command ? $0.name : nil
    }
  }

  /// Answers a request.
  ///
  /// With a `gate` every request is refused by it, known or not, but for those before the gate;
  /// then an unknown one is.
  func answer(
    _ command: UInt32, _ argument: inout SimulatedArgument, of file: File,
    in kernel: SimulatedKernel,
    gate: Errno? = nil, unknown: Errno = .enotty
  ) throws(Errno) -> Int32 {
    var operation = operation(numbered: command, in: kernel.facts)
    if operation?.command != command { operation = nil }
    if let gate, operation?.isBeforeGate != true { throw gate }
    guard let operation else { throw unknown }
    return try operation.answer(&argument, of: file, in: kernel)
  }
}
