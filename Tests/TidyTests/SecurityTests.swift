import TestSupport
import Testing

/// docs/security.md lists every path that the sources can open.
struct SecurityTests {
  /// Where files of the system are named.
  static let sources = [
    "Sources/Executor/Linux", "Sources/Executor/Machine", "Sources/Parser/Sysfs",
    "Sources/vfioplan/System",
  ].flatMap { PackageFiles.list($0, suffix: ".swift") }

  /// The literals of a source that begin with one of the system's folders, up to what is filled in.
  static func paths(in text: String) -> [Substring] {
    text.matches(of: /"(\/(?:boot|dev|etc|lib|proc|run|sys|tmp|usr|var)(?:\/[^"\\]*)?)["\\]/)
      .map { match in
        let path = match.1
        return path.hasSuffix("/") ? path.dropLast() : path
      }
  }

  @Test(arguments: sources)
  func everyPathOfASourceIsListedWithIt(source: String) throws {
    let name = source.split(separator: "/").last?.dropLast(".swift".count) ?? ""
    let rows = try PackageFiles.text("docs/security.md").split(separator: "\n")
      .filter { $0.contains("`\(name)`") }
    for path in Self.paths(in: try PackageFiles.text(source)) {
      let isListed = rows.contains { $0.contains("`\(path)") }
      #expect(isListed, "docs/security.md does not list '\(path)' with \(name)")
    }
  }

  @Test func pathsAreFoundInText() {
    let text = #"open("/dev/vfio/\(number)"); "/devices"; root + "/sys/bus/pci"; "/proc""#
    #expect(Self.paths(in: text) == ["/dev/vfio", "/sys/bus/pci", "/proc"])
  }
}
