import Executor
import Foundation
import Parser
import TestSupport
import Testing

@testable import vfioplan

/// `vfioplan status` as text and as JSON.
struct StatusTests {
  private static let journal = """
    vfioplan journal 3
    boot another
    process 4711
    owner libvirt:win%2011
    device ffff:ff:1f.7 driver=igc override= given=vfio-pci
    end

    """

  private static func status() throws -> MachineStatus {
    let folder = try TemporaryFolder()
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.root)
    let path = try folder.write(journal, to: "1.journal")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    let waiting = DriverJournal.Waiting(isInterrupted: { true }, announce: { _ in })
    let root = URL(filePath: folder.root).resolvingSymlinksInPath().path(percentEncoded: false)
    return MachineStatus(journals: try JournalStatus.all(in: root, waiting), users: [])
  }

  @Test func theTextBeginsWithTheVerdictAndEndsWithTheCommandThatMends() throws {
    let text = String(
      decoding: StatusText(try Self.status()).page(.plain).bytes, as: UTF8.self)
    #expect(text.hasPrefix("1 journal left behind; nothing is in force\n"), "\(text)")
    #expect(text.contains("ffff:ff:1f.7  igc before, no driver now\n"), "\(text)")
    #expect(text.hasSuffix("mend: vfioplan restore\n"), "\(text)")
    let nothing = StatusText(MachineStatus(journals: [], users: [])).page(.plain).bytes
    #expect(
      String(decoding: nothing, as: UTF8.self)
        == "nothing is in force, and nothing was left behind\n")
  }

  @Test func theJSONFitsItsSchema() throws {
    let text = String(decoding: StatusJSON(try Self.status()).json(), as: UTF8.self)
    #expect(text.contains(#""state":"outdated""#) && text.contains(#""owner":"libvirt:win 11""#))
    try SchemaTests.validate(["status", "-"], input: text)
  }

  @Test func thisMachineHasAStatusOrItIsSaidWhyNot() throws {
    let outcome = try Tool.run(["status", "--format", "json"])
    #expect([0, 74, 77].contains(outcome.code))
    if outcome.code == 0 { try SchemaTests.validate(["status", "-"], input: outcome.output) }
  }

  @Test(arguments: [0, 951_782_400, 1_709_164_800, 1_764_460_204])
  func aTimeIsWhatACalendarSays(seconds: Int) {
    var numbers = SeededNumbers(seed: UInt64(seconds))
    for time in [seconds]
      + (0..<200).map({ _ in Int.random(in: 0..<7_000_000_000, using: &numbers) })
    {
      let date = Date(timeIntervalSince1970: TimeInterval(time))
      #expect(MachineStatus.time(time) == date.formatted(.iso8601))
    }
  }
}
