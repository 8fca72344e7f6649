/// Where the files of a machine are read: the kernel's own, or what stands in for it.
///
/// Paths are absolute. What is not there, or can't be read, is `nil` or nothing.
public protocol FileTree: Sendable {
  /// Whether there is something of a name.
  func exists(_ path: String) -> Bool
  /// Whether a path leads to a directory.
  func isDirectory(_ path: String) -> Bool
  /// The names in a directory, in order of bytes.
  func names(in path: String) -> [String]
  /// What a symbolic link points to, as it is written.
  func linkText(_ path: String) -> String?
  /// What a file holds, not much more of it than a limit in bytes.
  func contents(of path: String, atMost limit: Int) -> [UInt8]?
}
