import Parser
import Testing

@testable import vfioplan

/// Whether a group can be given to a VM, and why not, by what is in it.
struct GroupVerdictTests {
  private static func device(
    _ address: String, _ classCode: UInt32, _ driver: String? = nil,
    change: (inout HostDevice) -> Void = { _ in }
  ) throws -> HostDevice {
    var device = HostDevice(
      address: try #require(BDF("0000:" + address)), classCode: classCode, iommu: "u", group: 1,
      driver: driver, noSnoopCapable: .yes)
    change(&device)
    return device
  }

  private static func verdict(
    _ members: [HostDevice], isGroup: Bool = true, enforces: Fact = .yes,
    isolatesInterrupts: Bool = true, type: String = HostIOMMU.intel,
    uses: [BDF: [String]]? = nil
  ) -> GroupVerdict {
    var unit = HostIOMMU(name: "u", type: type, enforceSnoop: enforces)
    unit.isolatedMSI = isolatesInterrupts
    let host = HostDescription(
      name: "h", kernel: HostKernel(release: "7.3.4"), iommus: [unit], devices: members)
    return GroupVerdict(members, isGroup: isGroup, GroupVerdict.Context(host, uses: uses))
  }

  private static let (disk, card, network, usb, bridge): (UInt32, UInt32, UInt32, UInt32, UInt32) =
    (0x010802, 0x030000, 0x020000, 0x0c0330, 0x060400)

  @Test func aDeviceOfItsOwnCanBeGiven() throws {
    #expect(Self.verdict([try Self.device("01:00.0", Self.network, "igc")]).text == "yes")
    let bridge = try Self.device("00:1c.0", Self.bridge, "pcieport")
    let both = Self.verdict([bridge, try Self.device("01:00.0", Self.network, "igc")])
    #expect(both.answer == .yes && both.text == "yes")
  }

  @Test func whatComesWithItIsSaid() throws {
    let functions = try ["01:00.0", "01:00.1", "01:00.2"].map { try Self.device($0, Self.network) }
    #expect(Self.verdict(functions).text == "yes, all 3 functions together")
    #expect(Self.verdict(Array(functions.prefix(2))).text == "yes, both functions together")
    let slots = try ["01:00.0", "02:00.0"].map { try Self.device($0, Self.network, "igc") }
    #expect(Self.verdict(slots).text == "yes, both devices together")
  }

  @Test func aDiskIsGivenOnlyByWhoCanDoWithoutIt() throws {
    let disk = [try Self.device("01:00.0", Self.disk, "nvme")]
    #expect(Self.verdict(disk).text == "yes, if the host can do without it")
    #expect(Self.verdict(disk, uses: [:]).text == "yes")
    let used = Self.verdict(disk, uses: [disk[0].address: ["'/' is mounted from it"]])
    #expect(used.answer == .used && used.text == "in use: '/' is mounted from it")
    let card = [
      try Self.device("01:00.0", Self.card, "nouveau"),
      try Self.device("01:00.2", Self.usb, "xhci_hcd"),
    ]
    #expect(Self.verdict(card).text == "yes, both functions together")
    let screen = Self.verdict(card, uses: [card[0].address: ["it is the console"]])
    #expect(screen.text == "in use: of 01:00.0, it is the console")
  }

  @Test func neighboursThatTheHostNeedsAreInTheWay() throws {
    let group = [
      try Self.device("01:00.0", Self.usb, "xhci_hcd"),
      try Self.device("02:00.0", Self.disk, "nvme"),
      try Self.device("03:00.0", Self.network, "igc"),
    ]
    let refused = Self.verdict(group)
    #expect(refused.answer == .no)
    #expect(refused.text == "no: the host's USB and NVMe drive are in its group")
    let bridge = try Self.device("00:01.0", Self.bridge, "skl_uncore")
    #expect(
      Self.verdict([bridge, group[2]]).text
        == "no: bridge 00:01.0 (driver skl_uncore) is in its group")
  }

  @Test func whatTheKernelRefusesIsNamed() throws {
    let plain = try Self.device("01:00.0", Self.network, "igc")
    #expect(
      Self.verdict([plain], isolatesInterrupts: false).text == "no: interrupts are not isolated")
    let mapped = try Self.device("01:00.0", Self.network) {
      $0.reserved = [ReservedRegion(start: 0x1000, end: 0x1fff, kind: .direct)]
    }
    #expect(Self.verdict([mapped]).text == "no: firmware maps memory for 01:00.0")
    let child = try Self.device("01:00.1", Self.network) { $0.physicalFunction = plain.address }
    #expect(Self.verdict([plain, child]).text == "no: 01:00.0 has virtual functions")
    let behind = try Self.device("02:00.0", Self.disk, "nvme") { $0.behind = plain.address }
    #expect(
      Self.verdict([plain, behind]).text
        == "no: 02:00.0 exists only while the host has 01:00.0")
    #expect(Self.verdict([plain], isGroup: false).text == "no: it is behind no IOMMU")
    let open = try Self.device("01:00.0", Self.network) { $0.isUnprotected = true }
    #expect(
      Self.verdict([open], isGroup: false).text
        == "no: VFIO has it without an IOMMU (noiommu)")
  }

  @Test func whatCannotBeBlockedIsSaidAsFarAsItIsKnown() throws {
    let plain = try Self.device("01:00.0", Self.network, "igc")
    let open = try Self.device("01:00.0", Self.network) { $0.noSnoopCapable = .unknown }
    let tame = try Self.device("01:00.0", Self.network) { $0.noSnoopCapable = .no }
    #expect(Self.verdict([plain], enforces: .no).text == "yes; it makes the VM non-coherent")
    #expect(Self.verdict([tame], enforces: .no).text == "yes")
    #expect(
      Self.verdict([open], enforces: .unknown).text
        == "yes; it may make the VM non-coherent (no-snoop unknown, counted as yes; "
        + "enforcement unknown, counted as no)")
    #expect(
      Self.verdict([plain], enforces: .no, type: HostIOMMU.arm).text
        == "yes; it can no-snoop, which nothing blocks")
  }
}
