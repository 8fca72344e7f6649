import Parser

/// The number of an ioctl request, kept as the parts of the kernel's macros.
public struct RequestCode: Hashable, Sendable {
  /// `_IO`, `_IOW`, `_IOR` or `_IOWR`.
  public enum Direction: UInt32, Hashable, Sendable {
    /// No size encoded.
    case none = 0
    /// The kernel reads.
    case write = 1
    /// The kernel writes.
    case read = 2
    /// Both.
    case readWrite = 3
  }

  /// The type byte.
  public let type: UInt8
  /// The number within the type.
  public let number: UInt8
  /// The direction bits.
  public let direction: Direction
  /// The encoded argument size in bytes; 0 for `_IO`.
  public let size: Int

  /// Declares a code; `_IO` unless told otherwise.
  public init(type: UInt8, number: UInt8, _ direction: Direction = .none, size: Int = 0) {
    self.type = type
    self.number = number
    self.direction = direction
    self.size = size
  }

  /// The 32-bit command on x86-64 and arm64 (`asm-generic/ioctl.h`).
  public var command: UInt32 {
    direction.rawValue << 30 | UInt32(size) << 16 | UInt32(type) << 8 | UInt32(number)
  }
}

/// How an ioctl takes its argument.
public enum ArgumentLayout: Hashable, Sendable {
  /// No argument.
  case none
  /// A number in place of a pointer.
  case value(Field)
  /// A pointer to a struct.
  case structure(StructLayout)
  /// A pointer to the text of a PCI address, NUL-terminated, which a token may follow.
  case address(Field, token: Field)

  /// The members of the argument, in order; empty if there is none.
  public var fields: [Field] {
    switch self {
    case .none: []
    case .value(let field): [field]
    case .address(let field, let token): [field, token]
    case .structure(let layout): layout.fields
    }
  }
}

/// What an ioctl returns when it succeeds.
public enum ReturnLayout: Hashable, Sendable {
  /// 0.
  case zero
  /// A new open file.
  case file(ObjectKind)
  /// The id of something new.
  case object(ObjectKind)
  /// A number to be looked at.
  case number
}

/// How the effect of a step is undone.
public enum Undo: Hashable, Sendable {
  /// There is nothing to undo; the string says why.
  case nothing(String)
  /// The file the step opened is closed.
  case closeResult
  /// A request on the same file, whose members get what the step gave or made for the same roles.
  case request(RequestDescriptor)
}

/// What must hold of a value before a request may use it, and what the request makes hold of it.
///
/// The verifier follows these states through a program; the kernel enforces the same.
public enum ObjectState: Hashable, Sendable {
  /// A device file is bound to an iommufd or an ioasid fd.
  case bound
  /// A device is attached to a page table.
  case attached
  /// A group is in a container; a container has a group.
  case contained
  /// A container has its IOMMU driver.
  case driven
}

/// A fact about one ioctl request: descriptor, not instance.
///
/// Identity is by reference: there is one descriptor per request name and step argument shape.
public final class RequestDescriptor: Hashable, Sendable {
  /// What a request returns is called this where its output members are named.
  static let returnName = "return"

  /// The kernel's own name; for the 2021 proposal the mail's or RFC's.
  public let name: String
  /// The request number.
  public let code: RequestCode
  /// The kind of open file it is issued on.
  public let receiver: ObjectKind
  /// How it takes its argument.
  public let argument: ArgumentLayout
  /// What it returns.
  public let returns: ReturnLayout
  /// How its effect is undone.
  public let undo: Undo
  /// What must hold of the receiver before.
  public let requires: [ObjectState]
  /// What holds of the receiver, and of the objects given to it, afterwards.
  public let establishes: [ObjectState]
  /// Whether a program may contain it as a step; undo requests are not steps.
  public let isStep: Bool
  /// Every errno it can give.
  public let errnos: ErrnoTable
  /// Whether a kernel with the files it is issued on may lack it, which then answers ENOTTY.
  public let mayBeMissing: Bool
  /// The header that declares it; for the 2021 proposal the message that does.
  public let header: String
  /// The first release that has it; `nil` for the 2021 proposal, which no kernel has.
  public let since: KernelVersion?
  /// Parts of it that came later, each with its first release.
  public let later: KeyValuePairs<String, KernelVersion>
  /// What it does, for people who have never seen it: one short clause.
  public let summary: String
  /// The members a step gives operands for, in order: `Action.ioctl`'s arguments.
  public let operandFields: [Field]
  /// The member that one more operand at the end of a step's is for; `nil` if there can be none.
  public let optionalField: Field?
  /// Names and kinds of the values a step can define, in order: `Action.ioctl`'s results.
  public let resultFields: [(name: String, kind: ObjectKind)]
  /// What the members of the undoing request get, by position, so that undoing looks nothing up.
  public let undoArguments: [UndoSource]
  /// Positions of the results without which the undo cannot be issued.
  let undoNeeds: [Int]
  /// The kinds of `resultFields`.
  let resultKinds: [ObjectKind]
  /// What the verifier needs of the operands.
  let shape: RequestShape

