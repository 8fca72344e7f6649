import Parser

/// One walk of the verifier through a program: what is known so far, and what was broken.
struct ProgramCheck {
  /// What is known of a result.
  struct Facts {
    /// What it stands for.
    var kind: ObjectKind
    /// What holds of it.
    var state: ResultState = []
    /// The file an id belongs to, a device is bound to, or a group is in; -1 if none.
    var context: Int32 = -1
    /// The address space of a page table; -1 if none.
    var parent: Int32 = -1
    /// Length of guest memory in bytes.
    var size: UInt64 = 0
  }

  /// A mapped range of an address space.
  struct Range {
    var space: Int32
    var first: UInt64
    var last: UInt64
    var step: Int
  }

  /// A device and the step it appears in.
  struct DeviceMention {
    var address: BDF
    var step: Int
  }

  /// How far a device's change of driver is.
  struct DriverProgress {
    enum Stage: Int { case unbound, overridden, probed }
    var stage: Stage
    var driver: String
    var device: DeviceMention
  }

  /// Position of the step that is looked at.
  var step = 0
  /// The breaches so far.
  private(set) var violations: [Violation] = []

  let results: [ResultDefinition]
  var facts: [Facts]
  /// How many results are made.
  var made = 0
  /// Kept as lists that `finish` sorts: most descriptions are in bus order, so it has little to do.
  var openedDevices: [DeviceMention] = []
  var openedGroups: [(number: Int, step: Int)] = []
  var changedDevices: [DeviceMention] = []
  var ranges: [Range] = []
  /// The change of driver the last steps are about.
  var driverProgress: DriverProgress?
  /// The VFIO driver that was looked at last, so that each is looked at once.
  var knownDriver = VFIODriver.standard

  /// The requests the program may have; `nil` if it may have any.
  let requests: Set<RequestDescriptor>?
  /// Devices whose drivers may change although the program does not open them.
  let unopened: Set<BDF>

  init(_ program: Program, requests: Set<RequestDescriptor>?, unopened: Set<BDF>) {
    self.requests = requests
    self.unopened = unopened
    results = program.results
    facts = program.results.map { Facts(kind: $0.kind) }
    checkNames()
  }

  mutating func broken(_ law: ProgramLaw, _ message: String) {
    violations.append(Violation(law, step: step, message))
  }

  mutating func check(_ step: Step) {
    if step.origin.start > step.origin.end
      || Self.unusedSources.contains(step.origin.source.rawValue)
    {
      broken(.origins, "the step's origin is in no file")
    }
    switch step.action {
    case .open(let path, let file): checkOpen(path, file)
    case .memory(let memory, let file, let address): checkMemory(memory, file, address)
    case .sysfs(let write): checkDriver(write)
    case .expect(let number, _, let value): checkExpect(number, value)
    case .close(let file): checkClose(file)
    case .ioctl(let file, let request, let arguments, let results):
      checkRequest(request, on: file, arguments, results)
    }
  }

  private static let unusedSources =
    SourceID.otherPolicy.rawValue + 1..<SourceID.firstOfMany.rawValue
}

/// Results and names.
extension ProgramCheck {
  /// The position of a result that is made already; reports one that is not.
  mutating func use(_ id: ResultID) -> Int? {
    let index = Int(id.index)
    guard index >= 0, index < made else {
      broken(.definedEarlier, "\(name(id)) is used before a step makes it")
      return nil
    }
    if facts[index].state.contains(.closed) {
      broken(.notAfterClose, "\(name(id)) is used after it was closed")
      facts[index].state.remove(.closed)  // said once, however often it is used
    }
    return index
  }

  /// The position of the result a step makes; reports one out of order or of another kind.
  mutating func make(_ id: ResultID, _ kind: ObjectKind) -> Int? {
    guard Int(id.index) == made, made < results.count else {
      broken(.madeOnce, "\(name(id)) is not the next result; each is made once, in order")
      return nil
    }
    made += 1
    if facts[made - 1].kind != kind {
      broken(
        .resultKinds,
        "\(name(id)) is declared as \(facts[made - 1].kind), but the step makes \(kind)")
    }
    return made - 1
  }

