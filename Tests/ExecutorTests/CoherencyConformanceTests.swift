import Parser
import Testing

@testable import Executor

/// Who gets which page table, by order of attaching: programs §T100 to §T111.
struct CoherencyConformanceTests {
  private let raw: RawKernel
  private let iommufd: Int32
  private let ioas: UInt64 = 5
  private let c1: Int32
  private let c2: Int32
  private let n1: Int32
  private let n2: Int32

  init() { self.init(usesIntelFirstStage: false) }

  private init(usesIntelFirstStage: Bool) {
    raw = RawKernel(LabHost.mixed(), usesIntelFirstStage: usesIntelFirstStage)
    iommufd = raw.file(.iommu)
    c1 = raw.file(.vfioDevice(LabHost.c1))
    c2 = raw.file(.vfioDevice(LabHost.c2))
    n1 = raw.file(.vfioDevice(LabHost.n1))
    n2 = raw.file(.vfioDevice(LabHost.n2))
    for (index, file) in [c1, c2, n1, n2].enumerated() {
      precondition(raw.bind(file, iommufd) == "\(index + 1)")
    }
    precondition(raw.ioasAlloc(iommufd) == "5")
  }

  /// Tables as `enforced: devices`, with buses for devices.
  private var tables: [String] {
    raw.kernel.state().pageTables.map { table in
      "\(table.enforcesSnoop): " + table.devices.map { "\($0.bus)" }.joined(separator: " ")
    }
  }

  /// §T100: CC, then non-CC: two tables, the first one enforced.
  @Test func ccThenNonCCTwoTablesTheFirstOneEnforced() {
    #expect([raw.attach(c1, ioas), raw.attach(n1, ioas)] == ["6", "7"])
    #expect(tables == ["true: 1", "false: 3"])
  }

  /// §T101: Non-CC, then CC: one table, nothing is enforced.
  @Test func nonCCThenCCOneTableNothingIsEnforced() {
    #expect([raw.attach(n1, ioas), raw.attach(c1, ioas)] == ["6", "6"])
    #expect(tables == ["false: 1 3"])
  }

  /// §T102: Alternating: each joins the first table that takes it.
  @Test func alternatingEachJoinsTheFirstTableThatTakesIt() {
    let answers = [c1, n1, c2, n2].map { raw.attach($0, ioas) }
    #expect(answers == ["6", "7", "6", "7"])
  }

  /// §T103: A table's format never changes, even when the device that made it has left.
  @Test func aTablesFormatNeverChangesEvenWhenTheDeviceThatMadeItHasLeft() {
    #expect([raw.attach(n1, ioas), raw.attach(c1, ioas)] == ["6", "6"])
    #expect(raw.detach(n1) == "0")
    #expect(raw.attach(c1, ioas) == "6")
    #expect(tables == ["false: 1"])
    #expect(raw.detach(c1) == "0")
    #expect(raw.attach(c1, ioas) == "6")
    #expect(tables == ["true: 1"])
  }

  /// §T104: Leaving and coming back can lose enforcement.
  @Test func leavingAndComingBackCanLoseEnforcement() {
    #expect([raw.attach(c1, ioas), raw.attach(n1, ioas)] == ["6", "7"])
    #expect(raw.detach(c1) == "0")
    #expect(raw.attach(c1, ioas) == "7")
  }

  /// §T105: An explicit enforced table refuses a device that cannot be enforced.
  @Test func anExplicitEnforcedTableRefusesADeviceThatCannotBeEnforced() {
    #expect(raw.hwptAlloc(iommufd, device: 1, parent: ioas) == "6")
    #expect(raw.attach(n1, 6) == "EINVAL")
    #expect(raw.attach(c1, 6) == "6")
    #expect(raw.attach(n1, ioas) == "7")
    #expect(raw.attach(c2, ioas) == "7")
    #expect(tables == ["true: 1", "false: 2 3"])
  }

