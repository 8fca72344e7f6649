import Parser
import Planner
import Testing

@testable import Executor

/// Containers, groups and KVM as releases before 7.3 have them.
struct ContainerReleaseTests {
  private static let old = KernelVersion(5, 10)

  /// A container with the groups of some devices, and perhaps its driver.
  private func container(
    _ raw: RawKernel, _ groups: [Int], driver: UInt64? = 3
  ) -> (container: Int32, groups: [Int32]) {
    let container = raw.file(.vfioContainer)
    let files = groups.map { raw.file(.vfioGroup($0)) }
    for file in files { #expect(raw.setContainer(file, container) == "0") }
    if let driver { #expect(raw.setIOMMU(container, driver) == "0") }
    return (container, files)
  }

  /// §7.10: Before 5.19 one Intel unit without snoop control keeps all from enforcing.
  @Test func oneIntelUnitWithoutSnoopControlOnceKeptAllFromEnforcing() {
    for (release, answer, enforces) in [(Self.old, "0", false), (KernelVersion(5, 19), "1", true)] {
      let raw = RawKernel(LabHost.mixed(), release: release)
      let (container, groups) = container(raw, [1])
      #expect(raw.deviceFD(groups[0], LabHost.c1.description).answer == "0")
      #expect(raw.checkExtension(container, 4) == answer, "\(release)")
      #expect(raw.kernel.state().pageTables.map(\.enforcesSnoop) == [enforces])
    }
    var host = LabHost.mixed()
    for index in host.iommus.indices { host.iommus[index].type = HostIOMMU.arm }
    let arm = RawKernel(host, release: Self.old)
    #expect(arm.checkExtension(container(arm, [1, 3]).container, 4) == "1", "Arm says yes")
    #expect(arm.kernel.state().pageTables.map(\.enforcesSnoop) == [false], "which is not true")
  }

  /// §7.26: Up to 6.1 KVM asks the container, when it is told of a file and at no other time.
  @Test func kvmOnceAskedTheContainerWhenItWasToldOfAFileAndAtNoOtherTime() {
    let raw = RawKernel(LabHost.mixed(), release: KernelVersion(6, 1))
    let believes = { raw.kernel.state().vms[0].allowsIncoherentDMA }
    let (_, vfio) = raw.virtualMachine()
    let n1 = raw.file(.vfioGroup(3))
    #expect(raw.kvmFile(vfio, 1, n1) == "0")
    #expect(!believes(), "in no container")
    let (container, groups) = container(raw, [1])
    #expect(raw.kvmFile(vfio, 1, groups[0]) == "0")
    #expect(!believes())
    #expect(raw.setContainer(n1, container) == "0")
    #expect(!believes(), "nobody asks again")
    #expect(raw.kvmFile(vfio, 2, n1) == "0")
    #expect(believes(), "the container of the other group answers for both")
  }

  /// §7.26: A container without a driver is not coherent.
  @Test func aContainerWithoutADriverIsNotCoherent() {
    let raw = RawKernel(LabHost.mixed(), release: KernelVersion(6, 1))
    let (_, vfio) = raw.virtualMachine()
    let (_, groups) = container(raw, [1], driver: nil)
    #expect(raw.kvmFile(vfio, 1, groups[0]) == "0")
    #expect(raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  /// §7.37: Before 5.19 KVM takes a group in a container with a driver, and keeps it there.
  @Test func kvmOnceTookAGroupInAContainerWithADriverAndKeptItThere() {
    let raw = RawKernel(LabHost.mixed(), release: Self.old)
    let (_, vfio) = raw.virtualMachine()
    let group = raw.file(.vfioGroup(1))
    #expect(raw.kvmFile(vfio, 1, group) == "EINVAL")
    let container = raw.file(.vfioContainer)
    #expect([raw.setContainer(group, container), raw.kvmFile(vfio, 1, group)] == ["0", "EINVAL"])
    #expect([raw.setIOMMU(container), raw.kvmFile(vfio, 1, group)] == ["0", "0"])
    #expect(raw.kvmFile(vfio, 1, group) == "EEXIST")
    #expect(raw.unsetContainer(group) == "EBUSY")
    #expect([raw.kvmFile(vfio, 2, group), raw.unsetContainer(group)] == ["0", "0"])
  }

  /// §7.44: Up to 6.1 the kvm-vfio device stays as long as its VM.
  @Test func theKVMVFIODeviceOnceStayedAsLongAsItsVM() {
    for (release, again, unset) in [
      (Self.old, "EBUSY", "EBUSY"), (KernelVersion(6, 0), "EBUSY", "0"),
      (KernelVersion(6, 2), "0", "0"),
    ] {
      let raw = RawKernel(LabHost.mixed(), release: release)
      let (vm, vfio) = raw.virtualMachine()
      let (_, groups) = container(raw, [1])
      #expect(raw.kvmFile(vfio, 1, groups[0]) == "0")
      raw.close(vfio)
      #expect(raw.unsetContainer(groups[0]) == unset, "\(release)")
      #expect(raw.kvmVFIO(vm).answer == again, "\(release)")
      raw.kernel.exit()
      #expect(raw.kernel.state().isPristine)
    }
  }

  /// §7.37: Before 5.19 drivers are looked at when a device is opened, and not before.
  @Test func driversWereOnceLookedAtWhenADeviceIsOpenedAndNotBefore() {
    let raw = RawKernel(LabHost.mates("e1000e"), release: Self.old)
    let group = raw.file(.vfioGroup(7))
    #expect(raw.groupStatus(group) == "0")
    #expect(raw.deviceFD(group, "nonsense").answer == "EINVAL", "the container comes first")
    let container = raw.file(.vfioContainer)
    #expect([raw.setContainer(group, container), raw.setIOMMU(container)] == ["0", "0"])
    #expect(raw.groupStatus(group) == "2", "set, and still not viable")
    #expect(raw.deviceFD(group, LabHost.c1.description).answer == "EINVAL")
    let new = RawKernel(LabHost.mates("e1000e"), release: KernelVersion(5, 19))
    #expect(new.setContainer(new.file(.vfioGroup(7)), new.file(.vfioContainer)) == "EPERM")
  }

  /// §7.36: What SET_CONTAINER looks at first.
  @Test func theOrderInWhichJoiningAContainerLooksAtThings() {
    for (release, bad, wrong) in [
      (KernelVersion(6, 0), "EINVAL", "EINVAL"), (KernelVersion(6, 1), "EBADF", "EINVAL"),
      (KernelVersion(6, 2), "EBADF", "EBADFD"),
    ] {
      let raw = RawKernel(LabHost.mixed(), release: release)
      let (_, groups) = container(raw, [1])
      #expect(raw.setContainer(groups[0], 999) == bad, "\(release)")
      #expect(raw.setContainer(raw.file(.vfioGroup(2)), raw.devNull()) == wrong, "\(release)")
    }
  }

  /// §7.14: A direct region refuses: Intel's at the attach before 6.6, then all at the claim.
  @Test func aDirectRegionRefusesIntelsAtTheAttachThenAllAtTheClaim() {
    for (type, release, join, driver) in [
      (HostIOMMU.intel, KernelVersion(6, 1), "0", "EPERM"),
      (HostIOMMU.amd, KernelVersion(6, 1), "0", "0"),
      (HostIOMMU.intel, KernelVersion(6, 6), "EINVAL", "EINVAL"),
      (HostIOMMU.amd, KernelVersion(6, 6), "EINVAL", "EINVAL"),
    ] {
      var host = LabHost.mixed()
      for index in host.iommus.indices { host.iommus[index].type = type }
      host.devices[0].reserved.append(ReservedRegion(start: 0x10000, end: 0x1ffff, kind: .direct))
      let raw = RawKernel(host, release: release)
      let (group, container) = (raw.file(.vfioGroup(1)), raw.file(.vfioContainer))
      #expect(raw.setContainer(group, container) == join, "\(type) \(release)")
      #expect(raw.setIOMMU(container) == driver, "\(type) \(release)")
      if driver == "0" {
        let map = raw.type1Map(container, va: raw.memory(), iova: 0x10000, size: 0x1000)
        #expect(map == "EINVAL", "the range is left out")
      }
    }
  }

  /// §7.33 to §7.35: What type1 knows.
  @Test func theExtensionsThatType1Knows() {
    for (release, all, update, nesting) in [
      (Self.old, "ENODEV", "0", "ENODEV"), (KernelVersion(5, 12), "EINVAL", "1", "ENODEV"),
      (KernelVersion(5, 18), "EINVAL", "1", "EINVAL"),
      (KernelVersion(6, 12), "EINVAL", "0", "EINVAL"),
      (KernelVersion(6, 13), "EINVAL", "0", "ENODEV"),
    ] {
      let raw = RawKernel(LabHost.mixed(), release: release)
      let (container, _) = container(raw, [1], driver: nil)
      #expect(raw.checkExtension(container, 10) == update, "\(release)")
      #expect(raw.setIOMMU(container, 9) == all, "\(release)")
      #expect(raw.setIOMMU(container, 6) == nesting, "\(release)")
      #expect(raw.setIOMMU(container, 99) == "ENODEV", "\(release)")
      #expect(raw.setIOMMU(container) == "0")
      let flag = raw.type1Unmap(container, iova: 0, size: 0, flags: 2)
      #expect(flag == (release < KernelVersion(5, 12) ? "EINVAL" : "0"), "\(release)")
    }
  }

  /// §7.38: Before 6.0 a process unmaps its own mappings only.
  @Test func aProcessOnceUnmappedItsOwnMappingsOnly() {
    for (release, size) in [(KernelVersion(5, 19), UInt64(0)), (KernelVersion(6, 0), 0x1000)] {
      let raw = RawKernel(LabHost.mixed(), release: release)
      let (container, _) = container(raw, [1])
      #expect(raw.type1Map(container, va: raw.memory(), iova: 0, size: 0x1000) == "0")
      let parent = raw.kernel.fork()
      #expect(raw.type1Unmap(container, iova: 0, size: 0x1000) == "\(size)", "\(release)")
      raw.kernel.exit(to: parent)
    }
  }

  /// §7.25: VFIO refuses what is behind a RISC-V unit.
  @Test func vfioRefusesWhatIsBehindARISCVUnit() throws {
    var host = LabHost.mixed(driver: "nvme")
    for index in host.iommus.indices { host.iommus[index].type = HostIOMMU.riscv }
    let kernel = SimulatedKernel(host)
    try kernel.write(.unbind(LabHost.c1, from: "nvme"))
    try kernel.write(.driverOverride(LabHost.c1, "vfio-pci"))
    #expect(throws: Errno.enodev) { try kernel.write(.probe(LabHost.c1, by: "vfio-pci")) }
    #expect(throws: Errno.enoent) { try kernel.open(.vfioDevice(LabHost.c1)) }
  }

  /// §2.11.13: Pages larger than the CPU's are refused when a table is made.
  @Test func pagesLargerThanTheCPUsAreRefusedWhenATableIsMade() {
    var host = LabHost.mixed()
    for index in host.iommus.indices { host.iommus[index].pageSizes = [16 << 10, 32 << 20] }
    let raw = RawKernel(host)
    let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(LabHost.c1)))
    #expect([raw.bind(device, iommufd), raw.ioasAlloc(iommufd)] == ["1", "2"])
    #expect(raw.hwptAlloc(iommufd, device: 1, parent: 2) == "EINVAL")
    #expect(raw.attach(device, 2) == "EINVAL")
  }

  /// §2.22.A8: A group is attached as a whole: a mate behind a unit of another kind refuses.
  @Test func aGroupIsAttachedAsAWholeAMateBehindAUnitOfAnotherKindRefuses() {
    var host = LabHost.mates("pci-stub")
    host.iommus.append(HostIOMMU(name: "dmar1", enforceSnoop: .yes, pageSizes: [4096, 2 << 20]))
    host.devices[0].iommu = "dmar1"
    let raw = RawKernel(host)
    let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(LabHost.c1)))
    #expect([raw.bind(device, iommufd), raw.ioasAlloc(iommufd)] == ["1", "2"])
    #expect(raw.attach(device, 2) == "EINVAL")
    raw.close(device)
    let (group, container) = (raw.file(.vfioGroup(7)), raw.file(.vfioContainer))
    #expect([raw.setContainer(group, container), raw.setIOMMU(container)] == ["0", "EINVAL"])
  }
}

