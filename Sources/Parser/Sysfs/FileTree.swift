/// Where the files of a machine are read: the kernel's own, or what stands in for it.
///
/// Paths are absolute. What is not there is `nil` or nothing; what is there and can't be read is
/// thrown, so that nobody takes it for empty.
public protocol FileTree: Sendable {
  /// What a path leads to, links followed.
  func kind(of path: String) throws(TreeError) -> FileKind?
  /// The names in a directory, in order of bytes.
  func names(in path: String) throws(TreeError) -> [String]
  /// What a symbolic link points to, as it is written; `nil` also for what is not a link.
  func linkText(_ path: String) throws(TreeError) -> String?
  /// What a regular file holds, not much more of it than a limit in bytes.
  func contents(of path: String, atMost limit: Int) throws(TreeError) -> [UInt8]?
}

/// What something in a tree is.
public enum FileKind: Hashable, Sendable {
  /// A file with contents of its own.
  case regular
  /// A directory.
  case directory
  /// A device node, pipe or socket: never opened.
  case special
}

/// Why something of a tree can't be read.
public struct TreeError: Error, Hashable, Sendable {
  /// The reason, for example `ELOOP` or `not a regular file`.
  public let reason: String
  /// Whether another user could read it.
  public let isDenied: Bool

  /// Names a reason.
  public init(_ reason: String, isDenied: Bool = false) {
    self.reason = reason
    self.isDenied = isDenied
  }

  /// What is opened as a file, and is something else.
  public static let notRegular = TreeError("not a regular file")
  /// What is listed, and is something else.
  public static let notDirectory = TreeError("not a directory")
  /// Links that lead in a circle.
  public static let loop = TreeError("ELOOP")
}
