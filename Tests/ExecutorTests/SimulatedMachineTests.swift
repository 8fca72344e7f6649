import Parser
import Planner
import Testing

@testable import Executor

/// Drivers, memory, descriptor numbers and the end of a process.
struct SimulatedMachineTests {
  private let address = LabHost.c1

  private func answer(_ body: () throws(Errno) -> Void) -> String {
    do throws(Errno) {
      try body()
      return "0"
    } catch {
      return error.description
    }
  }

  @Test func aDeviceMovesToVfioPciAndBackAndEndsWhereItWas() throws {
    let kernel = SimulatedKernel(LabHost.mixed(driver: "nvme"))
    let writes: [SysfsWrite] = [
      .unbind(address, from: "nvme"), .driverOverride(address, "vfio-pci"),
      .probe(address, by: "vfio-pci"),
    ]
    for write in writes { try kernel.write(write) }
    #expect(kernel.state().driverChanges.map(\.now) == ["vfio-pci"])
    #expect(throws: Never.self) { try kernel.close(kernel.open(.vfioDevice(address))) }
    for write in writes.reversed() { try kernel.revert(write) }
    #expect(kernel.state().isPristine)
  }

  @Test func theOverrideMayComeFirstToo() throws {
    let kernel = SimulatedKernel(LabHost.mixed(driver: "nvme"))
    let writes: [SysfsWrite] = [
      .driverOverride(address, "vfio-pci"), .unbind(address, from: "nvme"),
      .probe(address, by: "vfio-pci"),
    ]
    for write in writes { try kernel.write(write) }
    for write in writes.reversed() { try kernel.revert(write) }
    #expect(kernel.state().isPristine)
  }

