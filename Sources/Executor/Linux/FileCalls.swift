import Glibc

/// What the journal needs of the file system.
extension SystemCalls {
  /// Whether there is something of a name.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether a path leads to a directory.
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Why a node may not be read and written; `nil` if it may.
  static func refusal(of path: String) -> Errno? {
    access(path, R_OK | W_OK) == 0 ? nil : Errno(rawValue: errno)
  }

  /// How many bytes the process may lock; `nil` without a limit.
  static var lockLimit: UInt64? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 else { return nil }
    return limit.rlim_cur == UInt.max ? nil : UInt64(limit.rlim_cur)
  }

  /// Makes a directory and those above it, for their owner alone.
  static func makeDirectories(_ path: String) throws(Errno) {
    var made = ""
    for part in path.split(separator: "/") {
      made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
      if mkdir(made, 0o700) != 0, errno != EEXIST { throw Errno(rawValue: errno) }
    }
  }

  /// Takes a file's lock, which goes with the last descriptor of the open file; says whether it
  /// could be had.
  static func lock(_ file: Int32, isWaiting: Bool) -> Bool {
    flock(file, LOCK_EX | (isWaiting ? 0 : LOCK_NB)) == 0
  }

  /// Writes a text as a whole.
  static func writeAll(_ text: String, to file: Int32) throws(Errno) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { throw Errno(rawValue: count == 0 ? ENOSPC : errno) }
      done += count
    }
  }

  /// Reads a file from its start, at most 16 MiB.
  static func readAll(_ file: Int32) throws(Errno) -> String {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Errno(rawValue: errno) }
    let size = min(Int(status.st_size), 16 << 20)
    var error: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: max(size, 1)) { buffer, count in
      let length = pread(file, buffer.baseAddress, size, 0)
      if length < 0 { error = errno }
      count = max(0, length)
    }
    guard error == 0 else { throw Errno(rawValue: error) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads a file of the kernel's, whose size is not known before, and not much more of it than a
  /// limit in bytes; waits for nobody who should write to it.
  static func contents(of path: String, atMost limit: Int) throws(Errno) -> [UInt8] {
    let file = try open(path, O_RDONLY | O_NONBLOCK)
    var found: [UInt8] = []
    var error: Int32 = 0
    var buffer = [UInt8](repeating: 0, count: 16384)
    while found.count < limit {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0 { error = errno }
      if count <= 0 { break }
      found += buffer[..<count]
    }
    try close(file)
    guard error == 0 else { throw Errno(rawValue: error) }
    return found
  }

  /// Waits until a file is on disk.
  static func synchronise(_ file: Int32) throws(Errno) {
    guard fsync(file) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Removes a name.
  static func remove(_ path: String) throws(Errno) {
    guard unlink(path) == 0 else { throw Errno(rawValue: errno) }
  }
}
