import Parser
import TestSupport
import Testing

@testable import Executor

/// Whether a disk is in use: what the kernel has claimed, what a process has open, what is unknown.
struct DiskUseTests {
  private static let first = BDF(domain: 0, bus: 0xc1, device: 0, function: 0)
  private static let second = BDF(domain: 0, bus: 0xc2, device: 0, function: 0)
  private static let holder = DeviceHolders.Holder(process: "42", command: "qemu")
  private let copy: SysfsCopy

  /// Two drives with a partition each, of which one is mounted.
  init() throws {
    copy = try SysfsCopy()
    for (bus, disk, minor) in [("c1", "nvme0n1", 0), ("c2", "nvme1n1", 10)] {
      let place = "pci0000:c0/0000:\(bus):00.0/nvme/\(disk.dropLast(2))/\(disk)"
      try copy.block(place, "259:\(minor)")
      try copy.block("\(place)/\(disk)p1", "259:\(minor + 1)")
    }
  }

  @Test func aDriveThatNobodyUsesIsFree() throws {
    try copy.open("/dev/null")
    let nodes = MadeUpNodes(numbers: ["/proc/42/fd/3": DeviceNumber(isBlock: false, text: "1:3")])
    #expect(copy.uses(of: Self.first, nodes) == [] && copy.uses(of: Self.second, nodes) == [])
  }

  /// A pool of ZFS names a data set and a number of its own, and no drive.
  @Test func aMemberOfAPoolIsFoundByTheClaim() throws {
    try copy.write("proc/self/mountinfo", "26 1 0:25 / / rw shared:1 - zfs rpool/ROOT/pve-1 rw\n")
    let nodes = MadeUpNodes(claims: ["/dev/nvme1n1": .claimed, "/dev/nvme1n1p1": .claimed])
    #expect(copy.uses(of: Self.second, nodes) == [.claimed("/dev/nvme1n1p1")])
    #expect(copy.uses(of: Self.first, nodes) == [])
  }

  /// A btrfs on two drives names the first one only.
  @Test func bothDrivesOfAMirrorAreFound() throws {
    try copy.write("proc/self/mountinfo", "26 1 0:25 /@ / rw - btrfs /dev/nvme0n1p1 rw\n")
    let nodes = MadeUpNodes(claims: ["/dev/nvme0n1p1": .claimed, "/dev/nvme1n1p1": .claimed])
    #expect(copy.uses(of: Self.first, nodes) == [.mounted("/")])
    #expect(copy.uses(of: Self.second, nodes) == [.claimed("/dev/nvme1n1p1")])
  }

  @Test func aNameInMountinfoAloneIsNoUse() throws {
    try copy.write("proc/self/mountinfo", "26 1 0:25 / /a rw - tmpfs /dev/nvme0n1p1 rw\n")
    #expect(copy.uses(of: Self.first) == [])
  }

  @Test func theLastLineOfALongMountinfoIsRead() throws {
    let line = "22 1 0:20 / /run/containers/a rw shared:1 - overlay overlay rw\n"
    try copy.write(
      "proc/self/mountinfo",
      String(repeating: line, count: 40_000) + "26 1 259:1 / /srv rw - ext4 /dev/root rw\n")
    let nodes = MadeUpNodes(claims: ["/dev/nvme0n1p1": .claimed])
    #expect(copy.uses(of: Self.first, nodes) == [.mounted("/srv")])
  }

  /// In a container a VMM has the node under another name.
  @Test func aProcessIsFoundByTheNumber() throws {
    try copy.open("/data/disk")
    let number = DeviceNumber(isBlock: true, text: "259:11")
    let nodes = MadeUpNodes(numbers: ["/proc/42/fd/3": number])
    #expect(copy.uses(of: Self.second, nodes) == [.opened("/dev/nvme1n1p1", [Self.holder])])
    #expect(copy.uses(of: Self.first, nodes) == [])
  }

  @Test func aCharacterDeviceOfTheSameNumberIsAnother() throws {
    try copy.open("/dev/x")
    let nodes = MadeUpNodes(numbers: ["/proc/42/fd/3": DeviceNumber(isBlock: false, text: "259:0")])
    #expect(copy.uses(of: Self.first, nodes) == [])
  }

  @Test func aProcessIsFoundByThePlace() throws {
    try copy.open("/dev/nvme0n1")
    try copy.open("/dev/nvme0n1", as: 4)
    #expect(copy.uses(of: Self.first) == [.opened("/dev/nvme0n1", [Self.holder])])
  }

  @Test func aNodeThatCanNotBeOpenedCountsAsUsed() throws {
    let unknown = BlockClaim.unknown(TreeError("ENOENT"))
    let nodes = MadeUpNodes(claims: ["/dev/nvme0n1": unknown, "/dev/nvme0n1p1": unknown])
    let expected = OpenFiles.Blindness(path: "/dev/nvme0n1", error: TreeError("ENOENT"))
    #expect(copy.uses(of: Self.first, nodes) == [.unknown(expected)])
    try copy.write("proc/self/mountinfo", "26 1 259:1 / / rw - ext4 /dev/root rw\n")
    #expect(copy.uses(of: Self.first, nodes) == [.mounted("/")])
  }

  @Test func filesThatCanNotBeSeenCountAsUse() throws {
    try copy.link("proc/43/fd", to: "fd")
    try copy.write("proc/43/comm", "x\n")
    #expect(
      copy.uses(of: Self.first)
        == [.unknown(OpenFiles.Blindness(path: "/proc/43/fd", error: .loop))])
  }

  @Test func whatSysfsDoesNotLetReadCountsAsUse() throws {
    let other = try SysfsCopy()
    try other.link("sys/class/block", to: "block")
    #expect(
      other.uses(of: Self.first)
        == [.unknown(OpenFiles.Blindness(path: "/sys/class/block", error: .loop))])
  }
}
