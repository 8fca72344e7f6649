import Foundation
import TestSupport
import Testing

/// Wrong command lines and unreadable inputs: what is said, and the status.
struct UsageTests {
  static let vm = "examples/igd-and-nic.yaml"
  static let host = "examples/hosts/z790.yaml"

  @Test(arguments: [
    (["compile"], "Error: Missing expected argument '<vm>'"),
    (["compile", vm, "--frobnicate"], "Error: Unknown option '--frobnicate'"),
    (["frobnicate"], "Error: There is no command 'frobnicate'. The commands are "),
    (["compil", vm], "Error: There is no command 'compil'; did you mean 'compile'?"),
    (["help", "explian"], "Error: There is no command 'explian'; did you mean 'explain'?"),
    (
      ["compile", vm, "--release", "new"],
      "Error: The value 'new' is invalid for '--release <release>': it is a release as"
    ),
    (
      ["compile", vm, "--host", host, "--target", "vfio"],
      "Error: The value 'vfio' is invalid for '--target <target>'. Please provide one of "
        + "'auto', 'ioasid', 'iommufd' or 'type1'."
    ),
    (
      ["compile", vm, "--host", host, "--objective", "fast"],
      "Error: The value 'fast' is invalid for '--objective <objective>'. Please provide one of "
        + "'coherency', 'page-tables', 'device-performance' or "
        + "'wbinvd,incoherentDevices,pageTables,blockedNoSnoop in any order'."
    ),
    (
      ["compile", vm, "--host", host, "--objective", "wbinvd,wbinvd,pageTables,blockedNoSnoop"],
      "Error: The value 'wbinvd,wbinvd,pageTables,blockedNoSnoop' is invalid for "
        + "'--objective <objective>'"
    ),
    (["compile", "-", "--host", "-"], "Error: Standard input can be only one of the inputs."),
    (
      ["compile", vm, "--host", host, "-o", vm],
      "Error: '\(vm)' is an input; -o would overwrite it."
    ),
    (
      ["compile", vm, "--host", host, "--format", "yaml"],
      "Error: The value 'yaml' is invalid for '--format <format>'."
    ),
    (
      ["apply", vm, "--host", host, "--dry-run", "--fail", "1=EPERM"],
      "Error: --fail and --fail-undo need --simulate or --check."
    ),
    (
      ["apply", vm, "--send-fds", "/tmp/s"],
      "Error: The value '/tmp/s' is invalid for '--send-fds <unix:path>': it has to begin with"
    ),
    (
      ["apply", vm, "--iommufd-from", "unix:" + String(repeating: "x", count: 108)],
      "Error: The value 'unix:\(String(repeating: "x", count: 108))' is invalid for "
        + "'--iommufd-from <unix:path>': a socket's path has 1 to 107 bytes"
    ),
    (
      ["apply", vm, "--send-iommufd", "unix:"],
      "Error: The value 'unix:' is invalid for '--send-iommufd <unix:path>': a socket's path has"
    ),
    (
      ["apply", vm, "--send-iommufd", "unix:a", "--send-fds", "unix:b"],
      "Error: --send-fds and --send-iommufd exclude each other."
    ),
    (
      ["apply", vm, "--send-fds", "unix:a", "--check"],
      "Error: --send-fds and --send-iommufd hand over the files of a plan that is in force"
    ),
    (
      ["apply", vm, "--send-iommufd", "unix:a", "--", "true"],
      "Error: --send-fds and --send-iommufd hand over the files of a plan that is in force"
    ),
    (
      ["apply", vm, "--iommufd-from", "unix:a", "--simulate"],
      "Error: The simulator makes its own iommufd; --iommufd-from is for a kernel."
    ),
  ])
  func aWrongCommandLineIsRefused(arguments: [String], message: String) throws {
    let outcome = try Tool.run(arguments)
    #expect(outcome.code == 64)
    #expect(outcome.output == "")
    // A word that is longer than the screen is broken.
    let (said, wanted) = (outcome.errors.filter { $0 != " " }, message.filter { $0 != " " })
    #expect(said.hasPrefix(wanted), "\(outcome.errors)")
    #expect(outcome.errors.contains("\nUsage: vfioplan"))
  }

