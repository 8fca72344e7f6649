import Glibc
import Parser
import TestSupport
import Testing

@testable import Executor
@testable import vfioplan

/// Who is asked before a machine loses a way into it, and what counts as a yes.
struct ConsentTests {
  /// A terminal: what people sit at, and what a program has open.
  private struct Terminal {
    let people: Int32
    let program: Int32

    init() throws {
      people = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      try #require(people >= 0)
      // TIOCSPTLCK and TIOCGPTN (asm-generic/ioctls.h), which Glibc's module leaves out.
      var (isLocked, number): (Int32, Int32) = (0, 0)
      try #require(ioctl(people, 0x4004_5431, &isLocked) == 0)
      try #require(ioctl(people, 0x8004_5430, &number) == 0)
      program = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      try #require(program >= 0)
    }

    func type(_ text: String) { _ = text.withCString { write(people, $0, strlen($0)) } }

    func end() {
      close(people)
      close(program)
    }
  }

  private static let console = MachineDiagnostics.inUse("device 'gpu'", .console, .wholeVM)

  /// The codes that a refusal reports and its status; `nil` if the run goes on.
  private func refusal(
    of answer: String, _ findings: [Diagnostic] = [console]
  ) throws -> ([String], ExitCode)? {
    let terminal = try Terminal()
    defer { terminal.end() }
    terminal.type(answer)
    let consent = Consent(
      input: terminal.program, output: FileOutput(file: terminal.program), screen: .plain)
    do throws(CommandFailure) {
      try consent.ask(findings)
      return nil
    } catch {
      return (error.diagnostics.map(\.code.name), error.status)
    }
  }

  @Test(arguments: ["y\n", "Y\n", "yes\n", " Yes \n"])
  func aYesGoesOn(answer: String) throws { #expect(try refusal(of: answer) == nil) }

  /// The last one is the end of the input.
  @Test(arguments: ["n\n", "\n", "no\n", "yy\n", "y n\n", "sure\n", "\u{4}"])
  func anythingElseEndsTheRun(answer: String) throws {
    let (codes, status) = try #require(try refusal(of: answer))
    #expect(codes == ["VP4032", "VP5910"] && status == .notPermitted)
  }

  @Test func nobodyIsAskedAboutNothing() throws { #expect(try refusal(of: "n\n", []) == nil) }

  @Test func nobodyIsAskedWithoutATerminal() throws {
    let terminal = try Terminal()
    defer { terminal.end() }
    terminal.type("n\n")
    let null = open("/dev/null", O_RDWR)
    defer { close(null) }
    let screen = FileOutput(file: terminal.program)
    try Consent(input: null, output: screen, screen: .plain).ask([Self.console])
    try Consent(input: terminal.program, output: .init(file: null), screen: .plain)
      .ask([Self.console])
  }

  /// What is asked about are the console, the last keyboard and the default route alone.
  @Test func onlyWaysInAreAskedAbout() {
    let uses: [DeviceUse.Use] = [
      .console, .lastKeyboard("k"), .defaultRoute("eth0"), .input("k"), .interface("eth1"),
    ]
    let asked = uses.map { MachineDiagnostics.inUse("device 'd'", $0, .wholeVM).code }
      .map(MachineDiagnostics.waysIn.contains)
    #expect(asked == [true, true, true, false, false])
  }
}
