import CLinux
import Glibc
import Parser

/// A name in an open directory: what is done with it is done there, wherever its path leads then.
final class DirectoryEntry {
  /// The directory, open as a place only.
  let directory: Int32
  /// The last part of the path, as system calls want it.
  let name: [CChar]

  /// Opens the directory of a path; what the path itself leads to may be missing, but can't be a
  /// directory by its spelling.
  init(_ path: String) throws(SystemError) {
    let bytes = path.systemBytes
    if bytes.isEmpty { throw SystemError(errno: ENOENT) }
    let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    let last = bytes[start...]
    if last.allSatisfy({ $0 == UInt8(ascii: ".") }), last.count <= 2 {
      throw SystemError(errno: EISDIR)
    }
    name = Self.systemName(last)
    let parent = start == 0 ? [CChar(UInt8(ascii: ".")), 0] : Self.systemName(bytes[..<start])
    directory = Int32(
      try retrying { Int(Glibc.open(parent, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC)) })
  }

  private static func systemName(_ bytes: ArraySlice<UInt8>) -> [CChar] {
    bytes.map(CChar.init(bitPattern:)) + [0]
  }

  deinit { close(directory) }

  /// What is there, be it a link; `nil` if nothing is.
  func status() throws(SystemError) -> stat? {
    var status = stat()
    if fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
    if errno == ENOENT { return nil }
    throw .last
  }

  /// Opens what is there, or makes a file of the usual rights if the flags say so.
  func open(_ flags: Int32) throws(SystemError) -> Int32 {
    Int32(try retrying { Int(openat(directory, name, flags | O_CLOEXEC, FileOutput.rights)) })
  }

  /// What keeps an open from following a link that another user may have planted.
  ///
  /// The rule is that of `fs.protected_symlinks` (proc(5)), which not every kernel has switched on:
  /// in a sticky directory that all may write to, a link has to be ours or its owner's.
  func followingFlags() throws(SystemError) -> Int32 {
    guard let link = try status(), link.st_mode & S_IFMT == S_IFLNK else { return O_NOFOLLOW }
    var place = stat()
    _ = try retrying { Int(fstat(directory, &place)) }
    let isShared = place.st_mode & (S_ISVTX | S_IWOTH) == S_ISVTX | S_IWOTH
    if isShared, link.st_uid != geteuid(), link.st_uid != place.st_uid {
      throw SystemError(errno: EACCES)
    }
    return 0
  }

  /// Removes the name.
  func remove() { unlinkat(directory, name, 0) }
}
