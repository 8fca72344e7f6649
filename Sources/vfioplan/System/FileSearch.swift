import Glibc
import Parser

/// Finds the files of a command that takes folders, too.
struct FileSearch {
  /// A file that was found.
  struct Found: Sendable {
    /// Its path, as it was named or below the folder that was named.
    var path: String
    /// Whether it was named itself.
    var isNamed: Bool
  }

  /// A file or folder, whatever it is called.
  private struct Identity: Hashable {
    var device: UInt
    var number: UInt
  }

  /// The files, in the order of their paths, each once.
  private(set) var found: [Found] = []
  /// What could not be looked at.
  private(set) var failures: [(path: String, error: SystemError)] = []
  private var seen: Set<Identity> = []
  private let suffixes: [String]

  /// Looks for files: those named, and of folders those whose names end in certain ways.
  ///
  /// Names that begin with a dot, and links to folders, are passed over in folders.
  init(_ names: [String], endingIn suffixes: [String] = [".yaml", ".yml", ".xml", ".conf"]) {
    self.suffixes = suffixes
    for name in names {
      if name == FileInput.standardInput {
        found.append(Found(path: name, isNamed: true))
        continue
      }
      switch Self.status(name) {
      case .success(let status) where status.st_mode & S_IFMT == S_IFDIR: search(name, status)
      case .success(let status): add(name, status, isNamed: true)
      // Reading it says why it can't be read.
      case .failure: found.append(Found(path: name, isNamed: true))
      }
    }
    found.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  private static func status(_ path: String) -> Result<stat, SystemError> {
    var status = stat()
    return stat(path.systemName, &status) == 0 ? .success(status) : .failure(.last)
  }

  private mutating func add(_ path: String, _ status: stat, isNamed: Bool) {
    let identity = Identity(device: UInt(status.st_dev), number: UInt(status.st_ino))
    if seen.insert(identity).inserted { found.append(Found(path: path, isNamed: isNamed)) }
  }

  private mutating func search(_ folder: String, _ status: stat) {
    let identity = Identity(device: UInt(status.st_dev), number: UInt(status.st_ino))
    guard seen.insert(identity).inserted else { return }
    guard let stream = opendir(folder.systemName) else {
      return failures.append((folder, .last))
    }
    defer { closedir(stream) }
    let start = folder == "." ? "" : folder.hasSuffix("/") ? folder : folder + "/"
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(system: $0) }
      }
      if !name.hasPrefix(".") { look(at: start + name) }
    }
  }

  private mutating func look(at path: String) {
    var link = stat()
    guard lstat(path.systemName, &link) == 0 else { return failures.append((path, .last)) }
    if link.st_mode & S_IFMT == S_IFDIR { return search(path, link) }
    guard suffixes.contains(where: path.hasSuffix) else { return }
    switch Self.status(path) {
    case .success(let status) where status.st_mode & S_IFMT == S_IFREG:
      add(path, status, isNamed: false)
    case .success: break
    case .failure(let error): failures.append((path, error))
    }
  }
}
