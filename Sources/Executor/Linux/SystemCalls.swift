import CLinux
import Glibc
import Planner

/// The system calls of the real backend, each with its errno read at once.
///
/// No other file makes system calls that change something. Paths never come from a plan: callers
/// build them from a closed set.
enum SystemCalls {
  /// Opens a path; repeats the call when a signal interrupts it, since nothing is open then.
  ///
  /// A file that is made is for its owner alone.
  static func open(_ path: String, _ flags: Int32) throws(Errno) -> Int32 {
    try repeating { Glibc.open(path, flags | O_CLOEXEC, 0o600) }
  }

  /// Repeats a call while signals interrupt it.
  static func repeating<Value: SignedInteger>(_ call: () -> Value) throws(Errno) -> Value {
    while true {
      let value = call()
      if value >= 0 { return value }
      let error = errno
      if error != EINTR { throw Errno(rawValue: error) }
    }
  }

  /// What `open` takes for a file that is to be named and not opened.
  static let nameOnly = OPEN_PLACE_ONLY

  /// Opens a path as if a directory were the root; the file, or -1 and `errno`.
  static func open(_ path: String, _ flags: Int32, in directory: Int32) -> Int32 {
    open_in_root(directory, path, flags)
  }

  /// Closes a file; an interrupted close has closed it (Linux gives the number free first).
  static func close(_ file: Int32) throws(Errno) {
    guard Glibc.close(file) != 0 else { return }
    let error = errno
    if error != EINTR { throw Errno(rawValue: error) }
  }

  /// Issues a request with an address, or a number in its place.
  static func ioctl(_ file: Int32, _ command: UInt32, _ argument: UInt) throws(Errno) -> Int32 {
    let request = UInt(command)
    let answer =
      if let pointer = UnsafeMutableRawPointer(bitPattern: argument) {
        Glibc.ioctl(file, request, pointer)
      } else {
        Glibc.ioctl(file, request, 0)
      }
    guard answer >= 0 else { throw Errno(rawValue: errno) }
    return answer
  }

  /// Writes a text to an attribute.
  static func write(_ text: String, to path: String) throws(Errno) {
    try write(Array(text.utf8), to: path)
  }

  /// Writes to an attribute, in one call: sysfs takes it whole or not at all.
  static func write(_ bytes: [UInt8], to path: String) throws(Errno) {
    let file = try open(path, O_WRONLY)
    let count = Glibc.write(file, bytes, bytes.count)
    let error = count < 0 ? errno : count == bytes.count ? 0 : EIO
    try close(file)
    if error != 0 { throw Errno(rawValue: error) }
  }

  /// Writes to an attribute as `write` does; `ETIMEDOUT` if that takes longer than some seconds.
  ///
  /// It may still come to its end; so long a file stays open, if one is given.
  static func write(
    _ bytes: [UInt8], to path: String, within seconds: Int, keeping file: Int32? = nil
  ) throws(Errno) {
    let error = write_in_time(
      path, bytes, bytes.count, Int32(clamping: seconds * 1000), file ?? -1)
    if error != 0 { throw Errno(rawValue: error) }
  }

  /// Reads an attribute as a text, without the newline at its end.
  static func read(_ path: String) throws(Errno) -> String {
    String(decoding: try readBytes(path), as: UTF8.self)
  }