  @Test func unbindWantsTheDriversOwnDeviceAndWaitsForItsUsers() throws {
    let kernel = SimulatedKernel(LabHost.mixed())
    let gone = BDF(domain: 9, bus: 0, device: 0, function: 0)
    #expect(
      answer { () throws(Errno) in try kernel.write(.unbind(gone, from: "nvme")) } == "ENOENT")
    #expect(
      answer { () throws(Errno) in try kernel.write(.unbind(address, from: "nvme")) } == "ENODEV")
    let file = try kernel.open(.vfioDevice(address))
    let unbind = {
      answer { () throws(Errno) in try kernel.write(.unbind(address, from: "vfio-pci")) }
    }
    #expect(unbind() == "EBUSY")
    try kernel.close(file)
    #expect(unbind() == "0")
    #expect(unbind() == "ENOENT")
  }

  @Test func aProbeWithoutAMatchOfADeviceWithADriverOrInAGroupInUseIsRefused() throws {
    for driver in [nil, "nvme"] {
      let kernel = SimulatedKernel(LabHost.mixed(driver: driver))
      let probe = {
        answer { () throws(Errno) in try kernel.write(.probe(address, by: "vfio-pci")) }
      }
      #expect(probe() == "ENODEV")
      #expect(kernel.state().driverChanges.isEmpty)
    }

    let raw = RawKernel(LabHost.mates("nvme"))
    try raw.kernel.write(.unbind(LabHost.c2, from: "nvme"))
    let device = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.bind(device, raw.file(.iommu)) == "1")
    let back = {
      answer { () throws(Errno) in try raw.kernel.revert(.unbind(LabHost.c2, from: "nvme")) }
    }
    #expect(back() == "EINVAL")
    raw.close(device)
    #expect(back() == "0")
  }

  @Test(arguments: [HostIOMMU.intel, HostIOMMU.amd, HostIOMMU.virtio])
  func aUnitOfAnyWidthCanBeBooted(type: String) {
    for bits in 1...64 {
      let unit = HostIOMMU(name: "unit", type: type, addressBits: bits)
      let host = HostDescription(name: "lab", iommus: [unit])
      let sizes = SimulatedKernel(host).host.units[0].pageSizes
      #expect(sizes & 4095 == 0, "\(bits)")
      #expect(type != HostIOMMU.amd || bits == 64 || sizes >> UInt64(bits) == 0, "\(bits)")
    }
  }

  @Test func memoryComesInWholePagesOfItsKindAndGoesAsItCame() throws {
    let kernel = SimulatedKernel(HostDescription(name: "empty"))
    let map = { (size: UInt64, huge: UInt64?) in
      answer { () throws(Errno) in
        _ = try kernel.makeMemory(GuestMemory(size: size, hugePageBytes: huge), isMapped: true)
      }
    }
    #expect(map(0, nil) == "EINVAL")
    #expect(map(4097, nil) == "EINVAL")
    #expect(map(1 << 20, 2 << 20) == "EINVAL")
    #expect(map(4096, 3) == "EINVAL")
    #expect(map(.max - 4095, nil) == "ENOMEM")
    #expect(map(1 << 62, 1 << 62) == "ENOMEM")
    let gigabyte = GuestMemory(size: 1 << 30, hugePageBytes: 1 << 30)
    let huge = try kernel.makeMemory(gigabyte, isMapped: true)
    #expect(try #require(huge.address) % (1 << 30) == 0)
    #expect(kernel.state().memoryBytes == 1 << 30)
    let release = { (address: UInt64, size: UInt64) in
      answer { () throws(Errno) in
        try kernel.releaseMemory(OpenMemory(file: huge.file, address: address), size: size)
      }
    }
    #expect(release(huge.address ?? 0, 4096) == "EINVAL")
    #expect(release(1, 4096) == "EINVAL")
    try kernel.releaseMemory(huge, size: 1 << 30)
    #expect(kernel.state().isPristine)
  }

  @Test func memoryThatIsAFileOnlyTakesNoAddresses() throws {
    let kernel = SimulatedKernel(HostDescription(name: "empty"))
    let file = try kernel.makeMemory(GuestMemory(size: 4096), isMapped: false)
    #expect(file.address == nil)
    #expect(kernel.state().openFiles == ["memory"])
    try kernel.releaseMemory(file, size: 4096)
    #expect(kernel.state().isPristine)
  }

  /// Descriptor numbers are the lowest free ones, from 3.
  @Test func descriptorNumbersAreTheLowestFreeOnes() throws {
    let raw = RawKernel()
    #expect([raw.file(.iommu), raw.file(.iommu), raw.file(.iommu)] == [3, 4, 5])
    #expect(raw.close(4) == "0")
    #expect(raw.close(4) == "EBADF")
    #expect(raw.file(.kvm) == 4)
    #expect(raw.file(.kvm) == 6)
    #expect([raw.close(-1), raw.close(0), raw.close(99)] == ["EBADF", "EBADF", "EBADF"])
    #expect(raw.call(99, 0x3b81, [(12, 4)]) == "EBADF")
  }

  /// The end of the process closes everything; drivers stay where they are.
  @Test func theEndOfTheProcessClosesEverythingDriversStayWhereTheyAre() throws {
    let raw = RawKernel(LabHost.mixed(driver: nil))
    let writes: [SysfsWrite] = [
      .driverOverride(address, "vfio-pci"), .probe(address, by: "vfio-pci"),
    ]
    for write in writes { try raw.kernel.write(write) }
    let (_, vfio) = raw.virtualMachine()
    let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(address)))
    #expect(raw.kvmFile(vfio, 1, device) == "0")
    #expect(raw.bind(device, iommufd) == "1")
    #expect(raw.ioasAlloc(iommufd) == "2")
    #expect(raw.attach(device, 2) == "3")
    _ = raw.memory()
    raw.kernel.exit()
    var state = raw.kernel.state()
    #expect(state.driverChanges.map(\.now) == ["vfio-pci"])
    state.driverChanges = []
    #expect(state.isPristine)
    for write in writes.reversed() { try raw.kernel.revert(write) }
    #expect(raw.kernel.state().isPristine)
  }

  @Test func aNodeExistsAsTheHostHasIt() {
    var host = LabHost.mixed()
    host.kernel = HostKernel(iommufd: false, vfioCdev: false, type1: false, kvm: false)
    let raw = RawKernel(host)
    let paths: [DevicePath] = [
      .iommu, .vfioDevice(address), .vfioContainer, .vfioGroup(1), .kvm,
    ]
    #expect(paths.map { raw.open($0).errno } == Array(repeating: "ENOENT", count: 5))
    let old = RawKernel(LabHost.mixed(), release: KernelVersion(6, 1))
    #expect(old.open(.iommu).errno == "0", "some vendors have it in older releases")
    #expect(raw.open(.ioasid).errno == "0")
    #expect(raw.open(.vfioDevice(address)).errno == "0", "the proposal brings its device files")
  }

  @Test(arguments: ["5.10.7", "6.1.0", "6.12.30", "6.18.2", "7.3.4", "custom"])
  func theHostsReleaseSaysHowItBehaves(of name: String) {
    var host = LabHost.mixed()
    host.kernel.release = name
    #expect(SimulatedKernel(host).release == KernelVersion(name) ?? KernelVersion(7, 3))
  }

  @Test func anInjectedFaultDoesNothingButFail() throws {
    let kernel = SimulatedKernel(LabHost.mixed(), faults: [1: .eio])
    let file = try kernel.open(.iommu)
    #expect(answer { () throws(Errno) in try kernel.close(file) } == "EIO")
    #expect(kernel.state().openFiles == ["/dev/iommu"])
    try kernel.close(file)
    #expect(kernel.state().isPristine)
    #expect(kernel.callCount == 3)
  }

  @Test(arguments: 0..<48)
  func argumentsOfAnyLengthAreReadWithoutACrash(length: Int) {
    let raw = RawKernel(LabHost.mixed())
    let (iommufd, group) = (raw.file(.iommu), raw.file(.vfioGroup(1)))
    let (vm, vfio) = raw.virtualMachine()
    let container = raw.file(.vfioContainer)
    #expect(raw.setContainer(group, container) == "0")
    #expect(raw.setIOMMU(container) == "0")
    let device = raw.file(.vfioDevice(LabHost.c2))
    #expect(raw.bind(device, iommufd) == "1")
    let ioasid = raw.file(.ioasid)
    for file in [iommufd, device, group, container, raw.file(.kvm), vm, vfio, ioasid] {
      for fill: UInt8 in [0, 1, 0xff] {
        let bytes = [UInt8](repeating: fill, count: length)
        for low: UInt32 in 0x3b60..<0x3bd0 {
          _ = raw.call(file, low, .bytes(bytes, pointers: []))
        }
        for command: UInt32 in [0xae01, 0xc00c_aee0, 0x4018_aee1, 0xaef4, 0xaef2, 0xaef3] {
          _ = raw.call(file, command, .bytes(bytes, pointers: [.init(offset: 16, bytes: bytes)]))
        }
      }
    }
    raw.kernel.exit()
    #expect(raw.kernel.state().isPristine)
  }
}