  func name(_ id: ResultID) -> String {
    results.indices.contains(Int(id.index))
      ? "'\(results[Int(id.index)].name)'" : "result \(id.index)"
  }

  private mutating func checkNames() {
    for result in results where !ResultDefinition.isValid(name: result.name) {
      let message = "'\(result.name)' is not a name: letters, digits, '.', '_' and '-' are expected"
      violations.append(Violation(.resultNames, step: nil, message))
      if violations.count >= ProgramVerifier.maximumViolations { return }
    }
    for index in RepeatedNames.positions(in: results).prefix(ProgramVerifier.maximumViolations) {
      let message = "two results are called '\(results[index].name)'"
      violations.append(Violation(.resultNames, step: nil, message))
    }
  }
}

/// Steps that are not requests.
extension ProgramCheck {
  private mutating func checkOpen(_ path: DevicePath, _ file: ResultID) {
    _ = make(file, path.kind)
    switch path {
    case .vfioDevice(let address): opened(address)
    case .vfioGroup(let number):
      if number < 0 { broken(.ranges, "a group's number cannot be negative") }
      openedGroups.append((number, step))
    default: break
    }
  }

  mutating func opened(_ address: BDF) {
    openedDevices.append(DeviceMention(address: address, step: step))
  }

  private mutating func checkMemory(
    _ memory: GuestMemory, _ file: ResultID, _ address: ResultID?
  ) {
    if memory.size == 0 || memory.size % Self.page != 0 {
      broken(.ranges, "guest memory must be a positive multiple of 4 KiB")
    }
    if let page = memory.hugePageBytes {
      if page < Self.page || page.nonzeroBitCount != 1 || memory.size % page != 0 {
        broken(.ranges, "guest memory must be a multiple of its huge pages, a power of two")
      }
    }
    if let index = make(file, .memoryFile) {
      facts[index].size = memory.size
      facts[index].state.insert(.needed)
    }
    if let address, let index = make(address, .memory) { facts[index].size = memory.size }
  }

  private mutating func checkExpect(_ number: ResultID, _ value: Operand) {
    if let index = use(number), facts[index].kind != .number {
      broken(.operandKinds, "\(name(number)) is not a number to be checked")
    }
    switch value {
    case .literal: break
    case .result(let id):
      guard let index = use(id) else { break }
      if facts[index].kind.isFile || facts[index].kind == .memory {
        broken(.operandKinds, "\(name(id)) is not a number to be compared with")
      }
    case .memory, .address, .token:
      broken(.operandKinds, "a number can only be compared with a number")
    }
  }

  /// Closing what an undo needs would make that undo act on whatever has the number by then.
  private mutating func checkClose(_ file: ResultID) {
    guard let index = use(file) else { return }
    if !facts[index].kind.isFile { broken(.operandKinds, "\(name(file)) is not a file") }
    if facts[index].state.contains(.needed) {
      broken(.notAfterClose, "\(name(file)) is needed when the program is undone")
    }
    facts[index].state.insert(.closed)
  }

  /// Pages are 4 KiB on every machine this runs on.
  static let page: UInt64 = 4096
}

/// What holds of a result while a program is walked through.
struct ResultState: OptionSet, Sendable {
  let rawValue: UInt16

  /// `ObjectState.bound`.
  static let bound = ResultState(rawValue: 1)
  /// `ObjectState.attached`.
  static let attached = ResultState(rawValue: 2)
  /// `ObjectState.contained`.
  static let contained = ResultState(rawValue: 4)
  /// `ObjectState.driven`.
  static let driven = ResultState(rawValue: 8)
  /// The file is closed.
  static let closed = ResultState(rawValue: 16)
  /// Some undo needs the file.
  static let needed = ResultState(rawValue: 32)
  /// A request was issued on the file, or something was bound to it.
  static let touched = ResultState(rawValue: 64)
  /// KVM knows the file.
  static let registered = ResultState(rawValue: 128)
  /// A device was opened through the group.
  static let opened = ResultState(rawValue: 256)

  init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The state of a descriptor's word.
  init(_ state: ObjectState) {
    switch state {
    case .bound: self = .bound
    case .attached: self = .attached
    case .contained: self = .contained
    case .driven: self = .driven
    }
  }
}
