import Foundation
import Parser
import Testing

@testable import Executor

/// A folder with journals of devices that no machine has.
enum MadeUpJournal {
  /// Waits for nobody.
  static var impatient: DriverJournal.Waiting {
    DriverJournal.Waiting(isInterrupted: { true }, announce: { _ in })
  }

  /// A journal of one device, of this boot unless told otherwise.
  static func text(
    of owner: JournalOwner? = nil, boot: String? = nil, address: String = "ffff:ff:1f.7"
  ) throws -> JournalText {
    let record = DriverRecord(
      address: try #require(BDF(address)), driver: "igc", override: [], given: "vfio-pci")
    return JournalText(
      boot: try boot ?? DriverJournal.bootID(), process: 4711, owner: owner, records: [record])
  }

  /// Runs a body with a folder of journals, named in their order, which goes afterwards.
  static func inFolder(_ journals: [JournalText], _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appending(
      path: "vfioplan-journal-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    for (index, journal) in journals.enumerated() {
      let path = "\(folder)/\(index + 1).journal"
      try Data(journal.bytes).write(to: URL(filePath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }
    try body(folder)
  }

  /// The names in a folder.
  static func files(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }
}
