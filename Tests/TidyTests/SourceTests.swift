import TestSupport
import Testing

/// The rules of the sources: what a folder may import, how long things may be, what is never said.
struct SourceTests {
  static let sources = PackageFiles.list("Sources", suffix: ".swift")
  static let all = sources + PackageFiles.list("Tests", suffix: ".swift")

  /// What each module may import, beyond the standard library.
  static let allowedImports: [String: Set<String>] = [
    "Parser": [], "Planner": ["Parser"], "Executor": ["Parser", "Planner"],
    "vfioplan": ["Parser", "Planner", "Executor", "ArgumentParser", "Glibc"],
  ]

  static func imports(of path: String) throws -> [String] {
    try PackageFiles.text(path).split(separator: "\n").compactMap { line in
      line.firstMatch(of: /^\s*(?:@\w+ )?(?:\w+ )?import (?:(?:struct|enum|func|var) )?(\w+)/)
        .map { String($0.1) }
    }
  }

  @Test(arguments: sources)
  func aModuleImportsOnlyWhatItsPlaceAllows(path: String) throws {
    let module = String(path.split(separator: "/")[1])
    var allowed = Self.allowedImports[module, default: []]
    if path == "Sources/Parser/YAML/YAMLEventReader.swift" { allowed.insert("CLibYAML") }
    if path == "Sources/Parser/Import/XML/XMLReader.swift" { allowed.insert("CExpat") }
    if path.hasPrefix("Sources/vfioplan/System/") { allowed.insert("CLinux") }
    if path == "Sources/vfioplan/Commands/VFIOPlan.swift" { allowed.insert("CRelease") }
    if path.hasPrefix("Sources/Executor/Linux/") { allowed.insert("Glibc") }
    if path.hasPrefix("Sources/Executor/Emulation/") { allowed.formUnion(["CLinux", "Glibc"]) }
    let shimmed = ["RouteQuery", "SystemCalls"].map { "Sources/Executor/Linux/\($0).swift" }
    if shimmed.contains(path) { allowed.insert("CLinux") }
    for name in try Self.imports(of: path) {
      #expect(allowed.contains(name), "\(path) must not import \(name)")
    }
  }

  @Test(arguments: all)
  func aFileIsShortAndNarrow(path: String) throws {
    let lines = try PackageFiles.text(path).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 351, "\(path) has \(lines.count - 1) lines")
    for (index, line) in lines.enumerated() where line.count > 100 {
      Issue.record("\(path):\(index + 1) is \(line.count) columns wide")
    }
  }

  @Test(arguments: PackageFiles.list("Sources", suffix: ".h"))
  func aHeaderIsShort(path: String) throws {
    let lines = try PackageFiles.text(path).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 351, "\(path) has \(lines.count - 1) lines")
  }

  @Test func aFolderIsSmall() {
    let folders = Dictionary(grouping: Self.all) { path in
      path.split(separator: "/").dropLast().joined(separator: "/")
    }
    for (folder, files) in folders {
      #expect(files.count <= 25, "\(folder) has \(files.count) files")
    }
  }

  @Test(arguments: all)
  func aFunctionIsShort(path: String) throws {
    for function in SwiftText(try PackageFiles.text(path)).functions where function.bodyLines > 40 {
      Issue.record("\(path):\(function.line): \(function.bodyLines) lines in \(function.name)")
    }
  }

  @Test func theMedianFunctionIsUnderEightLinesAndNineInTenUnderEighteen() throws {
    let lengths = try Self.sources.flatMap { path in
      SwiftText(try PackageFiles.text(path)).functions.map(\.bodyLines)
    }.sorted()
    try #require(!lengths.isEmpty)
    let (median, long) = (lengths[lengths.count / 2], lengths[lengths.count * 9 / 10])
    #expect((1..<8).contains(median) && long < 18, "median \(median), p90 \(long)")
  }

  @Test(arguments: sources)
  func aSourceHoldsNoForbiddenWord(path: String) throws {
    let text = try PackageFiles.text(path)
    for word in ["TODO", "FIXME", "XXX"] {
      #expect(!text.contains(word), "\(path) says \(word)")
    }
    let code = String(decoding: SwiftText(text).code, as: UTF8.self)
    let calls = code.matches(of: /\bprint\(|\btry!|\bfatalError\(|\bas!/)
    for call in calls { Issue.record("\(path) says \(code[call.range])") }
  }

  /// Where releases of kernels may be written down and compared: rules, descriptors, and what
  /// behaves like a kernel.
  static func mayKnowReleases(_ path: String) -> Bool {
    let files: Set<String> = [
      "Parser/Description/KernelVersion.swift", "Planner/Interface/KernelOption.swift",
      "Planner/Interface/KernelRules.swift",
      "Planner/Interface/KernelRules+Table.swift", "Planner/Interface/RequestDescriptor.swift",
    ]
    return files.contains(String(path.dropFirst("Sources/".count)))
      || path.hasPrefix("Sources/Planner/Targets/") && path.hasSuffix("Requests.swift")
      || path == "Sources/Executor/Simulator/KernelFact.swift"
  }

  @Test(arguments: sources.filter { !mayKnowReleases($0) })
  func aSourceComparesNoReleases(path: String) throws {
    let code = String(decoding: SwiftText(try PackageFiles.text(path)).code, as: UTF8.self)
    for call in code.matches(of: /\bKernelVersion\(|\bisAtLeast\(/) {
      Issue.record("\(path) says \(code[call.range]); let a rule or a descriptor know it")
    }
  }

  @Test(arguments: sources)
  func aSourceComparesNoNamesOfTargets(path: String) throws {
    let text = try PackageFiles.text(path)
    for name in Example.targets.map({ "\"\($0)\"" }) {
      for comparison in ["== \(name)", "!= \(name)", "\(name) ==", "\(name) !=", "case \(name)"] {
        #expect(!text.contains(comparison), "\(path) says \(comparison); let the dialect say it")
      }
    }
  }

  @Test func everyFolderOfSourcesIsATarget() throws {
    let manifest = try PackageFiles.text("Package.swift")
    let others: Set<String> = [
      "Browser", "Emulate", "FakeSysfs", "Fixtures", "Fuzz", "Hostile", "KernelLab",
    ]
    let folders = PackageFiles.entries("Sources") + PackageFiles.entries("Tests")
    for folder in folders where !others.contains(folder) {
      #expect(manifest.contains("name: \"\(folder)\""), "\(folder) is not a target")
    }
  }
}

/// The tidy tests' own reader of Swift, tried on a small text.
struct SwiftTextTests {
  @Test func functionsAreMeasuredPastStringsAndComments() {
    let text = SwiftText(
      #"""
      func one() { two() }
      protocol P { func none()
        func alsoNone() -> Int
      }
      init(a: Int, b: (Int) -> Void = { _ in }) {
        let brace = "}\(f("}"))" // }
        /* } */
      }
      """#)
    #expect(text.functions.map(\.bodyLines) == [1, 2])
    #expect(text.functions.map(\.line) == [1, 5])
  }
}
