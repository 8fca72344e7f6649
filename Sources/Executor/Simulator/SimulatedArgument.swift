/// The argument of one ioctl as the simulated kernel sees user memory: read and written by offset.
struct SimulatedArgument {
  /// The bytes a pointer leads to; `nil` if the argument is no pointer to anything readable.
  private var bytes: [UInt8]?
  private var pointers: [IoctlArgument.Pointer] = []
  /// The argument as a number; 0 for a pointer.
  let value: UInt64

  /// Takes an argument apart.
  init(_ argument: IoctlArgument) {
    switch argument {
    case .none: value = 0
    case .value(let number): value = number
    case .bytes(let bytes, let pointers):
      value = 0
      self.bytes = bytes
      self.pointers = pointers
    }
  }

  /// The argument as the caller finds it afterwards.
  func restored(over argument: IoctlArgument) -> IoctlArgument {
    guard let bytes, case .bytes = argument else { return argument }
    return .bytes(bytes, pointers: pointers)
  }

  /// How many bytes the caller supplied.
  var count: Int { bytes?.count ?? 0 }

  /// Checks that the first bytes can be read, as `copy_from_user` does.
  func require(_ size: Int) throws(Errno) {
    if count < size { throw .efault }
  }

  /// Reads a 16-bit number; absent bytes read as zero, as `copy_struct_from_user` has it.
  func u16(_ offset: Int) -> UInt64 { field(offset, 2) }

  /// Reads a 32-bit number.
  func u32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: field(offset, 4)) }

  /// Reads a signed 32-bit number.
  func s32(_ offset: Int) -> Int32 { Int32(bitPattern: u32(offset)) }

  /// Reads a 64-bit number.
  func u64(_ offset: Int) -> UInt64 { field(offset, 8) }

  /// Writes a 32-bit number; what does not fit into the caller's bytes is not written.
  mutating func set32(_ value: UInt32, _ offset: Int) { set(UInt64(value), offset, 4) }

  /// Writes a 64-bit number.
  mutating func set64(_ value: UInt64, _ offset: Int) { set(value, offset, 8) }

  /// Writes bytes, as `copy_to_user` does: those that fit, and EFAULT if some do not.
  mutating func write(_ content: [UInt8], at offset: Int) throws(Errno) {
    for (index, byte) in content.enumerated() { set(UInt64(byte), offset + index, 1) }
    try require(offset + content.count)
  }

  /// The rule of every iommufd structure (`iommufd/main.c`, section 2.0): reads the size it
  /// starts with; the kernel's own structure is `full` bytes.
  func checkSize(min minimum: Int, full: Int) throws(Errno) {
    try require(4)
    let size = Int(u32(0))
    if size < minimum { throw .einval }
    try require(min(size, full))
    guard size > full else { return }
    for offset in full..<min(size, count) where byte(offset) != 0 { throw .e2big }
    try require(size)
  }

  /// The rule of every VFIO structure: `argsz` comes first, more than is known is ignored.
  func checkArgsz(_ minimum: Int) throws(Errno) {
    try require(minimum)
    if Int(u32(0)) < minimum { throw .einval }
  }

  /// What the pointer member at an offset leads to; `nil` for a null pointer.
  func target(at offset: Int) -> [UInt8]? { pointers.first { $0.offset == offset }?.bytes }

  /// Replaces what the pointer member at an offset leads to.
  mutating func setTarget(_ bytes: [UInt8], at offset: Int) {
    guard let index = pointers.firstIndex(where: { $0.offset == offset }) else { return }
    pointers[index].bytes = bytes
  }

  /// The file number behind the pointer member at an offset.
  func file(at offset: Int) throws(Errno) -> Int32 {
    guard let target = target(at: offset), target.count >= 4 else { throw .efault }
    return Int32(truncatingIfNeeded: Int64(bitPattern: target.littleEndian(at: 0, width: 4)))
  }

  /// The NUL-terminated text the argument points to.
  func text() throws(Errno) -> String {
    guard let bytes, let end = bytes.firstIndex(of: 0) else { throw .efault }
    return String(decoding: bytes[..<end], as: UTF8.self)
  }

  private func byte(_ offset: Int) -> UInt8 { bytes?[offset] ?? 0 }

  private func field(_ offset: Int, _ width: Int) -> UInt64 {
    bytes?.littleEndian(at: offset, width: width) ?? 0
  }

  private mutating func set(_ value: UInt64, _ offset: Int, _ width: Int) {
    bytes?.setLittleEndian(value, at: offset, width: width)
  }
}
