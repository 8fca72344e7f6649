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
      let offset = Layout()[keyPath: member].offset
      if let window = argument.targetWindow(at: offset) {
        return StructureArray<Element>(window: window)
      }
      return argument.target(at: offset).map(StructureArray<Element>.init(bytes:))
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
  private var kept: [UInt8]
  /// The memory of a running program, which is read as far as it is looked at.
  private let window: SimulatedWindow?

  /// Takes bytes that the caller brings along.
  init(bytes: [UInt8]) {
    kept = bytes
    window = nil
  }

  /// Takes memory of a running program.
  init(window: SimulatedWindow) {
    kept = []
    self.window = window
  }

  /// Their bytes; the last structure may be cut off.
  ///
  /// Of a running program they are those that were looked at.
  var bytes: [UInt8] { window?.bytes ?? kept }

  /// Whether so many structures lie there as a whole.
  func holds(_ count: Int) -> Bool {
    window?.holds(count * Element.size) ?? (kept.count >= count * Element.size)
  }

  /// A member of one structure; absent bytes read as zeros and are not written.
  subscript<Value>(index: Int, member: KeyPath<Element, Answer<Value>>) -> Value {
    get {
      let member = Element()[keyPath: member]
      let place = index * Element.size + member.offset
      return Value(
        bits: window?.number(at: place, width: member.width)
          ?? kept.littleEndian(at: place, width: member.width))
    }
    set {
      let member = Element()[keyPath: member]
      let place = index * Element.size + member.offset
      if let window { return window.set(newValue.bits, at: place, width: member.width) }
      kept.setLittleEndian(newValue.bits, at: place, width: member.width)
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
