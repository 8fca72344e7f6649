import Foundation

/// The smallest case that triggers a diagnostic code, from Tests/Fixtures/catalogue.
public struct CatalogueCase: Hashable, Sendable, CustomStringConvertible {
  /// The code: the file's name without `.txt`.
  public var code: String
  /// The lines before `---`.
  public var lines: [String]
  /// The exit code it names.
  public var exitCode: Int32
  /// Standard error as it is expected.
  public var expected: String

  /// How a test case shows it.
  public var description: String { code }

  private static let folder = "Tests/Fixtures/catalogue"

  /// All of them, by code.
  public static let all: [CatalogueCase] = PackageFiles.entries(folder)
    .filter { $0.hasSuffix(".txt") }.map { CatalogueCase(file: $0) }

  private init(file: String) {
    code = String(file.dropLast(".txt".count))
    let text = (try? PackageFiles.text(Self.folder + "/" + file)) ?? ""
    let cut = text.range(of: "\n---\n")
    lines = text[..<(cut?.lowerBound ?? text.endIndex)].components(separatedBy: "\n")
    expected = String(text[(cut?.upperBound ?? text.endIndex)...])
    let exit = lines.last { $0.hasPrefix("exit: ") }
    exitCode = exit.flatMap { Int32($0.dropFirst("exit: ".count)) } ?? -1
  }

  /// Does what the lines say, in a folder of its own; what the last run gave.
  public func run() throws -> Tool.Outcome {
    try inFolder { place in
      var outcome = Tool.Outcome(code: -1, output: "", errors: "no line runs anything\n")
      for line in lines {
        if let ran = try perform(line, in: place) { outcome = ran }
      }
      return outcome
    }
  }

  /// The files of that folder as the first line that runs anything finds them, by name.
  public func files() throws -> [String: String] {
    try inFolder { place in
      for line in lines.prefix(while: { !$0.hasPrefix("run: ") && !$0.hasPrefix("prepare: ") }) {
        _ = try perform(line, in: place)
      }
      return try ["vm.yaml", "host.yaml"].reduce(into: [:]) { files, name in
        files[name] = try String(contentsOf: place.appending(path: name), encoding: .utf8)
      }
    }
  }

  private func inFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let place = FileManager.default.temporaryDirectory
      .appending(path: "vfioplan-fixture-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    let base = PackageFiles.path(Self.folder + "/base")
    try FileManager.default.copyItem(atPath: base, toPath: place.path(percentEncoded: false))
    return try body(place)
  }

  /// Writes what a run said behind the lines of the file.
  public func record(_ errors: String) throws {
    let text = lines.joined(separator: "\n") + "\n---\n" + errors
    let path = PackageFiles.path(Self.folder + "/" + code + ".txt")
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  private func perform(_ line: String, in place: URL) throws -> Tool.Outcome? {
    guard let colon = line.range(of: ": "), !line.hasPrefix("#") else { return nil }
    let rest = String(line[colon.upperBound...])
    let parts = rest.components(separatedBy: " => ")
    let file = place.appending(path: parts[0])
    switch line[..<colon.lowerBound] {
    case "write": try Self.bytes(rest.dropFirst(parts[0].count + 4)).write(to: file)
    case "change": try replace(parts[1], by: Self.bytes(parts[2]), in: file)
    case "repeat":
      let copies = (0..<(Int(parts[3]) ?? 0)).map { parts[2].replacing("%d", with: String($0)) }
      try replace(parts[1], by: Self.bytes(copies.joined()), in: file)
    case "prepare":
      let outcome = try Self.run(rest, in: place)
      if outcome.code != 0 { throw Failure(message: "\(code): \(rest)\n\(outcome.errors)") }
    case "run": return try Self.run(rest, in: place)
    default: break
    }
    return nil
  }

  private static func run(_ arguments: String, in place: URL) throws -> Tool.Outcome {
    try Tool.run(
      Tool.vfioplan, arguments.split(separator: " ").map(String.init),
      folder: place.path(percentEncoded: false))
  }

  /// Why a fixture can't be run.
  public struct Failure: Error {
    /// What went wrong.
    public var message: String
  }

  private func replace(_ old: String, by new: Data, in file: URL) throws {
    var data = try Data(contentsOf: file)
    guard let range = data.range(of: Self.bytes(old)) else {
      throw Failure(message: "\(code): '\(old)' is not in \(file.lastPathComponent)")
    }
    data.replaceSubrange(range, with: new)
    try data.write(to: file)
  }

  /// The bytes of a text with `\n`, `\t` and `\xNN`.
  private static func bytes(_ text: some StringProtocol) -> Data {
    var bytes: [UInt8] = []
    var rest = Substring(text)
    while let character = rest.popFirst() {
      guard character == "\\", let kind = rest.popFirst() else {
        bytes += Array(String(character).utf8)
        continue
      }
      switch kind {
      case "n": bytes.append(10)
      case "t": bytes.append(9)
      case "x":
        bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
      default: bytes += Array(String(kind).utf8)
      }
    }
    return Data(bytes)
  }
}
