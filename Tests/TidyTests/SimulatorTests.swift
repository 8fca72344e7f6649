import TestSupport
import Testing

/// The simulator speaks in names: numbers of the kernel's interfaces stand in its tables and views.
struct SimulatorTests {
  static let folder = "Sources/Executor/Simulator/"
  static let sources = SourceTests.sources.filter { $0.hasPrefix(folder) }
  static let stated = ["Operations/", "Views/"].map { folder + $0 }
  static let speaking = sources.filter { path in !stated.contains { path.hasPrefix($0) } }

  @Test func thereIsSomethingToLookAt() {
    #expect(Self.speaking.count >= 15)
    #expect(Self.sources.count > Self.speaking.count)
  }

  /// Neither the number of a request nor the offset of a member.
  @Test(arguments: speaking)
  func aSourceSaysNoNumberOfAnInterface(path: String) throws {
    let code = try Self.code(of: path)
    for number in code.matches(of: /\b0x(?:3b|ae|40|c0)[0-9a-f_]+/) {
      Issue.record("\(path) says \(code[number.range])")
    }
    for access in code.matches(
      of: /\b(?:u32|u64|number|setNumber|target|setTarget|require)\((?:[^()]*at: )?[0-9]/)
    {
      Issue.record("\(path) says \(code[access.range])")
    }
    for layout in code.matches(of: /\b(?:Member|Answer|Pointer)<[^>]*>\(at:/) {
      Issue.record("\(path) says \(code[layout.range])")
    }
  }

  /// Flags have names wherever they are looked at.
  @Test(arguments: sources)
  func aFlagIsNoNumber(path: String) throws {
    let code = try Self.code(of: path)
    for test in code.matches(of: /[fF]lags\)?(?:\.rawValue)? *& *~?[0-9(]/) {
      Issue.record("\(path) says \(code[test.range])")
    }
  }

  /// A folder that shows at a glance.
  @Test func aFolderHasFewFiles() {
    let folders = Dictionary(grouping: Self.sources) { path in
      path.split(separator: "/").dropLast().joined(separator: "/")
    }
    for (folder, files) in folders { #expect(files.count <= 25, "\(folder)") }
  }

  private static func code(of path: String) throws -> String {
    String(decoding: SwiftText(try PackageFiles.text(path)).code, as: UTF8.self)
  }
}
