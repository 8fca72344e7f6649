/// One member of a uAPI struct: a descriptor, never a value.
public struct Field: Hashable, Sendable {
  /// Who writes a member.
  public enum Direction: Hashable, Sendable {
    /// The caller; the kernel reads it.
    case input
    /// The kernel; its value may become a result of the step.
    case output
    /// Both: an operand going in, the kernel's answer coming out.
    case inOut
  }

  /// How the codec and the verifier treat a member.
  public enum Role: Hashable, Sendable {
    /// `size` or `argsz`: the codec writes the number of bytes sent.
    case size
    /// Reserved or padding: the codec writes zeros.
    case reserved
    /// A number, with the names of its values or bits if it has some.
    case number(Constants)
    /// The number of bytes of a mapping or of a piece of memory.
    case length
    /// An I/O virtual address: where a mapping begins.
    case iova
    /// Where in a memory file a mapping begins, in bytes.
    case offset
    /// A reference to something an earlier step made.
    case object(ObjectKindSet)
    /// A pointer to a 32-bit descriptor number; the operand is the open file.
    case pointerToFile(ObjectKindSet)
    /// A pointer to a struct of its own that the kernel fills; the codec supplies the room.
    case buffer(StructLayout)
    /// An address in guest memory: a memory result plus an offset in bytes.
    case memoryAddress
    /// The text of a PCI address; only for requests that take nothing else, or a token behind it.
    case address
    /// A pointer to a UUID, or its text behind an address: a step may give it or not.
    ///
    /// In a structure it is the last member, and the flags in the second word say that it is there.
    case token(flag: UInt64)
  }

  /// The kernel's name of the member.
  public let name: String
  /// Offset from the start of the struct, in bytes.
  public let offset: Int
  /// Width in bytes: 1, 2, 4 or 8; any number for reserved bytes.
  public let width: Int
  /// Who writes it.
  public let direction: Direction
  /// What it carries.
  public let role: Role
  /// What is always sent in a member that no step sets; `nil` if a step gives an operand.
  public let defaultValue: UInt64?

  /// Declares a member.
  public init(
    _ name: String, at offset: Int, width: Int = 4, _ direction: Direction, _ role: Role,
    default defaultValue: UInt64? = nil
  ) {
    self.name = name
    self.offset = offset
    self.width = width
    self.direction = direction
    self.role = role
    self.defaultValue = defaultValue
  }

  /// Declares a member that the caller writes.
  public init(
    _ name: String, at offset: Int, width: Int = 4, _ role: Role,
    default defaultValue: UInt64? = nil
  ) {
    self.init(name, at: offset, width: width, .input, role, default: defaultValue)
  }

  /// Whether a step gives this member an operand.
  public var takesOperand: Bool {
    switch role {
    case .size, .reserved, .buffer, .token: false
    default: direction != .output && defaultValue == nil
    }
  }

  /// Whether a step may give this member an operand, or leave it out.
  public var isOptional: Bool { if case .token = role { true } else { false } }

  /// The members whose answers can become results: this one, those of its buffer, or none.
  public var resultMembers: [Field] {
    if case .buffer(let layout) = role { return layout.fields.flatMap(\.resultMembers) }
    return givesResult ? [self] : []
  }

  /// Whether the kernel's answer in this member can become a result.
  public var givesResult: Bool {
    switch role {
    case .size, .reserved, .buffer, .token: false
    default: direction != .input
    }
  }

  /// What the kernel's answer in this member stands for.
  ///
  /// An id only where there is no doubt about its kind: `pt_id` goes in as an IOAS or an HWPT, so
  /// what comes out is a number to be compared with one.
  public var resultKind: ObjectKind {
    guard case .object(let kinds) = role, kinds.rawValue.nonzeroBitCount == 1 else {
      return .number
    }
    return ObjectKind(rawValue: UInt8(kinds.rawValue.trailingZeroBitCount)) ?? .number
  }
}

/// The names of a number's values, so that text shows `FIXED_IOVA|READABLE` instead of 5.
public struct Constants: Hashable, Sendable {
  /// Name and value, in header order.
  public let names: [(name: String, value: UInt64)]
  /// Whether values are bits that may be combined.
  public let areFlags: Bool
  /// The only values a program may use; `nil` if any number will do.
  public let allowed: [UInt64]?

  /// Plain numbers without names.
  public static let none = Constants(flags: false, names: [], allowed: nil)

  private init(flags: Bool, names: [(name: String, value: UInt64)], allowed: [UInt64]?) {
    self.names = names
    areFlags = flags
    self.allowed = allowed
  }

  /// Bits that may be combined; a program may use no others, or only the `allowed` combinations.
  public static func flags(_ names: [(name: String, value: UInt64)], allowed: [UInt64]? = nil)
    -> Constants
  {
    Constants(flags: true, names: names, allowed: allowed)
  }

  /// Exclusive values; a program may use only `allowed`, or all of them if it is `nil`.
  public static func values(_ names: [(name: String, value: UInt64)], allowed: [UInt64]? = nil)
    -> Constants
  {
    Constants(flags: false, names: names, allowed: allowed ?? names.map(\.value))
  }

  /// Whether a program may use a value.
  public func permits(_ value: UInt64) -> Bool {
    if let allowed { return allowed.contains(value) }
    return !areFlags || names.reduce(value) { $0 & ~$1.value } == 0
  }

  /// The value, if a program may use just one.
  var onlyValue: UInt64? { allowed?.count == 1 ? allowed?.first : nil }

  /// Two sets are equal if they name the same values the same way.
  public static func == (left: Constants, right: Constants) -> Bool {
    left.areFlags == right.areFlags && left.allowed == right.allowed
      && left.names.elementsEqual(right.names, by: ==)
  }

  /// Hashes the values.
  public func hash(into hasher: inout Hasher) {
    for (_, value) in names { hasher.combine(value) }
  }
}

/// The layout of a uAPI struct.
public struct StructLayout: Hashable, Sendable {
  /// The kernel's name of the struct.
  public let name: String
  /// `sizeof` in the newest header, Linux 7.3, in bytes.
  public let size: Int
  /// How many bytes vfioplan sends: the oldest size that carries the members it uses, so that every
  /// kernel release accepts it.
  public let sentSize: Int
  /// The members, by offset, without gaps.
  public let fields: [Field]

  /// Declares a layout.
  public init(_ name: String, size: Int, sentSize: Int? = nil, _ fields: [Field]) {
    self.name = name
    self.size = size
    self.sentSize = sentSize ?? size
    self.fields = fields
  }
}
