import Foundation

/// The files of this package, found from where this source file lies.
public enum PackageFiles {
  /// The folder of Package.swift, without a trailing slash.
  public static let root: String = {
    var folder = URL(filePath: #filePath)
    for _ in 0..<3 { folder.deleteLastPathComponent() }
    let path = folder.path(percentEncoded: false)
    return path.hasSuffix("/") ? String(path.dropLast()) : path
  }()

  /// The absolute path of a file given relative to the root.
  public static func path(_ relative: String) -> String { root + "/" + relative }

  /// The text of a file given relative to the root.
  public static func text(_ relative: String) throws -> String {
    try String(contentsOfFile: path(relative), encoding: .utf8)
  }

  /// Whether there is a file at a path relative to the root.
  public static func exists(_ relative: String) -> Bool {
    FileManager.default.fileExists(atPath: path(relative))
  }

  /// All files below a folder whose names end so, as paths relative to the root, sorted.
  ///
  /// What is built, and version control's own files, are left out.
  public static func list(_ folder: String, suffix: String = "") -> [String] {
    var found: [String] = []
    for entry in entries(folder) where !entry.hasPrefix(".git") && !entry.hasPrefix(".build") {
      let relative = folder.isEmpty ? entry : folder + "/" + entry
      if isFolder(relative) {
        if !builtFolders.contains(relative) { found += list(relative, suffix: suffix) }
      } else if relative.hasSuffix(suffix) {
        found.append(relative)
      }
    }
    return found
  }

  /// The entries of one folder, names only, sorted.
  public static func entries(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []).sorted()
  }

  private static let builtFolders: Set<String> = ["Benchmarks/build", "scripts/__pycache__"]

  private static func isFolder(_ relative: String) -> Bool {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path(relative), isDirectory: &isFolder)
    return exists && isFolder.boolValue
  }
}
