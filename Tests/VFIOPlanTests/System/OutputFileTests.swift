import Foundation
import TestSupport
import Testing

/// The file of `-o`: it is whole or as it was where that is possible, and elsewhere what a shell's
/// `>` would make of it.
struct OutputFileTests {
  private static let start = "{\n"

  /// Runs lines of the shell in a folder, where `compile FILE` writes a plan.
  private static func shell(_ lines: String, in folder: TemporaryFolder) throws -> Tool.Outcome {
    let root = PackageFiles.root
    let inputs = "'\(root)/\(UsageTests.vm)' --host '\(root)/\(UsageTests.host)'"
    let command = "compile() { '\(Tool.vfioplan)' compile \(inputs) -o \"$@\"; }"
    return try Tool.run(
      "/bin/bash", ["-c", "\(command); export -f compile; \(lines)"],
      folder: folder.path(""))
  }

  /// Runs lines of the shell with mounts of their own; `nil` where that is not allowed.
  private static func namespace(
    _ lines: String, in folder: TemporaryFolder
  ) throws -> Tool.Outcome? {
    let able = try Tool.run("/usr/bin/unshare", ["-rm", "true"])
    if able.code != 0 { return nil }
    return try shell("unshare -rm bash -c '\(lines)'", in: folder)
  }

  @Test(arguments: [("022", "644"), ("027", "640"), ("077", "600")])
  func aNewFileHasTheUsualRights(mask: String, mode: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try Self.shell("umask \(mask); compile new; stat -c %a new", in: folder)
    #expect(outcome == .init(code: 0, output: mode + "\n", errors: ""))
    #expect(folder.names == ["new"])
    #expect(try folder.text("new").hasPrefix(Self.start))
  }

  @Test func anOwnFileKeepsItsModeAndIsReplaced() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("old", to: "plan")
    let outcome = try Self.shell(
      "chmod 4606 plan; exec 3<plan; compile plan; stat -c %a plan; cat <&3", in: folder)
    #expect(outcome == .init(code: 0, output: "606\nold", errors: ""))
    #expect(folder.names == ["plan"])
    #expect(try folder.text("plan").hasPrefix(Self.start))
  }

  @Test func aFileOfSeveralNamesIsWrittenToUnderAll() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("old", to: "one")
    let outcome = try Self.shell("ln one two; compile two; cmp one two", in: folder)
    #expect(outcome.code == 0)
    #expect(try folder.text("one").hasPrefix(Self.start))
  }

  @Test func anotherUsersFileStaysTheirs() throws {
    if geteuid() != 0 { return }
    let folder = try TemporaryFolder()
    _ = try folder.write("old", to: "plan")
    let outcome = try Self.shell(
      "chown 65534:65534 plan; compile plan; stat -c %u:%g plan", in: folder)
    #expect(outcome == .init(code: 0, output: "65534:65534\n", errors: ""))
    #expect(try folder.text("plan").hasPrefix(Self.start))
  }

  @Test func aLinkOfAnotherUserInASharedDirectoryIsNotFollowed() throws {
    if geteuid() != 0 { return }
    let folder = try TemporaryFolder()
    _ = try folder.write("secret", to: "victim")
    let outcome = try Self.shell(
      "mkdir -m 1777 shared; ln -s ../victim shared/plan; chown -h 65534 shared/plan; "
        + "compile shared/plan", in: folder)
    #expect(outcome.code == 73)
    #expect(outcome.errors.hasSuffix("can't write 'shared/plan': permission denied (EACCES)\n"))
    #expect(try folder.text("victim") == "secret")
  }

  @Test func aPipeIsWrittenTo() throws {
    let folder = try TemporaryFolder()
    let outcome = try Self.shell("mkfifo pipe; cat pipe & compile pipe; wait", in: folder)
    #expect(outcome.code == 0 && outcome.output.hasPrefix(Self.start))
    #expect(folder.names == ["pipe"])
  }

  @Test(arguments: ["", "chmod 640 plan;"])
  func aLimitOfFileSizesLeavesNothing(more: String) throws {
    let folder = try TemporaryFolder()
    if !more.isEmpty { _ = try folder.write("old", to: "plan") }
    let outcome = try Self.shell("\(more) ulimit -f 1; compile plan", in: folder)
    #expect(outcome.code == 73)
    #expect(outcome.errors.hasSuffix("can't write 'plan': file too large (EFBIG)\n"))
    #expect(folder.names == (more.isEmpty ? [] : ["plan"]))
    if !more.isEmpty { #expect(try folder.text("plan") == "old") }
  }

  @Test func aFullDiskLeavesNothing() throws {
    let folder = try TemporaryFolder()
    let outcome = try Self.namespace(
      "mount -t tmpfs -o size=4k none . && cd . && compile plan; echo $?; ls -A", in: folder)
    guard let outcome else { return }
    #expect(outcome.output == "73\n")
    #expect(outcome.errors.hasSuffix("can't write 'plan': no space left on device (ENOSPC)\n"))
  }

  @Test func aMountedFileIsWrittenToInItsPlace() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("old", to: "plan")
    _ = try folder.write("older", to: "other")
    let outcome = try Self.namespace("mount --bind other plan && compile plan", in: folder)
    guard let outcome else { return }
    #expect(outcome == .init(code: 0, output: "", errors: ""))
    #expect(folder.names == ["other", "plan"])
    #expect(try folder.text("plan") == "old")
    #expect(try folder.text("other").hasPrefix(Self.start))
  }

  @Test(arguments: [
    ("''", "no such file or directory (ENOENT)"), (".", "is a directory (EISDIR)"),
    ("new/", "is a directory (EISDIR)"), ("plan/new", "not a directory (ENOTDIR)"),
  ])
  func whatCanBeNoFileIsSaid(path: String, message: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("old", to: "plan")
    let outcome = try Self.shell("compile \(path)", in: folder)
    #expect(outcome.code == 73 && outcome.errors.hasSuffix(": \(message)\n"), "\(outcome)")
    #expect(folder.names == ["plan"])
  }

  @Test func aNameHasItsLongestLength() throws {
    let folder = try TemporaryFolder()
    let name = String(repeating: "n", count: 255)
    let outcome = try Self.shell("compile \(name) && compile \(name)", in: folder)
    #expect(outcome == .init(code: 0, output: "", errors: ""))
    #expect(folder.names == [name])
  }
}
