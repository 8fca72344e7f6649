/// The files in which a kernel says what a machine has: this machine's, or a copy of another's.
///
/// Only reads, and answers `nil` or nothing for what is not there: some fact is missing anywhere.
/// What is there and can't be read is remembered, so that it is not taken for missing.
public struct SysfsTree {
  /// What findings put before every path; empty for this machine.
  public let root: String
  private let files: any FileTree
  private let recorder: FactRecorder?
  private let problems = TreeProblems()

  /// The files of a tree; what is read is recorded if there is a recorder.
  public init(_ files: any FileTree, root: String = "", recorder: FactRecorder? = nil) {
    self.files = files
    self.root = root
    self.recorder = recorder
  }

  /// What could not be read so far, in order of reading.
  public var unreadable: [(path: String, error: TreeError)] { problems.found }

  /// Whether something could not be read, as opposed to not being there.
  public func isUnreadable(_ path: String) -> Bool { problems.errors[path] != nil }

  /// Why something could not be read so far; `nil` if it could, or is not there.
  public func problem(at path: String) -> TreeError? { problems.errors[path] }

  /// Whether there is something of a name.
  public func exists(_ path: String) -> Bool { kind(of: path) != nil }

  /// Whether there is a directory of a name.
  public func isDirectory(_ path: String) -> Bool { kind(of: path) == .directory }

  private func kind(of path: String) -> FileKind? {
    guard let kind = read(path, { () throws(TreeError) in try files.kind(of: path) }) else {
      return nil
    }
    recorder?.record(existing: path, isDirectory: kind == .directory)
    return kind
  }

  /// The names in a directory, in order of bytes.
  public func names(in path: String) -> [String] {
    let names = read(path) { () throws(TreeError) in try files.names(in: path) } ?? []
    if recorder != nil { for name in names { _ = exists("\(path)/\(name)") } }
    return names
  }

  /// The last part of what a link points to.
  public func link(_ path: String) -> String? {
    linkText(path).map { String($0.split(separator: "/").last ?? "") }
  }

  /// What a link points to, as it is written; `nil` if there is no such link.
  public func linkText(_ path: String) -> String? {
    guard let text = read(path, { () throws(TreeError) in try files.linkText(path) }) else {
      return nil
    }
    recorder?.record(path, link: text)
    return text
  }

  /// As `linkText`, of a link that copies hold the contents of in its place.
  func unrecordedLink(_ path: String) -> String? {
    read(path) { () throws(TreeError) in try files.linkText(path) }
  }

  /// A file as a text without the white space at its end; `nil` if it can't be read.
  ///
  /// Not much more of it than a limit in bytes.
  public func text(_ path: String, atMost limit: Int = 1 << 20) -> String? {
    guard let bytes = bytes(path, atMost: limit) else { return nil }
    let end = bytes.lastIndex { $0 != 10 && $0 != 32 } ?? -1
    return String(decoding: bytes[...end], as: UTF8.self)
  }

  /// A number in hexadecimal, with or without `0x`; `nil` if there is none.
  public func hex(_ path: String) -> UInt64? {
    guard let text = text(path) else { return nil }
    return Hex.prefixed(text) ?? Hex.number(text)
  }

  /// A file, not much more of it than a limit in bytes; `nil` if it can't be read.
  public func bytes(_ path: String, atMost limit: Int = 1 << 20) -> [UInt8]? {
    let bytes = read(path) { () throws(TreeError) in
      try files.contents(of: path, atMost: limit)
    }
    if let bytes { recorder?.record(path, bytes) }
    return bytes
  }

  /// As `bytes`, of a file that only root can read and others do well without: that it is denied is
  /// no problem.
  func bytesIfPermitted(_ path: String, atMost limit: Int = 1 << 20) -> [UInt8]? {
    let bytes = read(path) { () throws(TreeError) -> [UInt8]? in
      do throws(TreeError) { return try files.contents(of: path, atMost: limit) } catch {
        if error.isDenied { return nil }
        throw error
      }
    }
    if let bytes { recorder?.record(path, bytes) }
    return bytes
  }

  private func read<Value>(_ path: String, _ body: () throws(TreeError) -> Value?) -> Value? {
    do throws(TreeError) { return try body() } catch {
      problems.note(path, error)
      return nil
    }
  }
}

/// What of a tree could not be read.
private final class TreeProblems {
  private(set) var found: [(path: String, error: TreeError)] = []
  private(set) var errors: [String: TreeError] = [:]

  /// Takes note of a path, once.
  func note(_ path: String, _ error: TreeError) {
    if errors.updateValue(error, forKey: path) == nil { found.append((path, error)) }
  }
}