  /// Reads an attribute, at most a page, without the newline at its end.
  static func readBytes(_ path: String) throws(Errno) -> [UInt8] {
    let file = try open(path, O_RDONLY)
    var error: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: sysconf(Int32(_SC_PAGESIZE))) {
      buffer, count in
      let length = Glibc.read(file, buffer.baseAddress, buffer.count)
      if length < 0 { error = errno }
      count = max(0, length)
    }
    try close(file)
    if error != 0 { throw Errno(rawValue: error) }
    return bytes.last == 10 ? bytes.dropLast() : bytes
  }

  /// Reads from a place in a file; what is there may be shorter.
  static func read(_ file: Int32, at offset: Int, count: Int) throws(Errno) -> [UInt8] {
    var error: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
      let read = pread(file, buffer.baseAddress, count, off_t(offset))
      if read < 0 { error = errno }
      length = max(0, read)
    }
    if error != 0 { throw Errno(rawValue: error) }
    return bytes
  }

  /// Writes to a place in a file, in one call.
  static func write(_ bytes: [UInt8], to file: Int32, at offset: Int) throws(Errno) {
    guard pwrite(file, bytes, bytes.count, off_t(offset)) == bytes.count else {
      throw Errno(rawValue: errno)
    }
  }

  /// The last part of what a symbolic link points to; `nil` if there is nothing of its name.
  static func linkTarget(_ path: String) throws(Errno) -> String? {
    do throws(Errno) {
      let name = try linkBytes(path).split(separator: UInt8(ascii: "/")).last ?? []
      return String(decoding: name, as: UTF8.self)
    } catch {
      if error == .enoent { return nil }
      throw error
    }
  }

  /// What a symbolic link says.
  static func linkBytes(_ path: String) throws(Errno) -> [UInt8] {
    var error: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      let start = UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self)
      let length = start.map { Glibc.readlink(path, $0, buffer.count) } ?? 0
      if length < 0 { error = errno }
      count = max(0, length)
    }
    if error != 0 { throw Errno(rawValue: error) }
    return bytes
  }

  /// The names in a directory, in order of bytes; empty if it cannot be read.
  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    return ((try? names(of: directory)) ?? []).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The names in a directory that is being read, in order of bytes.
  static func names(of directory: OpaquePointer) throws(Errno) -> [[UInt8]] {
    var names: [[UInt8]] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if ![".", ".."].contains(where: { name.elementsEqual($0.utf8) }) { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw Errno(rawValue: errno) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The device number of an open file, as sysfs writes it: `major:minor`.
  static func deviceNumber(of file: Int32) throws(Errno) -> String {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Errno(rawValue: errno) }
    return text(of: status.st_rdev)
  }

  /// The device number of an open character device; `nil` for any other file.
  static func characterDevice(_ file: Int32) -> String? {
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFCHR else { return nil }
    return text(of: status.st_rdev)
  }

  /// The device number of a character device's node; `nil` if there is no such node.
  static func characterDevice(at path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFCHR else { return nil }
    return text(of: status.st_rdev)
  }

  /// What device a path leads to, links followed: its kind as in `st_mode`, and its number as sysfs
  /// writes it; `nil` for anything that is not a device.
  ///
  /// No file server is asked.
  static func device(at path: String) throws(Errno) -> (kind: mode_t, number: String)? {
    var (mode, major, minor) = (UInt32(0), UInt32(0), UInt32(0))
    guard device_at(path, &mode, &major, &minor) == 0 else { throw Errno(rawValue: errno) }
    let kind = mode & S_IFMT
    return kind == S_IFBLK || kind == S_IFCHR ? (kind, "\(major):\(minor)") : nil
  }

  private static func text(of number: dev_t) -> String {
    let major = (number >> 8) & 0xfff | (number >> 32) & ~0xfff
    let minor = number & 0xff | (number >> 12) & ~0xff
    return "\(major):\(minor)"
  }

  /// Makes a file in memory, zeroed, on huge pages if they are described.
  ///
  /// Lazily, pages come when they are touched or pinned; eagerly all come now, and too little
  /// memory is `ENOMEM` or, for huge pages, `ENOSPC`.
  static func makeMemoryFile(_ memory: GuestMemory) throws(Errno) -> Int32 {
    guard let length = Int(exactly: memory.size), length > 0 else { throw .einval }
    // MFD_CLOEXEC; MFD_HUGETLB and the size's logarithm from bit 26 on (linux/memfd.h, 4.16).
    var flags: UInt32 = 1
    if let bytes = memory.hugePageBytes {
      flags |= 4 | UInt32(truncatingIfNeeded: bytes.trailingZeroBitCount) << 26
    }
    let file = memfd_create("vfioplan-guest-memory", flags)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    var error: Int32 = 0
    if ftruncate(file, length) != 0
      || memory.population == .eager && fallocate(file, 0, 0, length) != 0
    {
      error = errno
      try close(file)
    }
    guard error == 0 else { throw Errno(rawValue: error) }
    return file
  }

  /// Maps a whole file, shared, for reading and writing.
  static func map(_ file: Int32, size: UInt64) throws(Errno) -> UInt64 {
    guard let length = Int(exactly: size), length > 0 else { throw .einval }
    let address = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    guard address != MAP_FAILED else { throw Errno(rawValue: errno) }
    return UInt64(UInt(bitPattern: address))
  }

  /// Unmaps memory.
  static func unmap(_ address: UInt64, size: UInt64) throws(Errno) {
    let start = UnsafeMutableRawPointer(bitPattern: UInt(address))
    guard let start, let length = Int(exactly: size) else { throw .einval }
    guard munmap(start, length) == 0 else { throw Errno(rawValue: errno) }
  }
}