  /// Declares a request.
  public init(
    _ name: String, _ code: RequestCode, on receiver: ObjectKind, _ argument: ArgumentLayout,
    returns: ReturnLayout = .zero, undo: Undo, requires: [ObjectState] = [],
    establishes: [ObjectState] = [], isStep: Bool = true, errnos: ErrnoTable,
    mayBeMissing: Bool = false, header: String, since: KernelVersion?,
    later: KeyValuePairs<String, KernelVersion> = [:], summary: String
  ) {
    self.name = name
    self.code = code
    self.receiver = receiver
    self.argument = argument
    self.returns = returns
    self.undo = undo
    self.requires = requires
    self.establishes = establishes
    self.isStep = isStep
    self.errnos = mayBeMissing ? Self.missing(before: since) + errnos : errnos
    self.mayBeMissing = mayBeMissing
    self.header = header
    self.since = since
    self.later = later
    self.summary = summary
    operandFields = argument.fields.filter(\.takesOperand)
    optionalField = argument.fields.first(where: \.isOptional)
    resultFields = Self.resultFields(argument, returns)
    resultKinds = resultFields.map(\.kind)
    undoArguments = Self.undoArguments(undo, operandFields, resultFields)
    undoNeeds = Self.undoNeeds(undo, undoArguments, resultKinds)
    shape = RequestShape(operandFields)
  }

  /// The members of the argument, in order; empty if it takes none.
  public var fields: [Field] { argument.fields }

  /// The entry list of a step that uses the answer in one member only.
  func results(_ id: ResultID, in member: Field) -> [ResultID?] {
    let answers = fields.flatMap(\.resultMembers).map { $0 == member ? id : nil }
    return answers + [ResultID?](repeating: nil, count: resultFields.count - answers.count)
  }

  /// Header and first release, for example `linux/iommufd.h, 6.2`.
  public var source: String {
    guard let since else { return "\(header); never merged" }
    return later.reduce("\(header), \(since)") { "\($0); \($1.key) \($1.value)" }
  }

  /// Same descriptor object.
  public static func == (left: RequestDescriptor, right: RequestDescriptor) -> Bool {
    left === right
  }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Where an argument of an undoing request comes from, by position.
public enum UndoSource: Hashable, Sendable {
  /// The step's argument at a position.
  case operand(Int)
  /// The step's result at a position.
  case result(Int)
  /// A fixed number.
  case literal(UInt64)
}

extension RequestDescriptor {
  private static func missing(before since: KernelVersion?) -> ErrnoTable {
    since.map { [.enotty: "the kernel is older than \($0)"] } ?? [:]
  }

  private static func resultFields(_ argument: ArgumentLayout, _ returns: ReturnLayout)
    -> [(name: String, kind: ObjectKind)]
  {
    let members = argument.fields.flatMap(\.resultMembers)
      .map { (name: $0.name, kind: $0.resultKind) }
    return switch returns {
    case .zero: members
    case .number: members + [(returnName, .number)]
    case .file(let kind), .object(let kind): members + [(returnName, kind)]
    }
  }

  private static func undoNeeds(
    _ undo: Undo, _ arguments: [UndoSource], _ results: [ObjectKind]
  ) -> [Int] {
    switch undo {
    case .nothing: []
    case .closeResult: results.indices.filter { results[$0].isFile }
    case .request:
      arguments.compactMap { if case .result(let index) = $0 { index } else { nil } }
    }
  }

  /// Finds what each member of the undoing request gets; one for which there is nothing is a slip
  /// in a descriptor, which the tests that enumerate all descriptors find.
  private static func undoArguments(
    _ undo: Undo, _ operands: [Field], _ results: [(name: String, kind: ObjectKind)]
  ) -> [UndoSource] {
    guard case .request(let request) = undo else { return [] }
    return request.operandFields.map { member in
      guard let source = source(of: member, operands, results) else {
        preconditionFailure("\(request.name) undoes a step that does not know its \(member.name)")
      }
      return source
    }
  }

  /// An object that the step made is meant rather than one it was given; a number that only one
  /// value is allowed for is that value.
  private static func source(
    of member: Field, _ operands: [Field], _ results: [(name: String, kind: ObjectKind)]
  ) -> UndoSource? {
    switch member.role {
    case .number(let constants):
      if let only = constants.onlyValue { return .literal(only) }
    case .object(let kinds):
      let made = results.firstIndex { kinds.contains(ObjectKindSet($0.kind)) }
      if let made { return .result(made) }
    default: break
    }
    return operands.firstIndex { $0.role == member.role }.map { .operand($0) }
  }
}
