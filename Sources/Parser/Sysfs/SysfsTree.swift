/// The files in which a kernel says what a machine has: this machine's, or a copy of another's.
///
/// Only reads, and answers `nil` or nothing for what is not there: some fact is missing anywhere.
public struct SysfsTree {
  /// What stands before every path; empty for this machine.
  public let root: String
  private let files: any FileTree
  private let recorder: FactRecorder?

  /// The files below a directory; what is read is recorded if there is a recorder.
  public init(_ files: any FileTree, root: String = "", recorder: FactRecorder? = nil) {
    self.files = files
    self.root = root
    self.recorder = recorder
  }

  /// Whether there is something of a name.
  public func exists(_ path: String) -> Bool {
    guard files.exists(root + path) else { return false }
    recorder?.record(existing: path, isDirectory: files.isDirectory(root + path))
    return true
  }

  /// Whether there is a directory of a name.
  public func isDirectory(_ path: String) -> Bool {
    exists(path) && files.isDirectory(root + path)
  }

  /// The names in a directory, in order of bytes.
  public func names(in path: String) -> [String] {
    let names = files.names(in: root + path)
    if recorder != nil { for name in names { _ = exists("\(path)/\(name)") } }
    return names
  }

  /// The last part of what a link points to.
  public func link(_ path: String) -> String? {
    linkText(path).map { String($0.split(separator: "/").last ?? "") }
  }

  /// What a link points to, as it is written; `nil` if there is no such link.
  public func linkText(_ path: String) -> String? {
    guard let text = files.linkText(root + path) else { return nil }
    recorder?.record(path, link: text)
    return text
  }

  /// A file as a text without the white space at its end; `nil` if it can't be read.
  public func text(_ path: String) -> String? {
    guard let bytes = bytes(path) else { return nil }
    let end = bytes.lastIndex { $0 != 10 && $0 != 32 } ?? -1
    return String(decoding: bytes[...end], as: UTF8.self)
  }

  /// A number in hexadecimal, with or without `0x`; `nil` if there is none.
  public func hex(_ path: String) -> UInt64? {
    guard let text = text(path) else { return nil }
    return UInt64(text.hasPrefix("0x") ? text.dropFirst(2) : text[...], radix: 16)
  }

  /// A file, not much more of it than a limit in bytes; `nil` if it can't be read.
  public func bytes(_ path: String, atMost limit: Int = 1 << 20) -> [UInt8]? {
    guard let bytes = files.contents(of: root + path, atMost: limit) else { return nil }
    recorder?.record(path, bytes)
    return bytes
  }
}
