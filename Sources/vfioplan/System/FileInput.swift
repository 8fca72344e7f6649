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
    let file = Int32(try retrying { Int(open(path, O_RDONLY | O_CLOEXEC)) })
    defer { close(file) }
    return try bytes(from: file)
  }

  private static func bytes(from file: Int32) throws(SystemError) -> [UInt8] {
    var status = stat()
    _ = try retrying { Int(fstat(file, &status)) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw SystemError("is a directory") }
    // One byte more than the size, so that the end is seen without a second buffer.
    var capacity = max(Int(status.st_size) + 1, 1 << 16)
    var bytes: [UInt8] = []
    while true {
      guard bytes.count <= SourceFile.maximumBytes, capacity <= SourceFile.maximumBytes + 1 else {
        throw SystemError("larger than 1 GiB")
      }
      let read = try chunk(of: file, capacity: capacity)
      let isEnd = read.count < capacity
      if bytes.isEmpty { bytes = read } else { bytes += read }
      if isEnd { return bytes }
      capacity = max(bytes.count, 1 << 16)
    }
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
