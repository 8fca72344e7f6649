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
  /// A pointer to the text of a PCI address, NUL-terminated.
  case address(Field)
}

/// What an ioctl returns when it succeeds.
public enum ReturnLayout: Hashable, Sendable {
  /// 0.
  case zero
  /// A new open file.
  case file(ObjectKind)
  /// A number to be looked at.
  case number
}

/// How the effect of a step is taken back.
public enum Undo: Hashable, Sendable {
  /// Where an argument of the undoing request comes from.
  public enum Argument: Hashable, Sendable {
    /// The operand the step itself gave for its field of this name.
    case operand(String)
    /// What the step defined in its field of this name.
    case result(String)
    /// A fixed number.
    case literal(UInt64)
  }

  /// There is nothing to take back; the string says why.
  case nothing(String)
  /// The file the step opened is closed.
  case closeResult
  /// A request on the same file, by name, with its arguments by field name.
  case request(String, [(field: String, argument: Argument)])

  /// Two undos are equal if they do the same.
  public static func == (left: Undo, right: Undo) -> Bool {
    switch (left, right) {
    case (.nothing(let l), .nothing(let r)): l == r
    case (.closeResult, .closeResult): true
    case (.request(let l, let lp), .request(let r, let rp)):
      l == r && lp.elementsEqual(rp, by: ==)
    default: false
    }
  }

  /// Hashes the request's name.
  public func hash(into hasher: inout Hasher) {
    if case .request(let name, _) = self { hasher.combine(name) }
  }
}

/// What must hold of a value before a request may use it, and what the request makes hold of it.
///
/// The verifier follows these states through a program; the kernel enforces the same.
public enum ObjectState: Hashable, Sendable {
  /// A device file is bound to an iommufd or an ioasid fd.
  case bound
  /// A device is attached to a page table.
  case attached
  /// A group is in a container.
  case contained
  /// A container has its IOMMU driver.
  case driven
}

/// A fact about one ioctl request: descriptor, not instance.
///
/// Identity is by reference: there is one descriptor per request name and step argument shape.
public final class RequestDescriptor: Hashable, Sendable {
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
  /// How its effect is taken back.
  public let undo: Undo
  /// What must hold of the receiver before.
  public let requires: [ObjectState]
  /// What holds of the receiver afterwards.
  public let establishes: [ObjectState]
  /// Whether a program may contain it as a step; undo requests are not steps.
  public let isStep: Bool
  /// Header and first release, for example `linux/iommufd.h, 6.2`.
  public let source: String
  /// What it does, for people who have never seen it: one short clause.
  public let summary: String

  /// Declares a request.
  public init(
    _ name: String, _ code: RequestCode, on receiver: ObjectKind, _ argument: ArgumentLayout,
    returns: ReturnLayout = .zero, undo: Undo, requires: [ObjectState] = [],
    establishes: [ObjectState] = [], isStep: Bool = true, source: String, summary: String
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
    self.source = source
    self.summary = summary
  }

  /// The members of the argument, in order; empty if it takes none.
  public var fields: [Field] {
    switch argument {
    case .none: []
    case .value(let field), .address(let field): [field]
    case .structure(let layout): layout.fields
    }
  }

  /// Same descriptor object.
  public static func == (left: RequestDescriptor, right: RequestDescriptor) -> Bool {
    left === right
  }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
