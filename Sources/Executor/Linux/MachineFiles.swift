import Glibc
import Parser
import Planner

/// The files of the machine that the process runs on, or those below a directory.
///
/// Below a directory nothing leads out of it: links are followed as if it were the root. A file is
/// named first and opened only if it is a regular one, since the mere opening of a device does
/// something.
struct MachineFiles: FileTree {
  /// The directory; `nil` for the whole machine.
  let root: Directory?

  /// An open directory, closed with its last user.
  final class Directory: Sendable {
    fileprivate let file: Int32

    /// Takes over an open file.
    init(_ file: Int32) { self.file = file }

    deinit { Glibc.close(file) }
  }

  func kind(of path: String) throws(TreeError) -> FileKind? {
    try named(path) { (file) throws(TreeError) in try Self.kind(of: file) }
  }

  func names(in path: String) throws(TreeError) -> [String] {
    guard try kind(of: path) == .directory else {
      if try kind(of: path) == nil { return [] }
      throw .notDirectory
    }
    guard let file = try open(path, O_RDONLY | O_DIRECTORY) else { return [] }
    guard let directory = fdopendir(file) else {
      Glibc.close(file)
      throw .last
    }
    defer { closedir(directory) }
    return try Self.names(in: directory)
  }

  func linkText(_ path: String) throws(TreeError) -> String? {
    try named(path, O_NOFOLLOW) { (file) throws(TreeError) in
      var text = [CChar](repeating: 0, count: Int(PATH_MAX))
      let length = readlinkat(file, "", &text, text.count)
      // What is not a link has no text.
      if length < 0, errno == ENOENT || errno == EINVAL { return nil }
      guard length >= 0 else { throw .last }
      return try Self.text(text[..<length].map { UInt8(bitPattern: $0) }[...])
    } ?? nil
  }

  func contents(of path: String, atMost limit: Int) throws(TreeError) -> [UInt8]? {
    guard let kind = try kind(of: path) else { return nil }
    guard kind == .regular, let file = try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else {
      throw .notRegular
    }
    defer { Glibc.close(file) }
    // Somebody may have put something else there meanwhile.
    guard try Self.kind(of: file) == .regular else { throw .notRegular }
    do throws(Errno) { return try SystemCalls.contents(of: file, atMost: limit) } catch {
      throw TreeError(error)
    }
  }
}

extension MachineFiles {
  /// Calls a closure with a file that is named and not opened; `nil` if there is none.
  private func named<Value>(
    _ path: String, _ flags: Int32 = 0, _ body: (Int32) throws(TreeError) -> Value
  ) throws(TreeError) -> Value? {
    guard let file = try open(path, SystemCalls.nameOnly | flags) else { return nil }
    defer { Glibc.close(file) }
    return try body(file)
  }

  /// Opens a path; `nil` if there is nothing of the name.
  private func open(_ path: String, _ flags: Int32) throws(TreeError) -> Int32? {
    let flags = flags | O_CLOEXEC
    var attempts = 0
    while true {
      let file =
        root.map { SystemCalls.open(path, flags, in: $0.file) }
        ?? Glibc.open(path.systemName, flags)
      if file >= 0 { return file }
      attempts += 1
      switch errno {
      case ENOENT, ENOTDIR: return nil
      case EINTR: continue
      // Something was moved while a `..` was followed.
      case EAGAIN where attempts < 100: continue
      case ENOSYS where root != nil: throw TreeError("openat2 is not there before Linux 5.6")
      default: throw .last
      }
    }
  }

  private static func kind(of file: Int32) throws(TreeError) -> FileKind {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .last }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .regular
    case S_IFDIR: .directory
    default: .special
    }
  }

  private static func names(in directory: OpaquePointer) throws(TreeError) -> [String] {
    let all: [[UInt8]]
    do throws(Errno) { all = try SystemCalls.names(of: directory) } catch { throw TreeError(error) }
    var names: [String] = []
    for name in all { names.append(try text(name[...])) }
    return names
  }

  private static func text(_ bytes: ArraySlice<UInt8>) throws(TreeError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw TreeError("has a name that is not UTF-8")
    }
    return text
  }
}

extension TreeError {
  /// What the last system call of this thread failed with.
  fileprivate static var last: TreeError { TreeError(Errno(rawValue: errno)) }

  fileprivate init(_ error: Errno) {
    self.init(error.description, isDenied: error.isDenial)
  }
}

extension SysfsTree {
  /// This machine.
  public static var machine: SysfsTree { machine() }

  /// This machine; what is read is recorded if there is a recorder.
  public static func machine(recorder: FactRecorder? = nil) -> SysfsTree {
    SysfsTree(MachineFiles(root: nil), recorder: recorder)
  }

  /// The copy below a directory, which holds `sys` and, for some facts, `proc`, `dev` and `boot`,
  /// or in an archive; what is read is recorded if there is a recorder.
  public init(root path: String, recorder: FactRecorder? = nil) throws(TreeError) {
    self.init(try Self.files(path), root: path, recorder: recorder)
  }

  private static func files(_ path: String) throws(TreeError) -> any FileTree {
    let machine = MachineFiles(root: nil)
    switch try machine.kind(of: path) {
    case .directory:
      let file = Glibc.open(path.systemName, SystemCalls.nameOnly | O_DIRECTORY | O_CLOEXEC)
      guard file >= 0 else { throw .last }
      return MachineFiles(root: MachineFiles.Directory(file))
    case .regular:
      let limit = ArchivedFiles.maximumBytes + 1
      return try ArchivedFiles(try machine.contents(of: path, atMost: limit) ?? [])
    case .special: throw TreeError("neither a directory nor an archive")
    case nil: throw TreeError("no such file or directory")
    }
  }
}
