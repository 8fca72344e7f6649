import Parser
import TestSupport
import Testing

@testable import Planner

struct DescriptionCheckTests {
  @Test func aWindowIsCutAtTheBordersOfMemoryRegions() {
    let vm = VMDescription(
      name: "t",
      memory: [
        MemoryRegion(gpa: 0x4000, size: 0x2000), MemoryRegion(gpa: 0x0, size: 0x4000),
        MemoryRegion(gpa: 0x6000, size: 0x1000),
      ],
      addressSpaces: [
        AddressSpace(
          name: "dma0",
          windows: [AddressSpace.Window(iova: 0x10_0000, gpa: 0x3000, size: 0x3800)])
      ])
    var sink = DiagnosticSink()
    let pieces = AddressSpaceMaps(vm, into: &sink).mappings[1]
    #expect(sink.diagnostics.isEmpty)
    #expect(pieces.map(\.iova) == [0x10_0000, 0x10_1000, 0x10_3000])
    #expect(pieces.map(\.size) == [0x1000, 0x2000, 0x800])
    #expect(pieces.map(\.region) == [1, 0, 2])
    #expect(pieces.map(\.offset) == [0x3000, 0, 0])
  }

  @Test func memoryUpToTheLastAddressOverlapsNothing() {
    let top = UInt64.max - 0xFFF
    let vm = VMDescription(
      name: "t",
      memory: [MemoryRegion(gpa: top, size: 0x1000), MemoryRegion(gpa: 0, size: 0x1000)])
    var sink = DiagnosticSink()
    let maps = AddressSpaceMaps(vm, into: &sink)
    #expect(sink.diagnostics.isEmpty)
    #expect(maps.firstMapping(of: 0, endingAtOrAfter: 0x1000) == 1)
    #expect(maps.firstMapping(of: 0, endingAtOrAfter: .max) == 1)
  }

  @Test func tooManyPiecesAreRefusedBeforeTheyAreMade() {
    let page: UInt64 = 4096
    let regions = (0..<2_000).map { MemoryRegion(gpa: UInt64($0) * page, size: page) }
    let windows = (0..<600).map {
      AddressSpace.Window(iova: UInt64($0) * 2_000 * page, gpa: 0, size: 2_000 * page)
    }
    let vm = VMDescription(
      name: "t", memory: regions, addressSpaces: [AddressSpace(name: "dma0", windows: windows)])
    var sink = DiagnosticSink()
    let maps = AddressSpaceMaps(vm, into: &sink)
    #expect(sink.diagnostics.map(\.code.name) == ["VP2018"])
    #expect(maps.mappings[1].count <= AddressSpaceMaps.maximumMappings + 1)
  }

  @Test(arguments: [
    (nil, true), ("pcieport", true), ("shpchp", false), ("pci-stub", true), ("vfio-pci", true),
    ("mlx5_vfio_pci", true), ("nvgrace-gpu-vfio-pci", true), ("nvme", false),
    ("vfio-pci-not", false), ("", false),
  ])
  func anUnassignedMemberMayHaveTheseDrivers(driver: String?, isSafe: Bool) {
    #expect(GroupViability.keepsViable(driver: driver) == isSafe)
  }

  @Test func aDirectRelaxableRegionIsNotReserved() throws {
    var world = SmallWorld(devices: [SmallWorld.Device()]).host
    world.devices[0].reserved = [ReservedRegion(start: 0, end: 0xFFFF, kind: .directRelaxable)]
    #expect(codes(SmallWorld(devices: [SmallWorld.Device()]).vm(), world).isEmpty)
    world.devices[0].reserved[0].kind = .reserved
    #expect(codes(SmallWorld(devices: [SmallWorld.Device()]).vm(), world) == ["VP2012"])
  }

  @Test func aRegionOfAnUnassignedMateCounts() {
    let world = SmallWorld(devices: [SmallWorld.Device(), SmallWorld.Device()])
    var vm = world.vm()
    vm.devices.removeLast()
    var host = world.host
    host.devices[1].reserved = [ReservedRegion(start: 0x1000, end: 0x1FFF, kind: .msi)]
    #expect(codes(vm, host) == ["VP2012"])
    host.devices[1].reserved = [ReservedRegion(start: 1 << 40, end: 1 << 41, kind: .direct)]
    #expect(codes(vm, host) == ["VP4007"])
    host.devices[1].reserved = []
    host.devices[1].driver = "nvme"
    #expect(codes(vm, host) == ["VP4005"])
  }

  @Test func unsafeInterruptsMayBeAllowed() {
    let world = SmallWorld(devices: [SmallWorld.Device()])
    var host = world.host
    for index in host.iommus.indices { host.iommus[index].isolatedMSI = false }
    #expect(codes(world.vm(), host) == ["VP4006"])
    host.kernel.allowUnsafeInterrupts = true
    #expect(codes(world.vm(), host).isEmpty)
  }

  @Test func memoryMayFillAnIOMMUOf64Bits() {
    let world = SmallWorld(devices: [SmallWorld.Device()])
    var vm = world.vm()
    vm.memory = [MemoryRegion(gpa: UInt64.max - 0xFFF, size: 0x1000)]
    var host = world.host
    #expect(codes(vm, host) == ["VP2013"])
    for index in host.iommus.indices { host.iommus[index].addressBits = 64 }
    #expect(codes(vm, host).isEmpty)
  }

  @Test func autoTargetIsIOMMUFDWhereTheHostHasIt() throws {
    let world = SmallWorld(devices: [SmallWorld.Device()])
    var host = world.host
    #expect(try target(world.vm(), host) == "iommufd")
    host.kernel.vfioCdev = false
    #expect(try target(world.vm(), host) == "type1")
  }

  private func target(_ vm: VMDescription, _ host: HostDescription) throws -> String {
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: host, target: "auto", into: &sink).plan.target
  }

  private func codes(_ vm: VMDescription, _ host: HostDescription) -> [String] {
    var sink = DiagnosticSink()
    _ = try? Compilation.compile(vm, on: host, target: "ioasid", into: &sink)
    return sink.diagnostics.map(\.code.name)
  }
}