/// `/dev/vfio/vfio` answered by iommufd, and an iommufd in its place (§2.25, §2.27).
struct ContainerOfIOMMUFDTests {
  private static var host: HostDescription {
    var host = LabHost.mixed()
    host.kernel.vfioContainer = .iommufd
    return host
  }

  @Test func devicesAreAttachedWhenTheyAreOpened() {
    let raw = RawKernel(Self.host)
    let (container, group) = (raw.file(.vfioContainer), raw.file(.vfioGroup(1)))
    #expect(raw.kernel.state().openFiles == ["/dev/vfio/vfio", "group 1"])
    #expect(raw.checkExtension(container, 3) == "1")
    #expect(raw.setIOMMU(container) == "ENODEV", "nobody has joined")
    #expect([raw.setContainer(group, container), raw.setIOMMU(container)] == ["0", "0"])
    #expect(raw.setContainer(group, container) == "EINVAL")
    #expect(raw.kernel.state().objects == ["IOAS 1"])
    let va = raw.memory()
    #expect(raw.type1Map(container, va: va, iova: 0x10000, size: 0x1000) == "0")
    let first = raw.deviceFD(group, LabHost.c1.description)
    let second = raw.deviceFD(group, LabHost.c1.description)
    #expect([first.answer, second.answer] == ["0", "0"])
    let state = raw.kernel.state()
    #expect(state.objects == ["IOAS 1", "device 2", "HWPT 3"])
    #expect(state.devices.map(\.address) == [LabHost.c1])
    #expect(raw.checkExtension(container, 4) == "1")
    #expect(raw.unsetContainer(group) == "0", "what has it open goes on")
    raw.close(first.file)
    #expect(raw.kernel.state().objects == state.objects)
    raw.close(second.file)
    #expect(raw.kernel.state().objects == ["IOAS 1"])
    raw.kernel.exit()
    #expect(raw.kernel.state().isPristine)
  }

