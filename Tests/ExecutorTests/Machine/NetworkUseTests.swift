import Parser
import TestSupport
import Testing

@testable import Executor

/// What the network of a device is used for.
struct NetworkUseTests {
  private static let device = BDF(domain: 0, bus: 2, device: 0, function: 0)
  private let copy: SysfsCopy

  init() throws {
    copy = try SysfsCopy()
    try copy.link("sys/class/net/eth0", to: "../../devices/pci0000:00/0000:02:00.0/net/eth0")
    try copy.write("sys/devices/pci0000:00/0000:02:00.0/net/eth0/carrier", "0\n")
  }

  private func virtual(_ name: String, _ entries: String...) throws {
    try copy.link("sys/class/net/\(name)", to: "../../devices/virtual/net/\(name)")
    for entry in ["mtu"] + entries {
      try copy.write("sys/devices/virtual/net/\(name)/\(entry)", "")
    }
  }

  private func uses(_ defaults: String..., addressed: String? = nil) -> [DeviceUse.Use] {
    let routes = Routes(defaults: Set(defaults), addressed: Set(addressed.map { [$0] } ?? []))
    return copy.uses(of: Self.device, MadeUpNodes(more: routes))
  }

  @Test func aRouteOfAnotherTableIsFound() {
    #expect(uses() == [] && uses("eth1") == [] && uses("eth0") == [.defaultRoute("eth0")])
  }

  @Test func aRouteIsFollowedThroughAVLANOfABond() throws {
    try virtual("bond0", "lower_eth0", "bonding")
    try virtual("bond0.7", "lower_bond0")
    #expect(uses("bond0.7") == [.defaultRoute("bond0.7")])
  }

  /// A bridge of Open vSwitch has no link to its ports; these belong to its datapath.
  @Test func aRouteIsFollowedThroughOpenVSwitch() throws {
    try virtual("br-ex")
    try virtual("ovs-system")
    #expect(uses("br-ex") == [])
    let ports = "sys/devices/pci0000:00/0000:02:00.0/net/eth0"
    try copy.link(ports + "/master", to: "../../../../virtual/net/ovs-system")
    #expect(uses("br-ex") == [.defaultRoute("br-ex")])
    try virtual("tun0", "tun_flags")
    #expect(uses("tun0") == [])
  }

  @Test func anInterfaceWithAnAddressIsInUse() throws {
    #expect(uses(addressed: "eth1") == [])
    #expect(uses(addressed: "eth0") == [.interface("eth0")])
    try copy.write("sys/devices/pci0000:00/0000:02:00.0/net/eth0/upper_br0", "")
    #expect(uses(addressed: "br0") == [.interface("eth0")])
  }

  @Test func anInterfaceThatIsConnectedIsInUse() throws {
    try copy.write("sys/devices/pci0000:00/0000:02:00.0/net/eth0/carrier", "1\n")
    #expect(uses() == [.interface("eth0")])
  }

  @Test func routesThatCanNotBeReadMayGoThroughIt() throws {
    try copy.link("proc/net/route", to: "route")
    let blindness = OpenFiles.Blindness(path: "/proc/net/route", error: .loop)
    #expect(uses() == [.unknownRoute(blindness)])
    #expect(copy.uses(of: BDF(domain: 0, bus: 3, device: 0, function: 0)) == [])
  }

  /// What the kernel says of this machine is what its files say of the main table.
  @Test func theRoutesOfThisMachineAreRead() throws {
    let routes = try #require(RouteQuery.run())
    let lines = SysfsTree.machine.text("/proc/net/route")?.split(separator: "\n").dropFirst() ?? []
    let words = lines.map { $0.split(separator: "\t") }
    for route in words where route[1] == "00000000" && route[7] == "00000000" {
      #expect(routes.defaults.contains(String(route[0])))
    }
    #expect(routes.addressed.contains("lo"))
  }
}
