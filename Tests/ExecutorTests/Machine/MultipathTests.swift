import Parser
import TestSupport
import Testing

@testable import Executor

/// Disks behind NVMe multipath are not below their controller in sysfs.
struct MultipathTests {
  private static let disk = BDF(domain: 0, bus: 2, device: 0, function: 0)
  private static let used = MadeUpNodes(claims: ["/dev/nvme0n1p1": .claimed])
  private let copy: SysfsCopy
  private let head = "virtual/nvme-subsystem/nvme-subsys0/nvme0n1"
  private let controllers = "pci0000:00/0000:02:00.0/nvme"

  init() throws {
    copy = try SysfsCopy()
    try copy.block(head, "259:0")
    try copy.block(head + "/nvme0n1p1", "259:1")
  }

  @Test func theHeadOfAPathIsFoundWithItsPartitions() throws {
    try copy.block(controllers + "/nvme0/nvme0c0n1", "0:0")
    #expect(copy.uses(of: Self.disk, Self.used) == [.claimed("/dev/nvme0n1p1")])
    // The path itself has no node that could be opened.
    let unknown = BlockClaim.unknown(TreeError("ENOENT"))
    #expect(copy.uses(of: Self.disk, MadeUpNodes(claims: ["/dev/nvme0c0n1": unknown])) == [])
  }

  @Test func theNumberOfAControllerIsNotThatOfItsSubsystem() throws {
    try copy.block(controllers + "/nvme7/nvme0c7n1", nil)
    #expect(copy.uses(of: Self.disk, Self.used) == [.claimed("/dev/nvme0n1p1")])
  }

  /// Virtual functions are controllers of one subsystem, each with disks of its own.
  @Test func aDiskThatOnlyAnotherControllerReachesIsItsBusiness() throws {
    try copy.link("sys/class/nvme/nvme1", to: "../../devices/\(controllers)/nvme1")
    try copy.write("sys/class/nvme-subsystem/nvme-subsys0/nvme1", "")
    try copy.block("pci0000:00/0000:03:00.0/nvme/nvme0/nvme0c0n1", nil)
    #expect(copy.uses(of: Self.disk, Self.used) == [])
  }

  @Test func aDiskWithoutPathsIsEveryControllers() throws {
    try copy.link("sys/class/nvme/nvme1", to: "../../devices/\(controllers)/nvme1")
    #expect(copy.uses(of: Self.disk, Self.used) == [])
    try copy.write("sys/class/nvme-subsystem/nvme-subsys0/nvme1", "")
    #expect(copy.uses(of: Self.disk, Self.used) == [.claimed("/dev/nvme0n1p1")])
  }
}