  @Test func memoryIsAccountedPerProcess() {
    let raw = RawKernel(Self.host)
    #expect(raw.option(raw.file(.vfioContainer), 0, op: 1) == "1")
    #expect(raw.option(raw.file(.iommu), 0, op: 1) == "0")
  }

  @Test func anIOMMUFDServesInTheContainersPlace() {
    let raw = RawKernel(LabHost.mixed(), release: KernelVersion(6, 12))
    let (iommufd, group) = (raw.file(.iommu), raw.file(.vfioGroup(3)))
    #expect(raw.setContainer(group, iommufd) == "0")
    #expect(raw.deviceFD(group, LabHost.n1.description).answer == "0")
    #expect(raw.checkExtension(iommufd, 4) == "0")
    let (_, vfio) = raw.virtualMachine()
    #expect(raw.kvmFile(vfio, 1, group) == "0")
    #expect(raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  @Test func aHostDriverOfAMateIsFoundWhenADeviceIsOpened() {
    var host = LabHost.mates("e1000e")
    host.kernel.vfioContainer = .iommufd
    let raw = RawKernel(host)
    let group = raw.file(.vfioGroup(7))
    #expect(raw.setContainer(group, raw.file(.vfioContainer)) == "0")
    #expect(raw.deviceFD(group, LabHost.c1.description).answer == "EPERM")
  }

  @Test func whereThereIsNoContainerThereIsNoNode() {
    var host = LabHost.mixed()
    host.kernel.vfioContainer = HostKernel.VFIOContainer.none
    #expect(RawKernel(host).open(.vfioContainer).errno == "ENOENT")
  }
}
