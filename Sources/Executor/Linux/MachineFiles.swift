import Parser

/// The files of the machine that the process runs on.
struct MachineFiles: FileTree {
  func exists(_ path: String) -> Bool { SystemCalls.exists(path) }

  func isDirectory(_ path: String) -> Bool { SystemCalls.isDirectory(path) }

  func names(in path: String) -> [String] { SystemCalls.names(in: path) }

  func linkText(_ path: String) -> String? { SystemCalls.linkText(path) }

  func contents(of path: String, atMost limit: Int) -> [UInt8]? {
    try? SystemCalls.contents(of: path, atMost: limit)
  }
}

extension SysfsTree {
  /// This machine.
  public static var machine: SysfsTree { SysfsTree(root: "") }

  /// The copy below a directory, which holds `sys` and, for some facts, `proc`, `dev` and `boot`;
  /// what is read is recorded if there is a recorder.
  public init(root: String, recorder: FactRecorder? = nil) {
    self.init(MachineFiles(), root: root, recorder: recorder)
  }
}
