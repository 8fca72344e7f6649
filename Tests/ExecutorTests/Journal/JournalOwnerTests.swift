import Foundation
import Parser
import Testing

@testable import Executor

/// Journals of VMs, which no process holds.
struct JournalOwnerTests {
  private static let names = [
    "win11", "a b", "100", "%41", "gerät", "it's", "a:b", "owner", "\u{1b}[31m", "\r",
    String(repeating: "x", count: 255),
  ]

  @Test func anOwnerOfAnyNameIsWrittenSoThatItReadsBackAndABeginningOfItIsCutOff() throws {
    for kind in JournalOwner.Kind.allCases {
      for name in Self.names {
        let owner = try #require(JournalOwner(kind, name))
        let text = try MadeUpJournal.text(of: owner)
        #expect(try JournalText(text.bytes) == text, "\(owner)")
        #expect(JournalOwner(owner.description) == owner)
        for length in 0..<text.bytes.count {
          #expect(throws: JournalText.Flaw.incomplete) {
            try JournalText(Array(text.bytes.prefix(length)))
          }
        }
      }
    }
  }

  @Test(arguments: ["", "a\nb", "a\0b"])
  func aNameThatNoJournalCanHoldIsNotAnOwner(name: String) {
    #expect(JournalOwner(.libvirt, name) == nil)
    #expect(JournalOwner(.libvirt, String(repeating: "x", count: 256)) == nil)
    #expect(JournalOwner("win11") == nil && JournalOwner("xen:win11") == nil)
  }

  @Test func aJournalOfAProcessIsWrittenAsBeforeAndOneOfNoKnownKindIsForeign() throws {
    let bytes = try MadeUpJournal.text().bytes
    #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("vfioplan journal 2\n"))
    #expect(try JournalText(bytes).owner == nil)
    let other = "vfioplan journal 3\nboot b\nprocess 1\nowner xen:a\nend\n"
    #expect(throws: JournalText.Flaw.foreign) { try JournalText(Array(other.utf8)) }
  }

  @Test func aRunIsRefusedDevicesOfAVMUntilTheMachineIsRestarted() throws {
    let owner = try #require(JournalOwner(.libvirt, "win11"))
    let text = try MadeUpJournal.text(of: owner)
    let address = text.records[0].address
    try MadeUpJournal.inFolder([text]) { path in
      let folder = try JournalFolder(path, MadeUpJournal.impatient)
      defer { folder.close() }
      #expect(throws: DriverJournal.Failure.owned(address, owner)) {
        try folder.refuse([address])
      }
    }
    try MadeUpJournal.inFolder([try MadeUpJournal.text(of: owner, boot: "another")]) { path in
      let folder = try JournalFolder(path, MadeUpJournal.impatient)
      defer { folder.close() }
      #expect(throws: Never.self) { try folder.refuse([address]) }
    }
  }

  @Test func givingBackWhatIsOfOneVMLeavesTheJournalsOfOthersOfRunsAndWhatIsForeign() throws {
    let (first, second) = (JournalOwner(.libvirt, "a"), JournalOwner(.proxmox, "100"))
    // Nothing has to be given back of an earlier boot, so that these go.
    let journals = try [first, second, nil].map {
      try MadeUpJournal.text(of: $0, boot: "another")
    }
    try MadeUpJournal.inFolder(journals) { folder in
      try Data("foreign".utf8).write(to: URL(filePath: folder + "/4.journal"))
      let restoration = try DriverRestoration.run(
        in: folder, owner: { $0 == second }, MadeUpJournal.impatient)
      #expect(restoration.outdatedCount == 1 && restoration.isComplete)
      #expect(
        try MadeUpJournal.files(in: folder) == ["1.journal", "3.journal", "4.journal"])
    }
  }

  @Test func aRestartEndsEveryOwnerAndWhatNobodyHasOpenIsGivenBack() throws {
    let owner = JournalOwner(.libvirt, "a")
    let journals = try [
      MadeUpJournal.text(of: owner, boot: "another"), MadeUpJournal.text(of: owner),
    ]
    try MadeUpJournal.inFolder(journals) { folder in
      let restoration = try DriverRestoration.run(in: folder, MadeUpJournal.impatient)
      #expect(restoration.outdatedCount == 1 && restoration.running.isEmpty)
      // There is no such device, so it is tried.
      #expect(restoration.outcomes.map(\.obstacle) == [.failed(.enoent)])
      #expect(try MadeUpJournal.files(in: folder) == ["2.journal"])
    }
  }
}
