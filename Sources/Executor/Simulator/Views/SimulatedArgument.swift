import Planner

/// The argument of one ioctl as the simulated kernel sees user memory.
///
/// What it offers by offset is for the views; the functions that answer requests name members.
struct SimulatedArgument {
  /// Whether it is a pointer to anything readable.
  let isPointer: Bool
  private var bytes: [UInt8] = []
  private var pointers: [IoctlArgument.Pointer] = []
  /// The memory of a running program that it points to; `nil` if it brings its bytes along.
  private let window: SimulatedWindow?
  /// The argument as a number; 0 for a pointer that brings its bytes along.
  let value: UInt64

  /// Takes an argument apart.
  init(_ argument: IoctlArgument) {
    window = nil
    switch argument {
    case .none: (isPointer, value) = (false, 0)
    case .value(let number): (isPointer, value) = (false, number)
    case .bytes(let bytes, let pointers):
      (isPointer, value) = (true, 0)
      self.bytes = bytes
      self.pointers = pointers
    }
  }

  /// Takes what a running program gave: a number, which may point into its memory.
  init(_ value: UInt64, in memory: any SimulatedUserMemory) {
    isPointer = true
    self.value = value
    window = SimulatedWindow(memory, at: value)
  }

  /// Puts what was written into the memory of a running program: EFAULT if that can't be.
  func flush() throws(Errno) { try window?.flush() }

  /// The argument as the caller finds it afterwards.
  func restored(over argument: IoctlArgument) -> IoctlArgument {
    isPointer ? .bytes(bytes, pointers: pointers) : argument
  }

  /// How many bytes the caller supplied; of a running program, how many were looked at.
  var count: Int { window?.count ?? bytes.count }

  /// The size that a structure of iommufd (`size`) or VFIO (`argsz`) starts with.
  var statedSize: Int { Int(u32(0)) }

  /// Checks that the first bytes can be read, as `copy_from_user` does.
  func require(_ size: Int) throws(Errno) {
    guard let window else {
      if count < size { throw .efault }
      return
    }
    if !window.holds(size) { throw .efault }
  }

  /// Checks that the size a structure starts with can be read.
  func requireStatedSize() throws(Errno) { try require(4) }

  /// Has the structure end where the caller says it does: what lies behind reads as zeros.
  func endAtStatedSize() { window?.end = statedSize }

  /// Reads a 32-bit number.
  func u32(_ offset: Int) -> UInt32 {
    if let window { return UInt32(truncatingIfNeeded: window.number(at: offset, width: 4)) }
    return UInt32(truncatingIfNeeded: bytes.littleEndian(at: offset, width: 4))
  }

  /// Reads a 64-bit number.
  func u64(_ offset: Int) -> UInt64 {
    if let window { return window.number(at: offset, width: 8) }
    return bytes.littleEndian(at: offset, width: 8)
  }

  /// Reads a number; absent bytes read as zero, as `copy_struct_from_user` has it.
  func number(at offset: Int, width: Int) -> UInt64 {
    // With a width that is known when it is compiled, reading takes half as long.
    switch width {
    case 4: UInt64(u32(offset))
    case 8: u64(offset)
    default:
      window?.number(at: offset, width: width) ?? bytes.littleEndian(at: offset, width: width)
    }
  }

  /// Writes a number; what does not fit into the caller's bytes is not written.
  mutating func setNumber(_ number: UInt64, at offset: Int, width: Int) {
    if let window { return window.set(number, at: offset, width: width) }
    bytes.setLittleEndian(number, at: offset, width: width)
  }

  /// Writes bytes, as `copy_to_user` does: those that fit, and EFAULT if some do not.
  mutating func write(_ content: some Collection<UInt8>, at offset: Int) throws(Errno) {
    for (index, byte) in content.enumerated() {
      setNumber(UInt64(byte), at: offset + index, width: 1)
    }
    try require(offset + content.count)
  }

  /// Whether all bytes from an offset on are zeros, as far as the stated size and the caller's
  /// bytes go.
  func isZero(from offset: Int) -> Bool {
    if let window { return window.isZero(from: offset, to: statedSize) }
    let end = min(statedSize, count)
    return offset >= end || bytes[offset..<end].allSatisfy { $0 == 0 }
  }

  /// What the pointer member at an offset leads to; `nil` for a null pointer.
  func target(at offset: Int) -> [UInt8]? { pointers.first { $0.offset == offset }?.bytes }

  /// The memory of a running program that the pointer member at an offset leads to; `nil` for a
  /// null pointer, and where the caller brings its bytes along.
  func targetWindow(at offset: Int) -> SimulatedWindow? { window?.target(at: offset) }

  /// Replaces what the pointer member at an offset leads to.
  mutating func setTarget(_ bytes: [UInt8], at offset: Int) {
    guard let index = pointers.firstIndex(where: { $0.offset == offset }) else { return }
    pointers[index].bytes = bytes
  }

  /// The NUL-terminated text the argument points to.
  func text() throws(Errno) -> String {
    if let window { return try window.text() }
    guard let end = bytes.firstIndex(of: 0) else { throw .efault }
    return String(decoding: bytes[..<end], as: UTF8.self)
  }
}
