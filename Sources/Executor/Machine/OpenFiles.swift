import Parser

/// What other processes have open, read once, when it is first asked for.
///
/// Only root sees all files, and nobody sees the processes outside of a namespace.
final class OpenFiles {
  /// A file of a process.
  struct File {
    /// The process's number.
    let process: String
    /// Where the process opened it.
    let path: String
    /// What device it is; `nil` for any other file.
    let number: DeviceNumber?

    /// Whether it is a node, by its number or, as far as that is not known, its place.
    func isOf(_ node: DeviceNode) -> Bool {
      path == node.path || node.number != nil && number == node.number
    }
  }

  /// Something that can't be seen.
  struct Blindness: Hashable {
    /// Where it would be.
    let path: String
    /// Why not.
    let error: TreeError
    /// Whether it is what another process has open, which takes CAP_SYS_PTRACE to see
    /// (`proc_pid_get_link`, fs/proc/base.c).
    var isOfProcess: Bool { path.hasPrefix("/proc/") }
  }

  private let tree: SysfsTree
  private let nodes: any NodeInspection
  private lazy var found = read()

  /// Looks at this machine, or a copy.
  init(_ tree: SysfsTree = .machine, nodes: any NodeInspection = MachineNodes()) {
    self.tree = tree
    self.nodes = nodes
  }

  /// Every file of another process, by process.
  var files: [File] { found.files }
  /// The first thing that could not be seen.
  var blindness: Blindness? { found.blindness }

  /// The processes that have a node open.
  func holders(of node: DeviceNode) -> [DeviceHolders.Holder] {
    holders(where: { $0.isOf(node) })
  }

  /// The processes that have a file of some kind open, each once.
  func holders(where isMeant: (File) -> Bool) -> [DeviceHolders.Holder] {
    var processes: [String] = []
    for file in files where processes.last != file.process && isMeant(file) {
      processes.append(file.process)
    }
    return processes.map(holder)
  }

  /// A process with the name of its program.
  func holder(_ process: String) -> DeviceHolders.Holder {
    .init(process: process, command: tree.text("/proc/\(process)/comm") ?? "?")
  }

  private func read() -> (files: [File], blindness: Blindness?) {
    var (files, blindness) = ([File](), Blindness?.none)
    let own = tree.link("/proc/self")
    for process in tree.names(in: "/proc") where process.isDecimal && process != own {
      let directory = "/proc/\(process)/fd"
      for name in tree.names(in: directory) {
        do throws(TreeError) {
          if let file = try file("\(directory)/\(name)", of: process) { files.append(file) }
        } catch  where tree.names(in: directory).contains(name) {
          blindness = blindness ?? Blindness(path: "\(directory)/\(name)", error: error)
        } catch {}  // It was closed meanwhile, or its process has ended.
      }
      // Of a process that has ended nothing is left to be seen.
      if tree.exists("/proc/\(process)") { blindness = blindness ?? self.blindness(at: directory) }
    }
    return (files, self.blindness(at: "/proc") ?? blindness)
  }

  private func file(_ path: String, of process: String) throws(TreeError) -> File? {
    let text = tree.linkText(path)
    // A name that is not UTF-8 says nothing, but the number does.
    if text == nil, tree.problem(at: path) == nil { return nil }
    // Sockets, pipes and the like are not nodes: their text is not a path.
    if let text, !text.hasPrefix("/") { return nil }
    return File(process: process, path: text ?? "", number: try nodes.number(at: path))
  }

  /// Why a directory can't be read; `nil` if it can.
  private func blindness(at directory: String) -> Blindness? {
    tree.problem(at: directory).map { Blindness(path: directory, error: $0) }
  }
}
