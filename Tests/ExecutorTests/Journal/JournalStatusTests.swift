import Foundation
import Parser
import TestSupport
import Testing

@testable import Executor

/// What journals and open files say of now.
struct JournalStatusTests {
  @Test func aJournalIsInForceWhileItsRunLivesAndElseSaysHowItIsMended() throws {
    let owner = try #require(JournalOwner(.libvirt, "it's"))
    let journals = try [
      MadeUpJournal.text(), MadeUpJournal.text(of: owner), MadeUpJournal.text(boot: "another"),
    ]
    try MadeUpJournal.inFolder(journals) { folder in
      try Self.put("vfioplan jour", "4.journal", in: folder)
      try Self.put("foreign", "5.journal", in: folder)
      let run = open("\(folder)/1.journal", O_RDONLY)
      #expect(flock(run, LOCK_SH) == 0)
      let held = try JournalStatus.all(in: folder, MadeUpJournal.impatient)
      #expect(held.map(\.state) == [.running, .idle, .outdated, .incomplete, .unreadable])
      close(run)
      let found = try JournalStatus.all(in: folder, MadeUpJournal.impatient)
      #expect(found.map(\.state) == [.interrupted, .idle, .outdated, .incomplete, .unreadable])
      let idle = #"vfioplan restore --owner 'libvirt:it'\''s'"#
      let restore = "vfioplan restore"
      #expect(found.map(\.mending) == [restore, idle, restore, restore, nil])
      #expect(found[0].process == 4711 && found[0].devices.map(\.record) == journals[0].records)
      #expect(found.allSatisfy { ($0.since ?? 0) > 1_700_000_000 || $0.state == .unreadable })
      #expect(try MadeUpJournal.files(in: folder).count == 5)
    }
  }

  private static func put(_ text: String, _ name: String, in folder: String) throws {
    try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: "\(folder)/\(name)")
  }

  @Test func withoutAFolderOfJournalsNothingIsInForce() throws {
    #expect(try JournalStatus.all(in: "/nowhere/at/all", MadeUpJournal.impatient).isEmpty)
  }

  /// A process's files lead to its devices, a group's to those with VFIO.
  @Test func theFilesOfAProcessLeadToItsDevicesThoseOfAGroupToItsWithVFIO() throws {
    let copy = try SysfsCopy()
    for (address, driver) in [("0000:01:00.0", "vfio-pci"), ("0000:01:00.1", "pcieport")] {
      try copy.write("sys/kernel/iommu_groups/7/devices/\(address)", "")
      try copy.link("sys/bus/pci/devices/\(address)/driver", to: "../../../drivers/\(driver)")
    }
    try copy.link("sys/class/vfio-dev/vfio3/device", to: "../../../devices/0000:02:00.0")
    try copy.link("proc/self", to: "41")
    for (number, path) in ["/dev/iommu", "/dev/vfio/devices/vfio3", "/dev/iommu"].enumerated() {
      try copy.open(path, as: number + 3)
    }
    try copy.open("/dev/vfio/7", in: 43)
    try copy.open("/dev/null", in: 44)
    let users = VFIOUsers(copy.tree, openFiles: OpenFiles(copy.tree, nodes: MadeUpNodes())).users
    #expect(users.map(\.holder.process) == ["42", "43"])
    #expect(users.map(\.files) == [["/dev/iommu", "/dev/vfio/devices/vfio3"], ["/dev/vfio/7"]])
    #expect(
      users.map { $0.devices.map(\.description) } == [["0000:02:00.0"], ["0000:01:00.0"]])
  }
}
