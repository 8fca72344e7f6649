import Foundation
import Parser
import Testing

@testable import Executor

/// The journal that `restore` works from.
@Suite("Journal") struct JournalTests {
  private static let boot = DriverJournal.bootID()
  private static let nowhere = BDF("ffff:ff:1f.7")

  private static func text(boot: String = boot, driver: String? = "igc") throws -> JournalText {
    JournalText(
      boot: boot, process: 4711,
      records: [DriverRecord(address: try #require(nowhere), driver: driver, override: "")])
  }

  /// Runs a body with a new folder, which goes afterwards.
  private static func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "vfioplan-journal-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test("what is written reads back", arguments: [nil, "igc", "vfio-pci"])
  func roundTrip(driver: String?) throws {
    let text = try Self.text(driver: driver)
    #expect(JournalText(text.text) == text)
  }

  @Test("a journal that was not finished, at any length, is none")
  func unfinished() throws {
    let text = try Self.text().text
    for length in 0..<text.utf8.count {
      #expect(JournalText(String(decoding: text.utf8.prefix(length), as: UTF8.self)) == nil)
    }
  }

  @Test(
    "what could lead elsewhere than to a driver is no journal",
    arguments: [
      "device ffff:ff:1f.7 driver=../../x override=", "device ffff:ff:1f.7 driver=a b override=",
      "device ../x driver=igc override=", "device ffff:ff:1f.7 driver=igc", "rm -rf",
    ])
  func hostile(line: String) throws {
    let lines = try Self.text().text.split(separator: "\n", omittingEmptySubsequences: false)
    let changed = lines[..<3] + [line[...]] + lines[4...]
    #expect(JournalText(changed.joined(separator: "\n")) == nil)
  }

  @Test("where nobody kept a journal there is nothing to do, and nothing is made")
  func nothing() throws {
    try Self.inFolder { folder in
      let restoration = try DriverRestoration.run(in: folder)
      #expect(restoration.isComplete && restoration.outcomes.isEmpty)
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
  }

  @Test("a device that can't be looked at keeps the run from starting, and leaves no journal")
  func unknownDevice() throws {
    try Self.inFolder { folder in
      let nowhere = try #require(Self.nowhere)
      #expect(throws: DriverJournal.Failure.self) {
        try DriverJournal.begin(for: [nowhere], in: folder)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test("a journal of an earlier boot goes, one whose device can't be given back stays")
  func restoration() throws {
    try Self.inFolder { folder in
      let old = try JournalFolder(folder)
      for boot in ["another", Self.boot] {
        let (file, _) = try old.write(try Self.text(boot: boot).text)
        try SystemCalls.close(file)
      }
      old.close()
      let restoration = try DriverRestoration.run(in: folder)
      #expect(restoration.outdatedCount == 1)
      #expect(restoration.outcomes.map(\.errno) == [.enoent])
      #expect(!restoration.isComplete)
      #expect(KernelDiagnostics.diagnostics(of: restoration).map(\.code.name) == ["VP5010"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["2.journal"])
    }
  }

  @Test("a device in another journal is refused: in use while its run lives, left behind after")
  func twoRuns() throws {
    try Self.inFolder { folder in
      let nowhere = try #require(Self.nowhere)
      let journals = try JournalFolder(folder)
      let (file, _) = try journals.write(try Self.text().text)
      #expect(throws: DriverJournal.Failure.inUse(nowhere, process: 4711)) {
        try journals.refuse([nowhere])
      }
      journals.close()
      #expect(try DriverRestoration.run(in: folder).running == [4711])
      try SystemCalls.close(file)
      let later = try JournalFolder(folder)
      defer { later.close() }
      #expect(throws: DriverJournal.Failure.leftBehind(nowhere)) { try later.refuse([nowhere]) }
      #expect(throws: Never.self) { try later.refuse([]) }
    }
  }
}
