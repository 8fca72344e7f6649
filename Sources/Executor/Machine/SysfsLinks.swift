import Parser

/// The entries of a directory of links in sysfs, such as a class, with what they lead to.
struct SysfsLinks {
  /// An entry.
  struct Entry {
    /// Its name.
    let name: String
    /// What it leads to, with `/` at the end, so that a part of the path is found as a whole.
    let target: String
  }

  /// All of them, in order of names.
  let entries: [Entry]
  /// Why they can't be read; `nil` if they can.
  let unread: OpenFiles.Blindness?

  /// Reads a directory.
  init(_ directory: String, in tree: SysfsTree) {
    entries = tree.names(in: directory).map { name in
      Entry(name: name, target: (tree.linkText("\(directory)/\(name)") ?? "") + "/")
    }
    let paths = [directory] + entries.map { "\(directory)/\($0.name)" }
    unread =
      paths.lazy.compactMap { path in
        tree.problem(at: path).map { OpenFiles.Blindness(path: path, error: $0) }
      }.first
  }

  /// What is below a PCI function.
  func below(_ address: BDF) -> [Entry] {
    entries.filter { $0.target.contains("/\(address)/") }
  }
}

/// A name and all that follow from it, each once: they may be shared, in a copy even in circles.
func reached(from name: String, _ next: (String) -> [String]) -> [String] {
  var found = [name]
  var seen: Set<String> = [name]
  var index = 0
  while index < found.count {
    for name in next(found[index]) where seen.insert(name).inserted { found.append(name) }
    index += 1
  }
  return found
}
