import Parser
import Testing

@testable import Executor

/// VFIO devices under iommufd: programs §T60 to §T73.
struct VFIOConformanceTests {
  private let raw = RawKernel(LabHost.mixed())
  private let iommufd: Int32
  private let device: Int32

  init() {
    iommufd = raw.file(.iommu)
    device = raw.file(.vfioDevice(LabHost.c1))
  }

  /// §T60: Nothing but a bind is answered before the bind.
  @Test func nothingButABindIsAnsweredBeforeTheBind() {
    #expect(raw.call(device, 0x3b6b, [(24, 4)]) == "EINVAL")
    #expect(raw.call(device, 0x3bff, [(24, 4)]) == "EINVAL")
    #expect(raw.attach(device, 1) == "EINVAL")
    #expect(raw.detach(device) == "EINVAL")
  }

  /// §T61: The arguments of a bind, in the kernel's order.
  @Test func theArgumentsOfABindInTheKernelsOrder() {
    #expect(raw.call(device, 0x3b76, .none) == "EFAULT")
    #expect(raw.bind(device, iommufd, argsz: 12) == "EINVAL")
    #expect(raw.bind(device, -1) == "EINVAL")
    #expect(raw.bind(device, iommufd, flags: 2) == "EINVAL")
    let tail: [UInt64] = Array(repeating: 0, count: 15) + [1]
    #expect(raw.bind(device, iommufd, argsz: 32, tail: tail) == "E2BIG")
    #expect(raw.bind(device, 999) == "EBADF")
    #expect(raw.bind(device, raw.devNull()) == "EBADFD")
    #expect(raw.bind(device, iommufd, flags: 1) == "EFAULT")
    #expect(raw.bind(device, iommufd) == "1")
    let old = RawKernel(LabHost.mixed(), release: KernelVersion(6, 12))
    let (context, file) = (old.file(.iommu), old.file(.vfioDevice(LabHost.c1)))
    #expect(old.bind(file, context, flags: 1) == "EINVAL")
    #expect(old.bind(file, context, argsz: 32, tail: tail) == "1")
  }

