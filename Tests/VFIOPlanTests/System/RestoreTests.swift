import Foundation
import TestSupport
import Testing

/// `vfioplan restore` as a command.
struct RestoreTests {
  /// Root runs it as somebody else, where that user can reach the program.
  @Test func somebodyWhoIsNotRootIsToldSo() throws {
    var command = [Tool.vfioplan]
    if geteuid() == 0 {
      let other = ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"]
      guard FileManager.default.isExecutableFile(atPath: other[0]) else { return }
      let access = try Tool.run(other[0], other.dropFirst() + ["test", "-x", Tool.vfioplan])
      if access.code != 0 { return }
      command = other + command
    }
    let outcome = try Tool.run(command[0], command.dropFirst() + ["restore"])
    #expect(outcome.code == 77 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP5012]: 'restore' changes drivers, which needs root"))
  }
}
