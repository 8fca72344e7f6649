import Glibc
import Parser

/// Reads whole inputs.
enum FileInput {
  /// Standard input, as it is written on the command line.
  static let standardInput = "-"

  /// The bytes of a file, or of standard input for `-`.
  ///
  /// Throws if it is missing, unreadable, a directory, or over `SourceFile.maximumBytes`.
  static func bytes(of path: String) throws(SystemError) -> [UInt8] {
    if path == standardInput { return try bytes(from: STDIN_FILENO) }
    let flags = O_RDONLY | O_NOCTTY | O_CLOEXEC
    let file = Int32(try retrying { Int(open(path.systemName, flags)) })
    defer { close(file) }
    return try bytes(from: file)
  }

  /// Whether there is anything at a path, also if that can't be found out.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path.systemName, &status) == 0 || errno != ENOENT
  }

  private static func bytes(from file: Int32) throws(SystemError) -> [UInt8] {
    var status = stat()
    _ = try retrying { Int(fstat(file, &status)) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw SystemError(errno: EISDIR) }
    // One byte more than the size, so that the end is seen without a second buffer.
    let limit = SourceFile.maximumBytes + 1
    let size = status.st_size > 0 ? Int(status.st_size) : 1 << 16
    var bytes = try chunk(of: file, capacity: min(limit, size + 1))
    var isEnd = bytes.count <= size
    while !isEnd && bytes.count < limit {
      let capacity = min(bytes.count, limit - bytes.count)
      let more = try chunk(of: file, capacity: capacity)
      isEnd = more.count < capacity
      bytes += more
    }
    guard bytes.count < limit else { throw SystemError("larger than 1 GiB") }
    return bytes
  }

  /// Reads up to a capacity, less only at the end of the file.
  private static func chunk(of file: Int32, capacity: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      do throws(SystemError) {
        while count < capacity, let base = buffer.baseAddress {
          let offset = count
          let got = try retrying { read(file, base + offset, capacity - offset) }
          if got == 0 { return }
          count += got
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
