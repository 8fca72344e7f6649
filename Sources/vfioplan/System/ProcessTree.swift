import Glibc

/// The processes that come from this one, as `/proc` shows them.
enum ProcessTree {
  /// Whether we have children; those that have ended do not count.
  static var hasChildren: Bool {
    while case let child = waitpid(-1, nil, WNOHANG), child >= 0 { if child == 0 { return true } }
    return false
  }

  /// Our children and theirs, and so on.
  static var descendants: [pid_t] {
    let children = Dictionary(grouping: parents(), by: \.parent)
    var found: [pid_t] = []
    var rest = [getpid()]
    while let parent = rest.popLast() {
      let some = children[parent, default: []].map(\.process)
      found += some
      rest += some
    }
    return found
  }

  private static func parents() -> [(process: pid_t, parent: pid_t)] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    var found: [(process: pid_t, parent: pid_t)] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let process = pid_t(name), let parent = parent(of: process) {
        found.append((process, parent))
      }
    }
    return found
  }

  /// Who started a process; `nil` if it has ended meanwhile.
  private static func parent(of process: pid_t) -> pid_t? {
    guard let bytes = try? FileInput.bytes(of: "/proc/\(process)/stat"),
      // The second field is the command's name, in parentheses, with anything in it (proc(5)).
      let end = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
    return fields.count > 1 ? pid_t(String(decoding: fields[1], as: UTF8.self)) : nil
  }
}
