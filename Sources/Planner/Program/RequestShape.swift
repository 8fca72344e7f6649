/// What the verifier needs of a request, flat, so that a step is checked without looking at fields.
struct RequestShape: Sendable {
  /// What an operand must be.
  enum Operand: Sendable {
    /// A number up to a maximum.
    case number(maximum: UInt64)
    /// A number that the member's constants must permit.
    case constant(maximum: UInt64)
    /// A result of one of these kinds.
    case result(ObjectKindSet)
    /// A file that KVM is told about.
    case registered(ObjectKindSet)
    /// A place in guest memory.
    case memory
    /// A PCI address.
    case address
  }

  /// One per member that takes an operand, in order.
  let operands: [Operand]
  /// Positions of the memory, its length and, if it is mapped, the I/O address among the operands;
  /// for memory as a file also that of the offset.
  let memory: (base: Int, start: Int?, length: Int, iova: Int?)?

  /// Derives the shape from the members that take operands.
  init(_ fields: [Field]) {
    operands = fields.map { field in
      switch field.role {
      case .object(let kinds): .result(kinds)
      case .pointerToFile(let kinds): .registered(kinds)
      case .memoryAddress: .memory
      case .address: .address
      case .number(let constants) where constants == .none:
        .number(maximum: Self.maximum(field))
      case .length, .iova, .offset: .number(maximum: Self.maximum(field))
      case .number, .size, .reserved, .buffer, .token: .constant(maximum: Self.maximum(field))
      }
    }
    let position = { (role: Field.Role) in fields.firstIndex { $0.role == role } }
    let base = position(.memoryAddress) ?? position(.object(ObjectKindSet(.memoryFile)))
    memory = base.flatMap { base in
      position(.length).map { (base, position(.offset), $0, position(.iova)) }
    }
  }

  private static func maximum(_ field: Field) -> UInt64 {
    field.width >= 8 ? .max : 1 << UInt64(field.width * 8) - 1
  }
}
