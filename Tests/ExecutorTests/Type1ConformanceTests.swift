import Parser
import Testing

@testable import Executor

/// Groups, containers and type1: programs §T80 to §T86.
struct Type1ConformanceTests {
  private let raw = RawKernel(LabHost.mixed())
  private let container: Int32
  private let group: Int32

  init() {
    container = raw.file(.vfioContainer)
    group = raw.file(.vfioGroup(1))
  }

  /// A container with one group and its driver.
  private func driven(_ type: UInt64 = 3) {
    #expect(raw.setContainer(group, container) == "0")
    #expect(raw.setIOMMU(container, type) == "0")
  }

  /// §T80: A container without a driver answers questions only.
  @Test func aContainerWithoutADriverAnswersQuestionsOnly() {
    #expect(raw.checkExtension(container, 3) == "1")
    #expect(raw.checkExtension(container, 4) == "0")
    #expect(raw.setIOMMU(container) == "EINVAL")
    #expect(raw.type1Map(container, va: 0, iova: 0, size: 0x1000) == "EINVAL")
    #expect(raw.call(container, 0x3b64, .none) == "0")
  }

  /// §T81: The life of a group.
  @Test func theLifeOfAGroup() {
    #expect(raw.groupStatus(group) == "1")
    #expect(raw.groupStatus(group, argsz: 4) == "EINVAL")
    #expect(raw.deviceFD(group, "0000:01:00.0").answer == "EINVAL")
    #expect(raw.setContainer(group, 999) == "EBADF")
    #expect(raw.setContainer(group, raw.devNull()) == "EBADFD")
    #expect(raw.setContainer(group, container) == "0")
    #expect(raw.setContainer(group, container) == "EINVAL")
    #expect(raw.deviceFD(group, "0000:01:00.0").answer == "EINVAL")
    #expect(raw.setIOMMU(container) == "0")
    #expect(raw.setIOMMU(container) == "EINVAL")
    #expect(raw.groupStatus(group) == "3")
    #expect(raw.deviceFD(group, "bad").answer == "ENODEV")
    #expect(raw.deviceFD(group, "0000:02:00.0").answer == "ENODEV")
    let one = raw.deviceFD(group, "0000:01:00.0")
    let two = raw.deviceFD(group, "0000:01:00.0")
    #expect([one.answer, two.answer] == ["0", "0"])
    #expect(one.file != two.file)
    #expect(raw.unsetContainer(group) == "EBUSY")
    #expect(raw.bind(one.file, raw.file(.iommu)) == "EINVAL")
    #expect(raw.attach(one.file, 1) == "ENOTTY")
    #expect([raw.close(one.file), raw.close(two.file)] == ["0", "0"])
    #expect(raw.unsetContainer(group) == "0")
    #expect(raw.unsetContainer(group) == "EINVAL")
  }

  /// §T82: A group with a host driver in it is not viable.
  @Test func aGroupWithAHostDriverInItIsNotViable() {
    let raw = RawKernel(LabHost.mates("nvme"))
    let group = raw.file(.vfioGroup(7))
    #expect(raw.groupStatus(group) == "0")
    #expect(raw.setContainer(group, raw.file(.vfioContainer)) == "EPERM")
  }

  /// §T83: Maps and unmaps of version 2: whole mappings, all or nothing.
  @Test func mapsAndUnmapsOfVersion2WholeMappingsAllOrNothing() {
    driven()
    let va = raw.memory()
    let map = { (iova: UInt64, size: UInt64) in
      raw.type1Map(container, va: va, iova: iova, size: size)
    }
    #expect(raw.type1Map(container, va: va, iova: 0, size: 0x1000, argsz: 16) == "EINVAL")
    #expect(map(0, 0) == "EINVAL")
    #expect(raw.type1Map(container, va: va, iova: 0, size: 0x1000, flags: 0) == "EINVAL")
    #expect(map(1, 0x1000) == "EINVAL")
    #expect(map(RawKernel.u - 0xfff, 0x2000) == "EOVERFLOW")
    #expect(map(0x10000, 0x2000) == "0")
    #expect(map(0x11000, 0x1000) == "EEXIST")
    #expect(map(0xfee0_0000, 0x1000) == "EINVAL")
    #expect(map(1 << 39, 0x1000) == "EINVAL")
    #expect(raw.type1Map(container, va: 0x1000, iova: 0, size: 0x1000) == "EFAULT")
    let unmap = { (iova: UInt64, size: UInt64, flags: UInt64) in
      raw.type1Unmap(container, iova: iova, size: size, flags: flags)
    }
    #expect(unmap(0x10000, 0x1000, 0) == "EINVAL")
    #expect(map(0xf000, 0x1000) == "0")
    #expect(unmap(0xf000, 0x2000, 0) == "EINVAL")
    #expect(map(0xf000, 0x1000) == "EEXIST")
    #expect(unmap(0x8000, 0x10000, 0) == "\(0x3000)")
    #expect(unmap(0x8000, 0x10000, 0) == "0")
    #expect(map(0x10000, 0x2000) == "0")
    #expect(unmap(1, 0, 2) == "EINVAL")
    #expect(unmap(0, 0, 2) == "\(0x2000)")
  }

