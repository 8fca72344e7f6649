import Parser
import Testing

@testable import Executor

/// What the RFCs add to the mail, and what we fixed where they are silent.
struct IOASIDProposalTests {
  private let raw = RawKernel(LabHost.mail)
  private let ioasidFD: Int32

  init() { ioasidFD = raw.file(.ioasid) }

  @Test func aFreshIOASIDAcceptsNoCommandUntilADeviceIsAttached() {
    let va = raw.memory()
    #expect(raw.allocate(ioasidFD, enforce: false) == "1")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0, size: 0x1000) == "EINVAL")
    #expect(raw.attachIOASID(raw.bound(LabHost.c1, ioasidFD), 1) == "0")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0, size: 0x1000) == "0")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0, size: 0x1000) == "EEXIST")
    #expect(raw.mapIOASID(ioasidFD, 1, va: 0, iova: 0x1000, size: 0x1000) == "EFAULT")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0xfee0_0000, size: 0x1000) == "EINVAL")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 1 << 39, size: 0x1000) == "EINVAL")
    #expect(raw.unmapIOASID(ioasidFD, 1, iova: 0, size: 0x2000) == "\(0x1000)")
  }

  @Test func theDevicesOfAGroupMustAllBeOnOneIOASIDBeforeItAcceptsCommands() {
    let raw = RawKernel(LabHost.mates("vfio-pci"))
    let ioasidFD = raw.file(.ioasid)
    let va = raw.memory()
    let (a, b) = (raw.bound(LabHost.c1, ioasidFD), raw.bound(LabHost.c2, ioasidFD))
    #expect(
      [raw.allocate(ioasidFD, enforce: true), raw.allocate(ioasidFD, enforce: true)]
        == ["1", "2"])
    #expect(raw.attachIOASID(a, 1) == "0")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0, size: 0x1000) == "EINVAL")
    #expect(raw.attachIOASID(b, 2) == "EINVAL")
    #expect(raw.attachIOASID(b, 1) == "0")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0, size: 0x1000) == "0")
    #expect(raw.close(b) == "0")
    #expect(raw.mapIOASID(ioasidFD, 1, va: va, iova: 0x1000, size: 0x1000) == "0")
  }

  /// An IOASID is freed only without devices; closing a device file detaches and unbinds.
  @Test func anIOASIDIsFreedOnlyWithoutDevicesClosingADeviceFileDetachesAndUnbinds() {
    let device = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.attachIOASID(device, 1) == "0")
    #expect(raw.free(ioasidFD, 1) == "EBUSY")
    #expect(raw.unbindIOASID(device, ioasidFD) == "EBUSY")
    #expect(raw.close(device) == "0")
    #expect(raw.free(ioasidFD, 1) == "0")
    #expect(raw.free(ioasidFD, 1) == "ENOENT")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c1)), ioasidFD) == "1")
  }

  @Test func anAttachIsRefusedWhenAReservedRegionOfTheDeviceIsMapped() {
    #expect(raw.attachIOASID(raw.bound(LabHost.incapable, ioasidFD), 1) == "ENOENT")
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    let first = raw.bound(LabHost.c2, ioasidFD)
    #expect(raw.attachIOASID(first, 1) == "0")
    #expect(
      raw.mapIOASID(ioasidFD, 1, va: raw.memory(), iova: 0x8000_0000, size: 0x1000) == "0")
    #expect(raw.attachIOASID(raw.bound(LabHost.c1, ioasidFD), 1) == "EADDRINUSE")
  }
}
