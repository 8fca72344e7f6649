import Parser
import Testing

@testable import Executor

/// The core rules of iommufd without devices: programs §T01 to §T24.
struct IOMMUFDConformanceTests {
  private let raw = RawKernel()
  private let fd: Int32
  private let va: UInt64
  private let fixed = RawKernel.fixed | RawKernel.readable | RawKernel.writeable
  private let readable = RawKernel.readable

  init() {
    fd = raw.file(.iommu)
    va = raw.memory()
  }

  /// §T01: A struct may be longer than the kernel's if the rest is zero.
  @Test func aStructMayBeLongerThanTheKernelsIfTheRestIsZero() {
    #expect(raw.ioasAlloc(fd, size: 8) == "EINVAL")
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.ioasAlloc(fd, size: 16, tail: [0, 0, 0, 0]) == "2")
    #expect(raw.ioasAlloc(fd, size: 16, tail: [0, 0, 0, 1]) == "E2BIG")
    #expect(raw.ioasAlloc(fd, size: 4096, tail: Array(repeating: 0, count: 4084)) == "3")
    #expect(raw.ioasAlloc(fd, flags: 1) == "EOPNOTSUPP")
    #expect(raw.ioasAlloc(fd) == "4")
  }

  /// §T02: The size is read before the command is looked at, and the whole command counts.
  @Test func theSizeIsReadBeforeTheCommandIsLookedAtAndTheWholeCommandCounts() {
    #expect(raw.call(fd, 0x3b80, .none) == "EFAULT")
    #expect(raw.call(fd, 0x3b7f, [(8, 4)]) == "ENOTTY")
    #expect(raw.call(fd, 0x3b96, [(8, 4)]) == "ENOTTY")
    #expect(raw.mapFile(fd, 0, flags: 0, from: 0, length: 0) == "EINVAL")
    #expect(raw.call(fd, 0xc008_3b81, [(12, 4), (0, 4), (0, 4)]) == "ENOTTY")
    let old = RawKernel(release: KernelVersion(6, 12))
    #expect(old.mapFile(old.file(.iommu), 0, flags: 0, from: 0, length: 0) == "ENOTTY")
  }

  /// §T03: Ids are the lowest free ones, for all kinds of objects.
  @Test func idsAreTheLowestFreeOnesForAllKindsOfObjects() {
    #expect((1...3).map { _ in raw.ioasAlloc(fd) } == ["1", "2", "3"])
    #expect(raw.destroy(fd, 1) == "0")
    #expect(raw.destroy(fd, 1) == "ENOENT")
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.destroy(fd, 0) == "ENOENT")
    #expect(raw.destroy(fd, 77) == "ENOENT")
  }

  /// §T05: The ranges of an address space, and how their array is sized.
  @Test func theRangesOfAnAddressSpaceAndHowTheirArrayIsSized() {
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.ranges(fd, 1, room: 0) == "EMSGSIZE num=1 align=1")
    #expect(raw.ranges(fd, 1, room: 1) == "0 num=1 align=1 0-ffffffffffffffff")
    #expect(raw.ranges(fd, 1, room: 4) == "0 num=1 align=1 0-ffffffffffffffff")
    #expect(raw.ranges(fd, 9, room: 0).hasPrefix("ENOENT"))
    #expect(raw.ranges(fd, 9, room: 0, reserved: 1).hasPrefix("EOPNOTSUPP"))
    #expect(raw.ranges(fd, 1, room: 1, null: true).hasPrefix("EFAULT"))
  }

  /// §T06: The allow list steers the automatic choice and nothing else.
  @Test func theAllowListSteersTheAutomaticChoiceAndNothingElse() {
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.allow(fd, 1, [(10, 9)]) == "EINVAL")
    #expect(raw.allow(fd, 1, [(10, 10)]) == "EINVAL")
    #expect(raw.allow(fd, 1, [(0x1000, 0x1fff), (0x1fff, 0x2fff)]) == "EINVAL")
    #expect(raw.allow(fd, 1, [(0x100_0000, 0x100_ffff)]) == "0")
    #expect(raw.map(fd, 1, flags: readable, va: 0x1000, length: 0x1000) == "\(0x100_0000)")
    #expect(raw.map(fd, 1, flags: readable, va: va, length: 0x20000) == "ENOSPC")
    #expect(raw.map(fd, 1, flags: 5, va: va, length: 0x1000, iova: 0x5000) == "\(0x5000)")
    #expect(raw.allow(fd, 1, []) == "0")
    #expect(raw.map(fd, 1, flags: readable, va: va, length: 0x20000) != "ENOSPC")
  }

  /// §T07: The checks of a map come in the kernel's order.
  @Test func theChecksOfAMapComeInTheKernelsOrder() {
    let u = RawKernel.u
    #expect(raw.map(fd, 9, flags: 8, va: va, length: 0x1000) == "EOPNOTSUPP")
    #expect(raw.map(fd, 9, flags: readable, va: va, length: 1, reserved: 1) == "EOPNOTSUPP")
    #expect(raw.map(fd, 9, flags: readable, va: va, length: 0x1000, iova: u) == "EOVERFLOW")
    #expect(raw.map(fd, 9, flags: readable, va: va, length: u) == "EOVERFLOW")
    #expect(raw.map(fd, 9, flags: 0, va: va, length: 0x1000) == "EINVAL")
    #expect(raw.map(fd, 9, flags: readable, va: va, length: 0) == "ENOENT")
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.map(fd, 1, flags: readable, va: va, length: 0) == "EINVAL")
    #expect(raw.map(fd, 1, flags: readable, va: u - 0xfff, length: 0x2000) == "EOVERFLOW")
  }

  /// §T08: Without a page table a map never looks at the memory.
  @Test func withoutAPageTableAMapNeverLooksAtTheMemory() {
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.map(fd, 1, flags: fixed, va: 0x1000, length: 0x1000, iova: 0x10000) == "65536")
    #expect(raw.ranges(fd, 1, room: 1) == "0 num=1 align=1 0-ffffffffffffffff")
    #expect(raw.map(fd, 1, flags: fixed, va: va + 1, length: 1, iova: 0x20001) == "131073")
    #expect(raw.destroy(fd, 1) == "0")
  }

  /// §T09: Fixed maps never overlap and never wrap.
  @Test func fixedMapsNeverOverlapAndNeverWrap() {
    #expect(raw.ioasAlloc(fd) == "1")
    let map = { (iova: UInt64, length: UInt64) in
      raw.map(fd, 1, flags: fixed, va: va, length: length, iova: iova)
    }
    #expect(map(0x10000, 0x2000) == "\(0x10000)")
    #expect(map(0x11000, 0x1000) == "EEXIST")
    #expect(map(0xf000, 0x1000) == "\(0xf000)")
    #expect(map(0x12000, 0x1000) == "\(0x12000)")
    #expect(map(RawKernel.u - 0xfff, 0x2000) == "EOVERFLOW")
  }

  /// §T10: Automatic addresses are the lowest that keep the alignment.
  @Test func automaticAddressesAreTheLowestThatKeepTheAlignment() {
    let base: UInt64 = 0x7f00_0000_0000
    #expect(raw.ioasAlloc(fd) == "1")
    let huge = raw.map(fd, 1, flags: readable, va: base, length: 0x20_0000)
    #expect(huge == "\(0x20_0000)")
    let page = raw.map(fd, 1, flags: readable, va: base + 0x1000, length: 0x1000)
    #expect(page == "\(0x1000)")
    let odd = raw.map(fd, 1, flags: readable, va: base + 0x123, length: 0x10)
    #expect(odd == "\(0x2123)")
  }

  /// §T11: An unmap takes whole mappings and tolerates holes.
  @Test func anUnmapTakesWholeMappingsAndToleratesHoles() {
    #expect(raw.ioasAlloc(fd) == "1")
    _ = raw.map(fd, 1, flags: fixed, va: va, length: 0x2000, iova: 0x10000)
    _ = raw.map(fd, 1, flags: fixed, va: va, length: 0x1000, iova: 0x13000)
    #expect(raw.unmap(fd, 1, iova: 0x10000, length: 0x1000) == "ENOENT")
    #expect(raw.unmap(fd, 1, iova: 0x11000, length: 0x1000) == "ENOENT")
    #expect(raw.unmap(fd, 1, iova: 0x10000, length: 0x4000) == "\(0x3000)")
    #expect(raw.unmap(fd, 1, iova: 0x10000, length: 0x4000) == "ENOENT")
    #expect(raw.unmap(fd, 1, iova: 0, length: RawKernel.u) == "0")
    #expect(raw.unmap(fd, 1, iova: 0x10000, length: 0) == "EINVAL")
    #expect(raw.unmap(fd, 1, iova: 0x1000, length: RawKernel.u) == "EOVERFLOW")
    #expect(raw.unmap(fd, 1, iova: RawKernel.u - 1, length: 3) == "EOVERFLOW")
  }

  /// §T12: An unmap that fails half way has taken the first half.
  @Test func anUnmapThatFailsHalfWayHasTakenTheFirstHalf() {
    #expect(raw.ioasAlloc(fd) == "1")
    _ = raw.map(fd, 1, flags: fixed, va: va, length: 0x1000, iova: 0x10000)
    _ = raw.map(fd, 1, flags: fixed, va: va, length: 0x2000, iova: 0x11000)
    #expect(raw.unmap(fd, 1, iova: 0x10000, length: 0x2000) == "ENOENT")
    #expect(raw.map(fd, 1, flags: fixed, va: va, length: 0x1000, iova: 0x10000) == "65536")
    #expect(raw.map(fd, 1, flags: fixed, va: va, length: 0x1000, iova: 0x11000) == "EEXIST")
  }

  /// §T13: Copies may start and end inside mappings, never in a hole.
  @Test func copiesMayStartAndEndInsideMappingsNeverInAHole() {
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.ioasAlloc(fd) == "2")
    _ = raw.map(fd, 1, flags: fixed, va: va, length: 0x4000, iova: 0x10000)
    let copy = { (source: UInt64, length: UInt64, destination: UInt64) in
      raw.copy(fd, from: 1, at: source, length: length, to: 2, at: destination, flags: fixed)
    }
    #expect(copy(0x11000, 0x2000, 0x50000) == "\(0x50000)")
    #expect(raw.unmap(fd, 2, iova: 0x50000, length: 0x2000) == "\(0x2000)")
    _ = raw.map(fd, 1, flags: fixed, va: va, length: 0x1000, iova: 0x14000)
    #expect(copy(0x13000, 0x2000, 0x60000) == "\(0x60000)")
    #expect(raw.unmap(fd, 2, iova: 0x60000, length: 0x1000) == "\(0x1000)")
    #expect(copy(0x14000, 0x2000, 0x70000) == "ENOENT")
    #expect(copy(0xf000, 0x2000, 0x70000) == "ENOENT")
    #expect(copy(0x10000, 0, 0x70000) == "EINVAL")
  }

  /// §T14, §T15: A copy cannot write what was mapped for reading; the order of its checks.
  @Test func aCopyCannotWriteWhatWasMappedForReadingTheOrderOfItsChecks() {
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.ioasAlloc(fd) == "2")
    _ = raw.map(fd, 1, flags: 5, va: va, length: 0x1000, iova: 0x10000)
    let copy = { (from: UInt64, to: UInt64, iova: UInt64, flags: UInt64) in
      raw.copy(fd, from: from, at: 0x10000, length: 0x1000, to: to, at: iova, flags: flags)
    }
    #expect(copy(1, 2, 0x50000, 5) == "\(0x50000)")
    #expect(copy(1, 2, 0x60000, 7) == "EPERM")
    #expect(copy(9, 9, 0x60000, 5) == "ENOENT")
    #expect(copy(1, 2, 0x50000, 5) == "EEXIST")
    #expect(copy(1, 1, 0x80000, 5) == "\(0x80000)")
    #expect(raw.unmap(fd, 1, iova: 0, length: RawKernel.u) == "\(0x2000)")
    #expect(raw.map(fd, 2, flags: 5, va: va, length: 0x1000, iova: 0x50000) == "EEXIST")
    #expect(copy(1, 2, RawKernel.u, 4) == "EOVERFLOW")
    #expect(copy(1, 2, 0, 0) == "EINVAL")
    #expect(copy(1, 2, 0, 8) == "EOPNOTSUPP")
  }

  /// §T16: The accounting mode can be set only while there is no object.
  @Test func theAccountingModeCanBeSetOnlyWhileThereIsNoObject() {
    #expect(raw.option(fd, 0, op: 1, value: 7) == "0")
    #expect(raw.option(fd, 0, op: 0, value: 7) == "EINVAL")
    #expect(raw.option(fd, 0, op: 0, value: 1) == "1")
    #expect(raw.option(fd, 0, op: 1) == "1")
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.option(fd, 0, op: 0, value: 7) == "EBUSY")
    #expect(raw.option(fd, 0, op: 0, value: 0) == "EBUSY")
    #expect(raw.destroy(fd, 1) == "0")
    #expect(raw.option(fd, 0, op: 0, value: 0) == "0")
    #expect(raw.option(fd, 0, op: 1, object: 1) == "EOPNOTSUPP")
    #expect(raw.option(fd, 0, op: 9) == "EOPNOTSUPP")
  }

  /// §T17: Huge pages are an option of an address space.
  @Test func hugePagesAreAnOptionOfAnAddressSpace() {
    #expect(raw.option(fd, 1, op: 1, object: 9) == "ENOENT")
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.option(fd, 1, op: 1, object: 1) == "1")
    #expect(raw.option(fd, 1, op: 0, object: 1, value: 2) == "EINVAL")
    #expect(raw.option(fd, 1, op: 0, object: 1, value: 0) == "0")
    #expect(raw.option(fd, 1, op: 1, object: 1, value: 9) == "0")
    #expect(raw.option(fd, 1, op: 0, object: 1, value: 1) == "1")
    #expect(raw.option(fd, 5, op: 1, object: 9) == "EOPNOTSUPP")
  }

  /// §T18: The address space behind the container's requests is a pointer, not a user.
  @Test func theAddressSpaceBehindTheContainersRequestsIsAPointerNotAUser() {
    let pointer = { (op: UInt64, id: UInt64, reserved: UInt64) in
      raw.call(fd, 0x3b88, [(12, 4), (id, 4), (op, 2), (reserved, 2)]) { bytes, _ in
        UInt64(bytes.u32(4))
      }
    }
    #expect(pointer(0, 0, 0) == "ENODEV")
    #expect(pointer(1, 9, 0) == "ENOENT")
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(pointer(1, 1, 0) == "1")
    #expect(pointer(0, 0, 0) == "1")
    #expect(raw.destroy(fd, 1) == "0")
    #expect(pointer(0, 0, 0) == "ENODEV")
    #expect(pointer(2, 0, 0) == "0")
    #expect(pointer(3, 0, 0) == "EOPNOTSUPP")
    #expect(pointer(0, 0, 1) == "EOPNOTSUPP")
  }

  /// §T19: The container's requests work on /dev/iommu, with iommufd's rules.
  @Test func theContainersRequestsWorkOnAnIommufdWithItsRules() {
    #expect(raw.call(fd, 0x3b64, .none) == "0")
    #expect(raw.checkExtension(fd, 3) == "1")
    #expect(raw.checkExtension(fd, 4) == "ENODEV")
    #expect(raw.type1Map(fd, va: va, iova: 0, size: 0x1000) == "ENODEV")
    #expect(raw.call(fd, 0x3b70, [(16, 4), (0, 4), (0, 8)]) == "ENODEV")
    #expect(raw.ioasAlloc(fd) == "1")
    raw.call(fd, 0x3b88, [(12, 4), (1, 4), (1, 2), (0, 2)])
    #expect(raw.checkExtension(fd, 4) == "1")
    #expect(raw.type1Map(fd, va: va, iova: 0x10000, size: 0x2000) == "0")
    #expect(raw.type1Map(fd, va: va, iova: 0x10000, size: 0x2000) == "EEXIST")
    #expect(raw.type1Map(fd, va: va, iova: 0x20000, size: 0x1000, flags: 0) == "0")
    #expect(raw.type1Map(fd, va: va, iova: 0x30000, size: 0x1000, flags: 4) == "EINVAL")
    #expect(raw.type1Unmap(fd, iova: 0x10000, size: 0x1000) == "ENOENT")
    #expect(raw.type1Unmap(fd, iova: 0x90000, size: 0x1000) == "0")
    #expect(raw.type1Unmap(fd, iova: 0, size: 1, flags: 2) == "EINVAL")
    #expect(raw.setIOMMU(fd, 1) == "0")
    #expect(raw.call(fd, 0x3b75, [(8, 4), (0, 4)]) == "ENOTTY")
  }

  /// §T23: A page table needs a bound device.
  @Test func aPageTableNeedsABoundDevice() {
    #expect(raw.ioasAlloc(fd) == "1")
    #expect(raw.hwptAlloc(fd, device: 1, parent: 1, size: 20) == "EINVAL")
    #expect(raw.hwptAlloc(fd, device: 1, parent: 1, reserved: 1) == "EOPNOTSUPP")
    #expect(raw.hwptAlloc(fd, device: 1, parent: 1, dataLength: 4) == "EINVAL")
    #expect(raw.hwptAlloc(fd, device: 1, parent: 1, dataType: 1) == "EINVAL")
    #expect(raw.hwptAlloc(fd, device: 1, parent: 1) == "ENOENT")
  }

  /// §T24: Files are mapped by descriptor number, since 6.13.
  @Test func filesAreMappedByDescriptorNumber() {
    let memory = raw.devNull()
    #expect(raw.ioasAlloc(fd) == "1")
    let map = { (file: Int32, start: UInt64, length: UInt64) in
      raw.mapFile(fd, 1, flags: fixed, from: file, start: start, length: length, iova: 0x10000)
    }
    #expect(map(memory, 0, 0x1000) == "\(0x10000)")
    #expect(map(999, 0, 0x1000) == "EBADF")
    #expect(map(-1, 0, 0x1000) == "EBADF")
    #expect(map(memory, 0, 0) == "EINVAL")
    #expect(map(memory, RawKernel.u, 2) == "EOVERFLOW")
  }
}
