import Parser

/// Writes a program step by step; the only way to make one in code.
///
/// It numbers results and hands them out as typed references. The requests themselves are typed by
/// the extensions next to each dialect. Names are taken as given: `ResultNames` makes them unique.
public struct ProgramBuilder: Sendable {
  /// The program so far.
  public private(set) var program = Program()
  /// The part of the user's file that causes the steps that follow.
  public var origin: SourceSpan

  /// Starts an empty program with room for a number of steps and results.
  public init(origin: SourceSpan, steps: Int = 0, results: Int = 0) {
    self.origin = origin
    program.steps.reserveCapacity(steps)
    program.results.reserveCapacity(results)
  }

  /// Opens a device node.
  mutating func open<File: MadeObject>(
    _ path: DevicePath, as type: File.Type = File.self, named name: String
  ) -> Reference<File> {
    assert(path.kind == File.kind, "a node opened as another kind of file")
    let file = define(name, as: type)
    append(.open(path, file.id))
    return file
  }

  /// Makes guest memory as a file.
  mutating func memoryFile(
    _ memory: GuestMemory, named name: String
  ) -> Reference<ObjectKind.MemoryFile> {
    let file = define(name, as: ObjectKind.MemoryFile.self)
    append(.memory(memory, file: file.id, address: nil))
    return file
  }

  /// Makes guest memory as a file and maps it.
  mutating func mappedMemory(
    _ memory: GuestMemory, named name: String
  ) -> Reference<ObjectKind.Memory> {
    let file = define(name, as: ObjectKind.MemoryFile.self)
    let address = define(name + ".va", as: ObjectKind.Memory.self)
    append(.memory(memory, file: file.id, address: address.id))
    return address
  }

  /// Changes a device's driver.
  mutating func sysfs(_ write: SysfsWrite) { append(.sysfs(write)) }

  /// Stops the program unless a number has a value.
  mutating func expect(_ number: Reference<ObjectKind.Number>, equals value: UInt64) {
    append(.expect(number.id, mask: nil, equals: .literal(value)))
  }

  /// Stops the program unless some bits of a number are all set, or all clear.
  mutating func expect(
    _ bits: UInt64, of number: Reference<ObjectKind.Number>, areSet: Bool
  ) {
    append(.expect(number.id, mask: bits, equals: .literal(areSet ? bits : 0)))
  }

  /// Stops the program unless a number is an object's id.
  mutating func expect<Made: MadeObject>(
    _ number: Reference<ObjectKind.Number>, equals object: Reference<Made>
  ) {
    append(.expect(number.id, mask: nil, equals: .result(object.id)))
  }

  /// Closes a file before the program's end.
  mutating func close<File: MadeObject>(_ file: Reference<File>) {
    assert(File.kind.isFile, "only files are closed")
    append(.close(file.id))
  }

  /// Issues a request whose results nobody uses.
  mutating func issue<File: MadeObject>(
    _ request: RequestDescriptor, on file: Reference<File>, _ arguments: [Operand] = [],
    results: [ResultID?] = []
  ) {
    assert(request.receiver == File.kind, "a request on another kind of file")
    assert(request.resultFields.count == results.count, "one entry per result of a request")
    append(.ioctl(file.id, request, arguments: arguments, results: results))
  }

  /// Issues a request that gives one value.
  mutating func issue<File: MadeObject, Made: MadeObject>(
    _ request: RequestDescriptor, on file: Reference<File>, _ arguments: [Operand] = [],
    named name: String
  ) -> Reference<Made> {
    let made = define(name, as: Made.self)
    issue(request, on: file, arguments, results: [made.id])
    return made
  }

  /// Numbers a result that the next step makes.
  mutating func define<Made: MadeObject>(
    _ name: String, as type: Made.Type = Made.self
  ) -> Reference<Made> {
    program.results.append(ResultDefinition(name: name, kind: Made.kind))
    return Reference(ResultID(Int32(truncatingIfNeeded: program.results.count - 1)))
  }

  private mutating func append(_ action: Action) {
    program.steps.append(Step(action, origin: origin))
  }
}

/// The entry list of a request that gives one value nobody uses; shared, so that it costs nothing.
let unusedResult: [ResultID?] = [nil]
