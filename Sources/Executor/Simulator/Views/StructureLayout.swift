/// The layout of a structure of a kernel interface: one stored property for each of its members.
///
/// A property is a `Member` that the caller fills, an `Answer` that the kernel writes or a
/// `Pointer`; each states offset and width, which are stated nowhere else in the simulator. The
/// leading `size` or `argsz` is a member, too. Views give access by the properties' names.
protocol StructureLayout: Sendable {
  /// Makes the layout, which is the same every time.
  init()
}

/// The layout of a structure that the kernel builds, or of which there are arrays.
protocol SizedLayout: StructureLayout {
  /// `sizeof`, in bytes.
  static var size: Int { get }
}

/// What every member of a structure has, whatever it holds.
protocol StructureMember: Sendable {
  /// Its offset from the start of the structure, in bytes.
  var offset: Int { get }
  /// Its width in bytes.
  var width: Int { get }
  /// Whether the kernel writes it, or where it points to.
  var isAnswer: Bool { get }
}

/// A member that only the caller writes.
struct Member<Value: MemberValue>: StructureMember {
  let offset: Int
  let width: Int
  var isAnswer: Bool { false }

  /// Declares a member; as wide as its values unless told otherwise.
  init(at offset: Int, width: Int = Value.width) {
    self.offset = offset
    self.width = width
  }
}

/// A member that the kernel writes, after it has read it if it is an operand, too.
struct Answer<Value: MemberValue>: StructureMember {
  let offset: Int
  let width: Int
  var isAnswer: Bool { true }

  /// Declares a member; as wide as its values unless told otherwise.
  init(at offset: Int, width: Int = Value.width) {
    self.offset = offset
    self.width = width
  }
}

/// A member that points to structures in user memory.
struct Pointer<Element: SizedLayout>: StructureMember {
  let offset: Int
  let isAnswer: Bool
  var width: Int { 8 }

  /// Declares a pointer to what the kernel reads, or `isAnswer` to what it writes.
  init(at offset: Int, isAnswer: Bool = false) {
    self.offset = offset
    self.isAnswer = isAnswer
  }
}

/// What a member can hold: a number, or something that stands for one.
protocol MemberValue: Sendable {
  /// How many bytes it takes.
  static var width: Int { get }
  /// Takes it from the number in memory, of which higher bits are dropped.
  init(bits: UInt64)
  /// The number in memory.
  var bits: UInt64 { get }
}

extension FixedWidthInteger where Self: MemberValue {
  static var width: Int { bitWidth / 8 }
  init(bits: UInt64) { self.init(truncatingIfNeeded: bits) }
  var bits: UInt64 { UInt64(truncatingIfNeeded: self) }
}

extension UInt8: MemberValue {}
extension UInt16: MemberValue {}
extension UInt32: MemberValue {}
extension Int32: MemberValue {}
extension UInt64: MemberValue {}

/// A word of flags, 32 bits wide in all interfaces here.
protocol Flags: OptionSet, MemberValue where RawValue == UInt32, Element == Self {}

extension Flags {
  static var width: Int { RawValue.width }
  init(bits: UInt64) { self.init(rawValue: RawValue(bits: bits)) }
  var bits: UInt64 { rawValue.bits }
}
