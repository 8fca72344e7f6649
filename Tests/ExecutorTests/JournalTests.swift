import Foundation
import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// The journal that `restore` works from.
struct JournalTests {
  private static let nowhere = BDF("ffff:ff:1f.7")

  private static func text(
    boot: String? = nil, driver: String? = "igc", override: [UInt8] = [],
    given: String? = "vfio-pci"
  ) throws -> JournalText {
    let record = DriverRecord(
      address: try #require(nowhere), driver: driver, override: override, given: given)
    return JournalText(boot: try boot ?? DriverJournal.bootID(), process: 4711, records: [record])
  }

  /// Waits for nobody.
  private static var impatient: DriverJournal.Waiting {
    DriverJournal.Waiting(isInterrupted: { true }, announce: { _ in })
  }

  /// Runs a body with a new folder, which goes afterwards.
  private static func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appending(
      path: "vfioplan-journal-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  /// Makes a folder of journals with a file in the place of one.
  private static func put(_ bytes: [UInt8], as name: String, in folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try Data(bytes).write(to: URL(filePath: "\(folder)/\(name)"))
    try permit(0o600, "\(folder)/\(name)")
  }

  private static func permit(_ mode: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  private static func files(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private static func restore(in folder: String) throws -> DriverRestoration {
    try DriverRestoration.run(in: folder, impatient)
  }

  private static func codes(of restoration: DriverRestoration) -> [String] {
    KernelDiagnostics.diagnostics(of: restoration).map(\.code.name)
  }

  private static func flaw(of bytes: [UInt8]) -> JournalText.Flaw? {
    do throws(JournalText.Flaw) { _ = try JournalText(bytes) } catch { return error }
    return nil
  }

  @Test(arguments: [nil, "igc", "vfio-pci"])
  func whatIsWrittenReadsBack(driver: String?) throws {
    let text = try Self.text(driver: driver)
    #expect(try JournalText(text.bytes) == text)
  }

  @Test func everyOverrideThatTheKernelTakesIsWrittenSoThatItReadsBack() throws {
    var overrides = (UInt8.min...UInt8.max).map { [$0, $0] }
    overrides += ["my driver", "%20", " ", "a given=vfio-pci", "(null)"].map { Array($0.utf8) }
    overrides.append([UInt8](repeating: 0xff, count: 65534))
    for override in overrides {
      let text = try Self.text(override: override)
      let isPossible = !override.contains { $0 == 0 || $0 == 10 }
      #expect((try? JournalText(text.bytes)) == (isPossible ? text : nil), "\(override.prefix(9))")
    }
  }

  /// A journal of 0.1.0 is read, also one that 0.1.0 itself could not read.
  @Test func aJournalOfTheFirstReleaseIsRead() throws {
    let text = "vfioplan journal 1\nboot b\nprocess 4711\ndevice ffff:ff:1f.7 driver=igc override="
    for override in ["", "vfio-pci", "my driver", "100%"] {
      let read = try JournalText(Array((text + override + "\nend\n").utf8))
      #expect(try read == Self.text(boot: "b", override: Array(override.utf8), given: nil))
      #expect(try JournalText(read.bytes) == read)
      #expect(["vfio-pci", "mlx5-vfio-pci"].allSatisfy(read.records[0].isGiven(to:)))
      #expect(!read.records[0].isGiven(to: "nvme"))
    }
  }

  @Test func aJournalThatWasNotFinishedAtAnyLengthIsNone() throws {
    let text = try Self.text(override: Array("my driver".utf8)).bytes
    for length in 0..<text.count {
      #expect(Self.flaw(of: Array(text.prefix(length))) == .incomplete, "\(length) bytes")
    }
    #expect(Self.flaw(of: text) == nil && Self.flaw(of: text + [10]) == .foreign)
  }

  @Test func whatDiffersFromAJournalInAnyByteIsAnotherJournalOrNone() throws {
    let text = try Self.text()
    for index in text.bytes.indices {
      var bytes = text.bytes
      bytes[index] ^= 0x80
      #expect(Self.flaw(of: bytes) == .foreign, "byte \(index)")
      bytes[index] = 0
      #expect(Self.flaw(of: bytes) == .foreign, "byte \(index)")
    }
  }

  @Test(arguments: [
    "device ffff:ff:1f.7 driver=../../x override= given=vfio-pci",
    "device ffff:ff:1f.7 driver=../../x override=", "device ffff:ff:1f.7 driver=a b override=",
    "device ../x driver=igc override=", "device ffff:ff:1f.7 driver=igc", "rm -rf",
    "device ffff:ff:1f.7 driver=igc override= given=nvme",
    "device ffff:ff:1f.7 driver=igc override= given=../vfio-pci",
    "device ffff:ff:1f.7 driver=igc override=%0A given=vfio-pci",
    "device ffff:ff:1f.7 driver=igc override=%41 given=vfio-pci",
    "device ffff:ff:1f.7 driver=igc override=%+f given=vfio-pci",
    "device ffff:ff:1f.7 driver=igc override=%2 given=vfio-pci",
  ])
  func whatCouldLeadElsewhereThanToADriverIsNotAJournal(line: String) throws {
    for form in ["1", "2"] where form == "2" || !line.contains("given=") {
      let text = "vfioplan journal \(form)\nboot b\nprocess 1\n\(line)\nend\n"
      #expect(Self.flaw(of: Array(text.utf8)) == .foreign)
    }
  }

  @Test func aDeviceHasOneLineAndAJournalThatIsNewerThanTheProgramIsNone() throws {
    let line = "device ffff:ff:1f.7 driver=igc override= given=vfio-pci\n"
    let head = "vfioplan journal 2\nboot b\nprocess 1\n"
    #expect(Self.flaw(of: Array((head + line + "end\n").utf8)) == nil)
    #expect(Self.flaw(of: Array((head + line + line + "end\n").utf8)) == .foreign)
    #expect(Self.flaw(of: Array("vfioplan journal 4\n".utf8)) == .foreign)
  }

  @Test func whereNobodyKeptAJournalThereIsNothingToDoAndNothingIsMade() throws {
    try Self.inFolder { folder in
      for place in [folder, folder + "/deeper"] {
        let restoration = try Self.restore(in: place)
        #expect(restoration.isComplete && restoration.outcomes.isEmpty)
      }
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
  }

  @Test func aDeviceThatCantBeLookedAtKeepsTheRunFromStartingAndLeavesNoJournal() throws {
    try Self.inFolder { folder in
      let nowhere = try #require(Self.nowhere)
      #expect(throws: DriverJournal.Failure.unknown(DriverLinks.device(nowhere), .enoent)) {
        try DriverJournal.begin(
          for: [.probe(nowhere, by: "vfio-pci")], of: [], in: folder, Self.impatient)
      }
      #expect(try Self.files(in: folder).isEmpty)
    }
  }

  @Test func aJournalOfAnEarlierBootGoesOneWhoseDeviceCantBeGivenBackStays() throws {
    try Self.inFolder { folder in
      let old = try JournalFolder(folder, Self.impatient)
      for boot in ["another", nil] { try old.write(try Self.text(boot: boot)).keep() }
      old.close()
      let restoration = try Self.restore(in: folder)
      #expect(restoration.outdatedCount == 1)
      #expect(restoration.outcomes.map(\.obstacle) == [.failed(.enoent)])
      #expect(!restoration.isComplete)
      #expect(Self.codes(of: restoration) == ["VP5010"])
      #expect(try Self.files(in: folder) == ["2.journal"])
    }
  }

  @Test func aJournalThatIsCutOffGoesWhateverElseCantBeReadStaysAndRefusesAnyDevice() throws {
    let bytes = try Self.text().bytes
    for (content, isLeft) in [(Array(bytes.dropLast(9)), false), ([], false), ([0], true)] {
      try Self.inFolder { folder in
        try Self.put(content, as: "1.journal", in: folder)
        let journals = try JournalFolder(folder, Self.impatient)
        let nowhere = try #require(Self.nowhere)
        if isLeft {
          #expect(throws: DriverJournal.Failure.self) { try journals.refuse([nowhere]) }
        } else {
          #expect(throws: Never.self) { try journals.refuse([nowhere]) }
        }
        journals.close()
        let restoration = try Self.restore(in: folder)
        #expect(Self.codes(of: restoration) == (isLeft ? ["VP5013"] : []))
        #expect(restoration.isComplete != isLeft)
        #expect(try Self.files(in: folder) == (isLeft ? ["1.journal"] : []))
      }
    }
  }

  @Test func aJournalThatOthersMayHaveChangedIsNotBelievedAndStaysAsItIs() throws {
    let old = try Self.text(boot: "another").bytes
    try Self.inFolder { folder in
      try Self.put(old, as: "1.journal", in: folder)
      try Self.permit(0o622, folder + "/1.journal")
      try Self.put(old, as: "2.journal", in: folder)
      try FileManager.default.linkItem(atPath: folder + "/2.journal", toPath: folder + "/other")
      try Self.put(old, as: "kept", in: folder)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/3.journal", withDestinationPath: "kept")
      try FileManager.default.createDirectory(
        atPath: folder + "/4.journal", withIntermediateDirectories: false)
      #expect(mkfifo(folder + "/5.journal", 0o600) == 0)
      let names = try Self.files(in: folder)
      let restoration = try Self.restore(in: folder)
      let findings = KernelDiagnostics.diagnostics(of: restoration)
      #expect(findings.map(\.code.name) == Array(repeating: "VP5013", count: 5))
      for (index, finding) in findings.enumerated() {
        #expect(finding.message.contains("'\(folder)/\(index + 1).journal'"))
      }
      #expect(!restoration.isComplete && restoration.outdatedCount == 0)
      #expect(try Self.files(in: folder) == names)
    }
  }

  @Test func aFolderThatOthersMayWriteToOrThatALinkLeadsToIsNotUsed() throws {
    try Self.inFolder { folder in
      try Self.put([], as: "1.journal", in: folder)
      let link = folder + "/link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder)
      for (mode, place) in [(0o722, folder), (0o770, folder), (0o700, link), (0o700, link + "/a")] {
        try Self.permit(mode, folder)
        #expect(throws: DriverJournal.Failure.self) { try Self.restore(in: place) }
        #expect(throws: DriverJournal.Failure.self) { try JournalFolder(place, Self.impatient) }
        #expect(try Self.files(in: folder) == ["1.journal", "link"])
      }
      try Self.permit(0o755, folder)
      #expect(try Self.restore(in: folder).isComplete)
    }
  }

  @Test func aFolderThatIsAFileOrBelowAFolderThatIsMissingIsAnErrorWithItsName() throws {
    try Self.inFolder { folder in
      let below = folder + "/journals"
      #expect(throws: DriverJournal.Failure.unusable(below, .enoent)) {
        try JournalFolder(below, Self.impatient)
      }
      try Self.put([], as: "journals", in: folder)
      #expect(throws: DriverJournal.Failure.unusable(below, Errno(name: "ENOTDIR") ?? .eio)) {
        try JournalFolder(below, Self.impatient)
      }
    }
  }

  /// A device in another journal is refused: in use while its run lives, left behind after.
  @Test func aDeviceInAnotherJournalIsRefusedInUseWhileItsRunLivesLeftBehindAfter() throws {
    try Self.inFolder { folder in
      let nowhere = try #require(Self.nowhere)
      let journals = try JournalFolder(folder, Self.impatient)
      let run = try journals.write(try Self.text())
      #expect(throws: DriverJournal.Failure.inUse(nowhere, process: 4711)) {
        try journals.refuse([nowhere])
      }
      journals.close()
      #expect(try Self.restore(in: folder).running.map(\.process) == [4711])
      run.keep()
      let later = try JournalFolder(folder, Self.impatient)
      defer { later.close() }
      #expect(throws: DriverJournal.Failure.leftBehind(nowhere)) { try later.refuse([nowhere]) }
      #expect(throws: Never.self) { try later.refuse([]) }
    }
  }

  @Test func rootsRunThatChangesNoDriverRefusesDevicesOfOtherRunsAndMakesNoFolder() throws {
    try Self.inFolder { folder in
      let nowhere = try #require(Self.nowhere)
      func begin() throws -> DriverJournal? {
        try DriverJournal.begin(for: [], of: [nowhere], in: folder, Self.impatient)
      }
      #expect(try begin().map(\.file) == nil && !FileManager.default.fileExists(atPath: folder))
      try Self.put(try Self.text().bytes, as: "1.journal", in: folder)
      if geteuid() == 0 {
        #expect(throws: DriverJournal.Failure.leftBehind(nowhere)) { try begin() }
      } else {
        #expect(try begin().map(\.file) == nil)
      }
    }
  }

  @Test func whatACommandGetsOfTheJournalIsForReadingAndItsLockIsNotTheRuns() throws {
    try Self.inFolder { folder in
      let journals = try JournalFolder(folder, Self.impatient)
      let run = try journals.write(try Self.text())
      journals.close()
      #expect(fcntl(run.file, F_GETFL) & O_ACCMODE == O_RDONLY)
      #expect(flock(run.file, LOCK_UN) == 0)
      #expect(try Self.restore(in: folder).running.map(\.process) == [4711])
      try run.end()
      #expect(try Self.files(in: folder).isEmpty)
    }
  }

  @Test func whoWaitsForTheLockSaysSoOnceAndEndsWhenASignalComes() throws {
    try Self.inFolder { folder in
      let first = try JournalFolder(folder, Self.impatient)
      defer { first.close() }
      var asked = 0
      var announced: [String] = []
      let waiting = DriverJournal.Waiting(
        isInterrupted: {
          asked += 1
          return asked > 3
        }, announce: { announced.append($0) })
      #expect(throws: DriverJournal.Failure.interrupted(folder)) {
        try DriverRestoration.run(in: folder, waiting)
      }
      #expect(asked == 4 && announced == [folder])
    }
  }
}