  /// §T62: A device is bound through one file at a time.
  @Test func aDeviceIsBoundThroughOneFileAtATime() throws {
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.bind(device, iommufd) == "EINVAL")
    let second = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.bind(second, iommufd) == "EINVAL")
    #expect(raw.detach(second) == "EINVAL")
    let copy = try raw.kernel.duplicate(device)
    #expect(raw.detach(copy) == "0")
    #expect(raw.close(device) == "0")
    #expect(raw.bind(second, iommufd) == "EINVAL")
    #expect(raw.close(copy) == "0")
    #expect(raw.bind(second, iommufd) == "1")
  }

  /// §T63: The group file and bound devices exclude each other.
  @Test func theGroupFileAndBoundDevicesExcludeEachOther() {
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.open(.vfioGroup(1)).errno == "EBUSY")
    raw.close(device)
    let group = raw.file(.vfioGroup(1))
    let other = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.bind(other, iommufd) == "EBUSY")
    #expect(raw.open(.vfioGroup(1)).errno == "EBUSY")
    raw.close(group)
    #expect(raw.bind(other, iommufd) == "1")
  }

  /// §T64: Attach and detach: kinds of ids, sizes, flags.
  @Test func attachAndDetachKindsOfIdsSizesFlags() {
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    #expect(raw.attach(device, 999) == "ENOENT")
    #expect(raw.attach(device, 1) == "EINVAL")
    #expect(raw.attach(device, 2, argsz: 8) == "EINVAL")
    #expect(raw.attach(device, 2, flags: 2) == "EINVAL")
    #expect(raw.attach(device, 2, flags: 1) == "EINVAL")
    #expect(raw.attach(device, 2) == "3")
    #expect(raw.destroy(iommufd, 2) == "EBUSY")
    #expect(raw.destroy(iommufd, 3) == "EBUSY")
    #expect(raw.destroy(iommufd, 1) == "EBUSY")
    #expect(raw.detach(device) == "0")
    #expect(raw.detach(device) == "0")
    #expect(raw.destroy(iommufd, 3) == "ENOENT")
    #expect(raw.destroy(iommufd, 2) == "0")
  }

  /// §T65: Attaching again replaces; the same table again changes nothing.
  @Test func attachingAgainReplacesTheSameTableAgainChangesNothing() {
    #expect(raw.bind(device, iommufd) == "1")
    #expect([raw.ioasAlloc(iommufd), raw.ioasAlloc(iommufd)] == ["2", "3"])
    #expect(raw.attach(device, 2) == "4")
    #expect(raw.attach(device, 2) == "4")
    #expect(raw.attach(device, 4) == "4")
    #expect(raw.attach(device, 3) == "5")
    #expect(raw.destroy(iommufd, 2) == "0")
    #expect(raw.destroy(iommufd, 4) == "ENOENT")
  }

  /// §T66: The interrupt window is reserved from the attach on, the aperture from the table on.
  @Test func theInterruptWindowIsReservedFromTheAttachOnTheApertureFromTheTableOn() {
    let va = raw.memory()
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    let map = { raw.map(iommufd, 2, flags: 7, va: va, length: 0x1000, iova: 0xfee0_0000) }
    #expect(map() == "\(0xfee0_0000)")
    #expect(raw.hwptAlloc(iommufd, device: 1, parent: 2) == "3")
    #expect(raw.attach(device, 3) == "EADDRINUSE")
    #expect(raw.attach(device, 2) == "EADDRINUSE")
    #expect(raw.unmap(iommufd, 2, iova: 0xfee0_0000, length: 0x1000) == "\(0x1000)")
    #expect(raw.attach(device, 3) == "3")
    #expect(map() == "EINVAL")
    #expect(
      raw.ranges(iommufd, 2, room: 4) == "0 num=2 align=4096 0-fedfffff fef00000-7fffffffff")
    #expect(raw.detach(device) == "0")
    #expect(raw.ranges(iommufd, 2, room: 4) == "0 num=1 align=4096 0-7fffffffff")
  }

  /// §T35, §T36: What is mapped already must fit the first page table.
  @Test func whatIsMappedAlreadyMustFitTheFirstPageTable() {
    let va = raw.memory()
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    _ = raw.map(iommufd, 2, flags: 7, va: va, length: 0x1000, iova: 1 << 40)
    #expect(raw.attach(device, 2) == "EADDRINUSE")
    #expect(raw.hwptAlloc(iommufd, device: 1, parent: 2) == "EADDRINUSE")
    _ = raw.unmap(iommufd, 2, iova: 0, length: RawKernel.u)
    _ = raw.map(iommufd, 2, flags: 7, va: va + 1, length: 1, iova: 0x10001)
    #expect(raw.attach(device, 2) == "EADDRINUSE")
    _ = raw.unmap(iommufd, 2, iova: 0, length: RawKernel.u)
    #expect(raw.attach(device, 2) == "3")
  }

  /// §T67: A lazy map's error surfaces at the attach, which leaves nothing.
  @Test func aLazyMapsErrorSurfacesAtTheAttachWhichLeavesNothing() {
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    _ = raw.map(iommufd, 2, flags: 7, va: 0x1000, length: 0x1000, iova: 0x10000)
    #expect(raw.attach(device, 2) == "EFAULT")
    #expect(raw.detach(device) == "0")
    #expect(raw.ioasAlloc(iommufd) == "3")
    _ = raw.unmap(iommufd, 2, iova: 0x10000, length: 0x1000)
    #expect(raw.attach(device, 2) == "4")
    #expect(
      raw.map(iommufd, 2, flags: 7, va: 0x1000, length: 0x1000, iova: 0x10000) == "EFAULT")
    #expect(raw.map(iommufd, 2, flags: 7, va: 0, length: 0x801, iova: 0x10000) == "EINVAL")
  }

  /// §T69: A bound device keeps its iommufd; what is in it outlives the device.
  @Test func aBoundDeviceKeepsItsIommufdWhatIsInItOutlivesTheDevice() {
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    #expect(raw.attach(device, 2) == "3")
    #expect(raw.close(iommufd) == "0")
    #expect(raw.detach(device) == "0")
    #expect(raw.attach(device, 2) == "3")
    #expect(raw.close(device) == "0")
    #expect(raw.kernel.state().isPristine)

    let second = RawKernel(LabHost.mixed())
    let (context, file) = (second.file(.iommu), second.file(.vfioDevice(LabHost.c1)))
    #expect(second.bind(file, context) == "1")
    #expect(second.ioasAlloc(context) == "2")
    #expect(second.hwptAlloc(context, device: 1, parent: 2) == "3")
    #expect(second.attach(file, 3) == "3")
    #expect(second.close(file) == "0")
    #expect(second.hwptAlloc(context, device: 1, parent: 2) == "ENOENT")
    #expect(second.destroy(context, 3) == "0")
    #expect(second.destroy(context, 2) == "0")
  }

  /// §T71: Mates have one owner and one page table, and move together.
  @Test func matesHaveOneOwnerAndOnePageTableAndMoveTogether() {
    let host = RawKernel(LabHost.mates("nvme"))
    #expect(host.bind(host.file(.vfioDevice(LabHost.c1)), host.file(.iommu)) == "EPERM")

    let raw = RawKernel(LabHost.mates("vfio-pci"))
    let (one, two) = (raw.file(.iommu), raw.file(.iommu))
    let a = raw.file(.vfioDevice(LabHost.c1))
    let b = raw.file(.vfioDevice(LabHost.c2))
    #expect(raw.bind(a, one) == "1")
    #expect(raw.bind(b, two) == "EPERM")
    #expect(raw.bind(b, one) == "2")
    #expect([raw.ioasAlloc(one), raw.ioasAlloc(one)] == ["3", "4"])
    #expect(raw.attach(a, 3) == "5")
    #expect(raw.attach(b, 4) == "EINVAL")
    #expect(raw.attach(b, 3) == "5")
    #expect(raw.attach(a, 4) == "6")
    #expect(raw.destroy(one, 3) == "0")
    #expect(raw.attach(b, 6) == "6")
    #expect(raw.detach(a) == "0")
    #expect(raw.destroy(one, 6) == "EBUSY")
    #expect(raw.detach(b) == "0")
    #expect(raw.destroy(one, 6) == "ENOENT")
  }

  /// §T72: A mate on an explicit table cannot be followed by address space.
  @Test func aMateOnAnExplicitTableCannotBeFollowedByAddressSpace() {
    let raw = RawKernel(LabHost.mates("vfio-pci"))
    let context = raw.file(.iommu)
    let a = raw.file(.vfioDevice(LabHost.c1))
    let b = raw.file(.vfioDevice(LabHost.c2))
    #expect([raw.bind(a, context), raw.bind(b, context)] == ["1", "2"])
    #expect(raw.ioasAlloc(context) == "3")
    #expect(raw.hwptAlloc(context, device: 1, parent: 3) == "4")
    #expect(raw.attach(a, 4) == "4")
    #expect(raw.attach(b, 3) == "EINVAL")
    #expect(raw.attach(b, 4) == "4")
  }

  /// §T73: Without isolated interrupts a bind needs the administrator's word.
  @Test func withoutIsolatedInterruptsABindNeedsTheAdministratorsWord() {
    var host = LabHost.mixed(isolatedMSI: false)
    let strict = RawKernel(host)
    #expect(strict.bind(strict.file(.vfioDevice(LabHost.c1)), strict.file(.iommu)) == "EPERM")
    host.kernel.allowUnsafeInterrupts = true
    let lax = RawKernel(host)
    #expect(lax.bind(lax.file(.vfioDevice(LabHost.c1)), lax.file(.iommu)) == "1")
  }

  @Test func aDeviceThatIsNotOnVfioPciHasNoNodeAndAFirmwareMappingForbidsTheBind() {
    var host = LabHost.mixed(driver: "nvme")
    let raw = RawKernel(host)
    #expect(raw.open(.vfioDevice(LabHost.c1)).errno == "ENOENT")
    #expect(raw.open(.vfioGroup(1)).errno == "ENOENT")
    host = LabHost.mixed()
    host.devices[0].reserved.append(ReservedRegion(start: 0, end: 0xfff, kind: .direct))
    let firmware = RawKernel(host)
    #expect(
      firmware.bind(firmware.file(.vfioDevice(LabHost.c1)), firmware.file(.iommu)) == "EINVAL")
  }
}