  @Test(arguments: ["4", "=EINVAL", "0=EINVAL", "x=EINVAL", "4=", "4=EWHAT", "4=EIO=2"])
  func aFaultIsAStepAndAnErrno(fault: String) throws {
    let outcome = try Tool.run(
      ["apply", Self.vm, "--host", Self.host, "--simulate", "--fail", fault])
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains("'\(fault)' is invalid for '--fail <step=errno>'"))
  }

  @Test func simulateAndDryRunExcludeEachOther() throws {
    let outcome = try Tool.run(
      ["apply", Self.vm, "--host", Self.host, "--simulate", "--dry-run"])
    #expect(outcome.code == 64)
  }

  @Test func escapeSequencesOfTheCommandLineAreNotRepeatedRaw() throws {
    let outcome = try Tool.run(["compile", "--\u{1B}[31m"])
    #expect(outcome.code == 64)
    #expect(!outcome.errors.contains("\u{1B}"))
  }

  @Test(arguments: [
    (["compile", "none.yaml", "--host", host], "'none.yaml': no such file or directory (ENOENT)"),
    (["compile", "examples", "--host", host], "'examples': is a directory (EISDIR)"),
    (["compile", vm, "--host", "examples/hosts"], "'examples/hosts': is a directory (EISDIR)"),
    (["apply", "none.json", "--simulate"], "'none.json': no such file or directory (ENOENT)"),
    (["diff", vm, "none.yaml", "--host", host], "'none.yaml': no such file or directory (ENOENT)"),
  ])
  func anInputThatCannotBeReadIsNamed(arguments: [String], what: String) throws {
    let outcome = try Tool.run(arguments)
    #expect(
      outcome
        == .init(code: 66, output: "", errors: "vfioplan: error[VP1901]: can't read \(what)\n"))
  }

  @Test func bothInputsThatCannotBeReadAreNamed() throws {
    let outcome = try Tool.run(["compile", "no-vm.yaml", "--host", "no-host.yaml"])
    #expect(
      outcome
        == .init(
          code: 66, output: "",
          errors: """
            vfioplan: error[VP1901]: can't read 'no-vm.yaml': no such file or directory (ENOENT)
            vfioplan: error[VP1901]: can't read 'no-host.yaml': no such file or directory (ENOENT)
            2 errors

            """))
  }

  @Test func withoutAHostThisMachineIsRead() throws {
    let outcome = try Tool.run(["compile", Self.vm])
    // No machine that tests run on has these devices with these facts.
    #expect(outcome.code == 69 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP400"))
    let host = try Tool.run(["host", "--format", "yaml"])
    #expect(host.code == 0 && host.output.hasPrefix("apiVersion: vfioplan/v1\nkind: Host\n"))
  }

  @Test(arguments: [[], ["--check"], ["--", "/bin/true"]])
  func aMachineThatIsNotAsStatedIsNotTouched(more: [String]) throws {
    let outcome = try Tool.run(["apply", Self.vm, "--host", Self.host] + more)
    #expect(outcome.code == 69)
    #expect(outcome.output == "")
    // No machine that tests run on has these devices with these facts.
    #expect(outcome.errors.contains("error[VP491"))
    #expect(outcome.errors.contains("help: correct the host description, or leave out '--host'"))
  }

  @Test func helpAndVersionGoToStandardOutput() throws {
    let help = try Tool.run(["--help"])
    #expect(help.code == 0 && help.errors == "" && help.output.contains("compile"))
    let version = try Tool.run(["--version"])
    #expect(version.code == 0 && version.errors == "" && version.output.hasSuffix("\n"))
  }
}