  /// §T83: Before 6.18 a range that wraps is an invalid argument.
  @Test func aRangeThatWrapsWasOnceAnInvalidArgument() {
    let old = RawKernel(LabHost.mixed(), release: KernelVersion(6, 12))
    let container = old.file(.vfioContainer)
    #expect(old.setContainer(old.file(.vfioGroup(1)), container) == "0")
    #expect(old.setIOMMU(container) == "0")
    let iova = RawKernel.u - 0xfff
    #expect(old.type1Map(container, va: old.memory(), iova: iova, size: 0x2000) == "EINVAL")
  }

  /// §T84: Version 1 takes a mapping by its start.
  @Test func version1TakesAMappingByItsStart() {
    driven(1)
    #expect(raw.type1Map(container, va: raw.memory(), iova: 0x10000, size: 0x2000) == "0")
    #expect(raw.type1Unmap(container, iova: 0x11000, size: 0x1000) == "0")
    #expect(raw.type1Unmap(container, iova: 0x10000, size: 0x1000) == "\(0x2000)")
  }

  /// §T85: The number of mappings is limited.
  @Test func theNumberOfMappingsIsLimited() throws {
    driven()
    let file = try #require(try raw.kernel.files.file(container) as? SimulatedContainer)
    file.entryLimit = 2
    let va = raw.memory()
    let answers = (0..<3).map {
      raw.type1Map(container, va: va, iova: $0 * 0x1000, size: 0x1000)
    }
    #expect(answers == ["0", "0", "ENOSPC"])
    #expect(raw.type1Unmap(container, iova: 0, size: 0x1000) == "\(0x1000)")
    #expect(raw.type1Map(container, va: va, iova: 0, size: 0x1000) == "0")
  }

  /// §T86, §T109: DMA_CC says whether every table enforces; the kernel splits by coherency.
  @Test func anExtensionSaysWhetherEveryTableEnforcesTheKernelSplitsByCoherency() {
    driven()
    #expect(raw.checkExtension(container, 4) == "1")
    let other = raw.file(.vfioGroup(3))
    #expect(raw.setContainer(other, container) == "0")
    #expect(raw.checkExtension(container, 4) == "0")
    #expect(raw.kernel.state().pageTables.map(\.enforcesSnoop) == [true, false])
    #expect(raw.unsetContainer(other) == "0")
    #expect(raw.checkExtension(container, 4) == "1")
  }

  @Test func theLastGroupTakesTheDriverAndEveryMappingWithIt() {
    driven()
    #expect(raw.type1Map(container, va: raw.memory(), iova: 0, size: 0x1000) == "0")
    #expect(raw.unsetContainer(group) == "0")
    #expect(raw.type1Map(container, va: raw.memory(), iova: 0, size: 0x1000) == "EINVAL")
    #expect(raw.setContainer(group, container) == "0")
    #expect(raw.setIOMMU(container) == "0")
    #expect(raw.type1Map(container, va: raw.memory(), iova: 0, size: 0x1000) == "0")
  }

  @Test func aDeviceFileKeepsItsGroupAndTheGroupItsContainer() {
    driven()
    let device = raw.deviceFD(group, "0000:01:00.0").file
    #expect([raw.close(container), raw.close(group)] == ["0", "0"])
    #expect(raw.open(.vfioGroup(1)).errno == "EBUSY")
    #expect(raw.close(device) == "0")
    #expect(raw.kernel.state().isPristine)
    #expect(raw.open(.vfioGroup(1)).errno == "0")
  }
}
