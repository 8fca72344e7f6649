import Parser
import TestSupport
import Testing

@testable import Executor

/// What a machine does with a device that is about to be taken from its driver.
struct DeviceUseTests {
  private static let disk = BDF(domain: 0, bus: 1, device: 0, function: 0)
  private static let network = BDF(domain: 0, bus: 2, device: 0, function: 0)
  private let copy: SysfsCopy

  init() throws {
    copy = try SysfsCopy()
    let bus = "../../devices/pci0000:00"
    let disk = bus + "/0000:00:1c.0/0000:01:00.0/nvme/nvme0/nvme0n1"
    try copy.link("sys/class/block/nvme0n1", to: disk)
    try copy.link("sys/class/block/nvme0n1p2", to: disk + "/nvme0n1p2")
    for (name, number) in [("nvme0n1", "259:0"), ("nvme0n1p2", "259:2")] {
      let directory = "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0/nvme/nvme0/nvme0n1"
      let part = name == "nvme0n1" ? "" : "/\(name)"
      try copy.write("\(directory)\(part)/dev", number + "\n")
    }
    try copy.link("sys/class/net/eth0", to: bus + "/0000:02:00.0/net/eth0")
    try copy.link("sys/class/net/br0", to: "../../devices/virtual/net/br0")
  }

  /// Partitions that are claimed make the disk claimed, too.
  private func uses(of address: BDF, claimed part: String? = "p2") -> [DeviceUse.Use] {
    let claims = part.map { ["", $0].map { ("/dev/nvme0n1" + $0, BlockClaim.claimed) } } ?? []
    return copy.uses(of: address, MadeUpNodes(claims: Dictionary(uniqueKeysWithValues: claims)))
  }

  @Test func whatIsIdleHasNoUse() throws {
    try copy.write("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n")
    try copy.write("proc/net/route", "Iface\tDestination\n")
    #expect(uses(of: Self.disk, claimed: nil).isEmpty && uses(of: Self.network).isEmpty)
  }

  @Test(arguments: [
    "30 1 259:2 / / rw shared:1 - ext4 /dev/root rw",
    "30 1 0:31 /@ / rw - btrfs /dev/nvme0n1p2 rw",
  ])
  func aMountedPartitionIsFound(line: String) throws {
    try copy.write("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n\(line)\n")
    #expect(uses(of: Self.disk) == [.mounted("/")])
    #expect(uses(of: Self.network).isEmpty)
  }

  @Test func aVolumeOnThePartitionIsFound() throws {
    let partition = "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2"
    try copy.link(partition + "/holders/dm-0", to: "../../../../../../../../virtual/block/dm-0")
    try copy.write("sys/devices/virtual/block/dm-0/dm/name", "root-swap\n")
    try copy.write("sys/devices/virtual/block/dm-0/dev", "253:0\n")
    try copy.link("sys/class/block/dm-0", to: "../../devices/virtual/block/dm-0")
    try copy.write(
      "proc/swaps", "Filename Type Size Used Priority\n/dev/mapper/root-swap partition 1 0 -2\n")
    #expect(uses(of: Self.disk) == [.swap("/dev/mapper/root-swap")])
  }

  @Test func theDefaultRouteIsFollowedThroughABridge() throws {
    let route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
    try copy.write(
      "proc/net/route", route + "br0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")
    #expect(uses(of: Self.network).isEmpty)
    try copy.link("sys/devices/virtual/net/br0/lower_eth0", to: "../../../x")
    #expect(uses(of: Self.network) == [.defaultRoute("br0")])
    try copy.write(
      "proc/net/route", route + "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")
    let zeros = String(repeating: "0", count: 32)
    try copy.write(
      "proc/net/ipv6_route",
      "\(zeros) 00 \(zeros) 00 \(zeros) 00000400 00000001 00000000 00000003 eth0\n")
    #expect(uses(of: Self.network) == [.defaultRoute("eth0")])
  }

  @Test func theConsoleIsKnown() throws {
    try copy.write("sys/bus/pci/devices/0000:02:00.0/boot_vga", "1\n")
    #expect(uses(of: Self.network) == [.console])
  }

  /// The console is on the function that has the first framebuffer, and on no other.
  @Test func theFirstFramebufferIsTheConsole() throws {
    let place = "../../devices/pci0000:00/0000:0"
    try copy.link("sys/class/graphics/fb0", to: place + "2:00.0/graphics/fb0")
    try copy.link("sys/class/graphics/fb1", to: place + "1:00.0/graphics/fb1")
    #expect(uses(of: Self.network) == [.console])
    #expect(!uses(of: Self.disk, claimed: nil).contains(.console))
  }

  @Test func aLoopOfHoldersEnds() throws {
    let partition = "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2"
    try copy.write(partition + "/holders/nvme0n1p2", "")
    #expect(uses(of: Self.disk) == [.volume("/dev/nvme0n1p2")])
  }

  @Test func aWebOfHoldersAndPortsEnds() throws {
    let names = (0..<8).map { "dm-\($0)" }
    try copy.link("sys/class/block/nvme0n1p3", to: "../../x/0000:01:00.0/y")
    try copy.write("proc/net/route", "Iface\ndm-0 00000000 0 0 0 0 0 00000000\n")
    for name in names {
      for other in names {
        try copy.write("sys/class/block/\(name)/holders/\(other)", "")
        try copy.write("sys/class/net/\(name)/lower_\(other)", "")
      }
      try copy.write("sys/x/0000:01:00.0/y/holders/\(name)", "")
    }
    try copy.write("sys/class/net/dm-7/lower_eth0", "")
    try copy.write("proc/swaps", "Filename\n/dev/dm-7 partition 1 0 -2\n")
    let claimed = MadeUpNodes(claims: ["/dev/nvme0n1p3": .claimed])
    #expect(copy.uses(of: Self.disk, claimed) == [.swap("/dev/dm-7")])
    #expect(uses(of: Self.network) == [.defaultRoute("dm-0")])
  }

  @Test(arguments: [
    ("/dev/iommu", #"KERNEL=="iommu", GROUP="kvm", MODE="0660""#),
    ("/dev/vfio/devices/vfio3", #"SUBSYSTEM=="vfio-dev", GROUP="kvm", MODE="0660""#),
    ("/dev/vfio/17", #"SUBSYSTEM=="vfio", GROUP="kvm", MODE="0660""#),
    ("/sys/bus/pci/drivers/vfio-pci/bind", nil),
  ])
  func whoMayNotIsToldTheRule(path: String, rule: String?) {
    #expect(KernelDiagnostics.udevRule(for: path) == rule)
    let help = KernelDiagnostics.denied(path, .eacces, nil).help
    #expect(help == "run as root" + (rule.map { ", or add the udev rule " + $0 } ?? ""))
  }
}