  /// §T106: KVM looks at capabilities only: a mismatch from the start, accepted and found.
  @Test func mismatchFromTheStart() {
    let (_, vfio) = raw.virtualMachine()
    #expect(raw.hwptAlloc(iommufd, device: 3, parent: ioas) == "6")
    #expect(raw.attach(c1, 6) == "6")
    #expect(raw.kvmFile(vfio, 1, c1) == "0")
    var state = raw.kernel.state()
    #expect(!state.vms[0].allowsIncoherentDMA)
    #expect(CoherencyCheck.mismatches(in: state) == [.staleData(LabHost.c1)])
    state.vms = []
    #expect(CoherencyCheck.mismatches(in: state) == [.staleData(LabHost.c1)], "nobody told KVM")
    state.hasKVM = false
    #expect(CoherencyCheck.mismatches(in: state).isEmpty)
  }

  /// §T107: Intel's first stage of 7.3 does not look: one table that claims to enforce.
  @Test func intelsFirstStageDoesNotLookOneTableThatClaimsToEnforce() {
    let first = CoherencyConformanceTests(usesIntelFirstStage: true)
    #expect(first.raw.attach(first.c1, first.ioas) == "6")
    #expect(first.raw.attach(first.n1, first.ioas) == "6")
    #expect(first.tables == ["true: 1 3"])
    let devices = first.raw.kernel.state().devices
    #expect(devices.map(\.isEffective) == [false, true])
    let dirty = first.raw.hwptAlloc(first.iommufd, device: 2, parent: first.ioas, flags: 2)
    #expect(dirty == "EOPNOTSUPP", "a second stage, which tracks, is not simulated beside it")
  }

  /// §T108: The compatible container speaks for every table, attached or not.
  @Test func theCompatibleContainerSpeaksForEveryTableAttachedOrNot() {
    raw.call(iommufd, 0x3b88, [(12, 4), (ioas, 4), (1, 2), (0, 2)])
    #expect(raw.attach(c1, ioas) == "6")
    #expect(raw.checkExtension(iommufd, 4) == "1")
    #expect(raw.hwptAlloc(iommufd, device: 3, parent: ioas) == "7")
    #expect(raw.checkExtension(iommufd, 4) == "0")
  }

  /// §T110: The last non-CC file leaves KVM while a CC device is on its table.
  @Test func theLastNonCCFileLeavesKVMWhileACCDeviceIsOnItsTable() {
    let (_, vfio) = raw.virtualMachine()
    #expect([raw.kvmFile(vfio, 1, c1), raw.kvmFile(vfio, 1, n1)] == ["0", "0"])
    #expect([raw.attach(n1, ioas), raw.attach(c1, ioas)] == ["6", "6"])
    #expect(CoherencyCheck.mismatches(in: raw.kernel.state()).isEmpty)
    #expect(raw.detach(n1) == "0")
    #expect(raw.kvmFile(vfio, 2, n1) == "0")
    #expect(CoherencyCheck.mismatches(in: raw.kernel.state()) == [.staleData(LabHost.c1)])
  }

  /// §T111: Replacing by address space can lose enforcement without a word.
  @Test func replacingByAddressSpaceCanLoseEnforcementWithoutAWord() {
    #expect(raw.attach(n1, ioas) == "6")
    #expect(raw.hwptAlloc(iommufd, device: 1, parent: ioas) == "7")
    #expect(raw.attach(c1, 7) == "7")
    #expect(raw.attach(c1, ioas) == "6")
    #expect(tables == ["false: 1 3", "true: "])
  }

  /// A virtio-iommu's own table takes no address before 6.16, an automatic one does.
  @Test(arguments: [(KernelVersion(6, 12), "EINVAL"), (KernelVersion(6, 16), "0")])
  func aVirtioIOMMUsOwnTableOnceTookNoAddressAnAutomaticOneDoes(
    release: KernelVersion, expected: String
  ) {
    let raw = RawKernel(LabHost.virtio(), release: release)
    let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(LabHost.c1)))
    #expect([raw.bind(device, iommufd), raw.ioasAlloc(iommufd)] == ["1", "2"])
    let map = {
      raw.map(
        iommufd, 2, flags: RawKernel.fixed | RawKernel.readable, va: raw.memory(), length: 0x1000)
    }
    #expect([raw.hwptAlloc(iommufd, device: 1, parent: 2), raw.attach(device, 3)] == ["3", "3"])
    #expect(map() == expected)
    #expect([raw.detach(device), raw.destroy(iommufd, 3)] == ["0", "0"])
    if expected == "0" { #expect(raw.unmap(iommufd, 2, iova: 0, length: .max) == "4096") }
    #expect([raw.attach(device, 2), map()] == ["3", "0"])
  }
}
