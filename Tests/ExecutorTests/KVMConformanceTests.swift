import Parser
import Testing

@testable import Executor

/// KVM's VFIO device: programs §T90 to §T95.
struct KVMConformanceTests {
  private let raw = RawKernel(LabHost.mixed())

  /// §T90: A VM has one kvm-vfio device at a time.
  @Test func aVMHasOneKVMVFIODeviceAtATime() {
    let kvm = raw.file(.kvm)
    #expect(raw.call(kvm, 0xae00, .none) { _, returned in UInt64(returned) } == "12")
    let (vm, vfio) = raw.virtualMachine()
    #expect(raw.kvmVFIO(vm).answer == "EBUSY")
    #expect(raw.kvmVFIO(vm, flags: 1).answer == "0")
    #expect(raw.kvmVFIO(vm, type: 99).answer == "ENODEV")
    #expect(raw.close(vfio) == "0")
    #expect(raw.kvmVFIO(vm).answer == "0")
  }

  /// §T91: The attributes of the kvm-vfio device, in the kernel's order.
  @Test func theAttributesOfTheKVMVFIODeviceInTheKernelsOrder() {
    let (_, vfio) = raw.virtualMachine()
    let has = { (group: UInt64, attribute: UInt64) in
      raw.call(vfio, 0x4018_aee3, [(0, 4), (group, 4), (attribute, 8), (0, 8)])
    }
    #expect([has(1, 1), has(1, 9), has(0, 1)] == ["0", "ENXIO", "ENXIO"])
    #expect(raw.call(vfio, 0x4018_aee2, [(0, 8), (0, 8), (0, 8)]) == "EPERM")
    #expect(raw.kvmFile(vfio, 1, 0, null: true) == "EFAULT")
    #expect(raw.kvmFile(vfio, 1, 999) == "EBADF")
    let iommufd = raw.file(.iommu)
    #expect(raw.kvmFile(vfio, 1, iommufd) == "EINVAL")
    #expect(raw.kvmFile(vfio, 1, raw.file(.vfioContainer)) == "EINVAL")
    #expect(raw.kvmFile(vfio, 2, 999) == "EBADF")
    #expect(raw.kvmFile(vfio, 3, iommufd) == "ENXIO")
    #expect(raw.kvmFile(vfio, 1, iommufd, group: 2) == "ENXIO")
    #expect(raw.call(vfio, 0xae99, .none) == "ENOTTY")
  }

  /// §T92: The list is one of files, not of numbers or devices.
  @Test func theListIsOneOfFilesNotOfNumbersOrDevices() throws {
    let (_, vfio) = raw.virtualMachine()
    let device = raw.file(.vfioDevice(LabHost.c1))
    let copy = try raw.kernel.duplicate(device)
    let second = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.kvmFile(vfio, 1, device) == "0")
    #expect(raw.kvmFile(vfio, 1, device) == "EEXIST")
    #expect(raw.kvmFile(vfio, 1, copy) == "EEXIST")
    #expect(raw.kvmFile(vfio, 1, second) == "0")
    #expect(raw.kvmFile(vfio, 2, copy) == "0")
    #expect(raw.kvmFile(vfio, 2, device) == "ENOENT")
    #expect(raw.kvmFile(vfio, 2, second) == "0")
  }

  /// §T93: KVM's list keeps a device open, bound and attached.
  @Test func kvmsListKeepsADeviceOpenBoundAndAttached() {
    let (_, vfio) = raw.virtualMachine()
    let iommufd = raw.file(.iommu)
    let device = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.kvmFile(vfio, 1, device) == "0")
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    #expect(raw.attach(device, 2) == "3")
    #expect(raw.close(device) == "0")
    let again = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.bind(again, iommufd) == "EINVAL")
    #expect(raw.destroy(iommufd, 3) == "EBUSY")
    #expect(raw.close(vfio) == "0")
    #expect(raw.bind(again, iommufd) == "1")
    #expect(raw.destroy(iommufd, 3) == "ENOENT")
  }

  /// §T95: KVM counts capabilities: one boolean, on with the first, off with the last.
  @Test func kvmCountsCapabilitiesOneBooleanOnWithTheFirstOffWithTheLast() {
    let (_, vfio) = raw.virtualMachine()
    let n1 = raw.file(.vfioDevice(LabHost.n1))
    let n2 = raw.file(.vfioDevice(LabHost.n2))
    let c1 = raw.file(.vfioDevice(LabHost.c1))
    let isIncoherent = { raw.kernel.state().vms[0].allowsIncoherentDMA }
    #expect(raw.kvmFile(vfio, 1, c1) == "0")
    #expect(!isIncoherent())
    #expect(raw.kvmFile(vfio, 1, n1) == "0")
    #expect(isIncoherent())
    #expect(raw.kvmFile(vfio, 1, n2) == "0")
    #expect(raw.kvmFile(vfio, 2, n1) == "0")
    #expect(isIncoherent())
    #expect(raw.kvmFile(vfio, 2, n2) == "0")
    #expect(!isIncoherent())
    #expect(raw.kvmFile(vfio, 1, raw.file(.vfioGroup(3))) == "0")
    #expect(isIncoherent())
  }
}
