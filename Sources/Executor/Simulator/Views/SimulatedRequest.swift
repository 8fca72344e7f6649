import Planner

/// A request on an open file as the function that answers it sees it.
///
/// That is its structure in user memory, member by member, and the kernel it was made to, together
/// what the kernel calls `ucmd`.
///
/// Members are always inlined: only where the key path is written does the compiler turn it into
/// an offset, and looking it up when the program runs would take longer than the request.
@dynamicMemberLookup
struct SimulatedRequest<Layout: StructureLayout> {
  /// User memory.
  var argument: SimulatedArgument
  /// The kernel that was asked.
  let kernel: SimulatedKernel

  /// A member that only the caller writes.
  subscript<Value>(dynamicMember member: KeyPath<Layout, Member<Value>>) -> Value {
    @inline(__always) get {
      let member = Layout()[keyPath: member]
      return Value(bits: argument.number(at: member.offset, width: member.width))
    }
  }

  /// A member that the kernel writes.
  subscript<Value>(dynamicMember member: KeyPath<Layout, Answer<Value>>) -> Value {
    @inline(__always) get {
      let member = Layout()[keyPath: member]
      return Value(bits: argument.number(at: member.offset, width: member.width))
    }
    @inline(__always) set {
      let member = Layout()[keyPath: member]
      argument.setNumber(newValue.bits, at: member.offset, width: member.width)
    }
  }

  /// What a member points to; `nil` for a null pointer.
  subscript<Element>(
    dynamicMember member: KeyPath<Layout, Pointer<Element>>
  ) -> StructureArray<Element>? {
    @inline(__always) get {
      argument.target(at: Layout()[keyPath: member].offset).map(
        StructureArray<Element>.init(bytes:))
    }
    @inline(__always) set {
      guard let newValue else { return }
      argument.setTarget(newValue.bytes, at: Layout()[keyPath: member].offset)
    }
  }
}

/// A structure that the kernel builds, to write as much of it as there is room for.
@dynamicMemberLookup
struct Structure<Layout: SizedLayout> {
  /// Its bytes; zeros at first.
  private(set) var bytes = [UInt8](repeating: 0, count: Layout.size)

  /// A member of it.
  subscript<Value>(dynamicMember member: KeyPath<Layout, Answer<Value>>) -> Value {
    get {
      let member = Layout()[keyPath: member]
      return Value(bits: bytes.littleEndian(at: member.offset, width: member.width))
    }
    set {
      let member = Layout()[keyPath: member]
      bytes.setLittleEndian(newValue.bits, at: member.offset, width: member.width)
    }
  }
}

/// Structures one behind the other in user memory.
struct StructureArray<Element: SizedLayout> {
  /// Their bytes; the last structure may be cut off.
  var bytes: [UInt8]

  /// Whether so many structures lie there as a whole.
  func holds(_ count: Int) -> Bool { bytes.count >= count * Element.size }

  /// A member of one structure; absent bytes read as zeros and are not written.
  subscript<Value>(index: Int, member: KeyPath<Element, Answer<Value>>) -> Value {
    get {
      let member = Element()[keyPath: member]
      return Value(
        bits: bytes.littleEndian(at: index * Element.size + member.offset, width: member.width))
    }
    set {
      let member = Element()[keyPath: member]
      bytes.setLittleEndian(
        newValue.bits, at: index * Element.size + member.offset, width: member.width)
    }
  }
}

/// The argument of a request that takes none.
struct NoArgument: StructureLayout {}

/// The argument of a request that takes a number in place of a pointer.
struct NumberArgument: StructureLayout {}

/// The argument of a request that takes a pointer to a NUL-terminated text.
struct TextArgument: StructureLayout {}

extension SimulatedRequest<NumberArgument> {
  /// The number; 0 for a pointer.
  var number: UInt64 { argument.value }
}

extension SimulatedRequest<TextArgument> {
  /// The text, all of it in readable memory.
  func text() throws(Errno) -> String { try argument.text() }
}
