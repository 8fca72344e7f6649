import Foundation

/// Runs programs, the built `vfioplan` first of all, and hands back what they said.
public enum Tool {
  /// What a run gave.
  public struct Outcome: Hashable, Sendable {
    /// The exit code; 128 and the signal's number if one ended it.
    public var code: Int32
    /// Standard output.
    public var output: String
    /// Standard error, as it stands on the screen.
    public var errorScreen: String
    /// Standard error, each finding's text on one line again.
    public var errors: String { errorScreen.replacing(/\n {4}(?=[^ |])/, with: " ") }

    /// What a run is expected to give.
    public init(code: Int32, output: String, errors: String) {
      self.code = code
      self.output = output
      self.errorScreen = errors
    }
  }

  /// The program of this build: it lies beside the test bundle.
  public static let vfioplan: String = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    let test = URL(filePath: bundle?.bundlePath ?? CommandLine.arguments[0])
    return test.deletingLastPathComponent().appending(path: "vfioplan").path(percentEncoded: false)
  }()

  /// Runs `vfioplan` in the package's folder, without colour, for a screen of some columns.
  public static func run(
    _ arguments: [String], input: String = "", columns: Int? = nil
  ) throws -> Outcome {
    try run(
      vfioplan, arguments, input: input,
      environment: columns.map { ["COLUMNS": "\($0)"] } ?? [:])
  }

  /// What all programs find in their environment: nothing of the terminal and the system that tests
  /// run on may show.
  private static let common = ["NO_COLOR": "1", "COLUMNS": "", "VFIOPLAN_PCI_IDS": ""]

  /// Runs a program, in the package's folder unless told otherwise.
  ///
  /// Output goes through files, so that a program that says much never waits for its reader.
  public static func run(
    _ executable: String, _ arguments: [String], input: String = "",
    environment: [String: String] = [:], folder place: String = PackageFiles.root
  ) throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "vfioplan-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["in", "out", "err"].map { folder.appending(path: $0) }
    try Data(input.utf8).write(to: files[0])
    for file in files[1...] { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: place)
    process.environment = ProcessInfo.processInfo.environment.merging(common) { $1 }
      .merging(environment) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try Self.withSignalsLetThrough { try process.run() }
    process.waitUntilExit()
    let signalled = process.terminationReason == .uncaughtSignal
    return Outcome(
      code: process.terminationStatus + (signalled ? 128 : 0),
      output: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
  }

  /// Threads of a pool hold signals back, and what is started from one would inherit that.
  private static func withSignalsLetThrough(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var former = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &former)
    defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
    try body()
  }
}
