import Parser
import Planner
import Testing

@testable import Executor

/// Devices that hang on each other, as the simulator has them (§5.5, §2.21.8, §2.25).
struct RelationSimulationTests {
  private static let token: [UInt8] = (0..<16).map { $0 * 17 }
  private static let text = "00112233-4455-6677-8899-aabbccddeeff"
  private static let other = "00112233-4455-6677-8899-aabbccddeefe"

  /// A physical function `c1` with virtual functions `c2` and `n1`; `n2` has nothing to do with it.
  private static func sriov(_ driver: String?, child: String? = "vfio-pci") -> HostDescription {
    var host = LabHost.mixed()
    host.devices[0].driver = driver
    for index in [1, 2] {
      host.devices[index].physicalFunction = LabHost.c1
      host.devices[index].driver = child
    }
    return host
  }

  /// A controller `c1` with a bridge and a drive in a domain that its driver makes.
  private static func vmd(drive: String?) -> HostDescription {
    var host = LabHost.mixed(driver: nil)
    host.devices[0].driver = "vmd"
    for (index, driver) in [(1, "pcieport"), (2, drive)] {
      host.devices[index].address = made(UInt8(index))
      host.devices[index].behind = LabHost.c1
      host.devices[index].driver = driver
      host.devices[index].group = 1
    }
    return host
  }

  private static func made(_ bus: UInt8) -> BDF {
    BDF(domain: 0x10000, bus: bus, device: 0, function: 0)
  }

  private func answer(_ kernel: SimulatedKernel, _ writes: SysfsWrite...) -> String {
    do throws(Errno) {
      for write in writes { try kernel.write(write) }
      return "0"
    } catch {
      return error.description
    }
  }

  private func isThere(_ kernel: SimulatedKernel, _ address: BDF) -> Bool {
    answer(kernel, .driverOverride(address, "")) == "0"
  }

  /// Most drivers switch SR-IOV off when they go: virtual functions vanish for good.
  @Test func mostDriversSwitchSRIOVOffWhenTheyGoVirtualFunctionsVanishForGood() throws {
    let kernel = SimulatedKernel(Self.sriov("igb"))
    #expect(answer(kernel, .unbind(LabHost.c1, from: "igb")) == "0")
    for address in [LabHost.c2, LabHost.n1] { #expect(!isThere(kernel, address)) }
    #expect(isThere(kernel, LabHost.n2))
    #expect(throws: Errno.enoent) { try kernel.open(.vfioDevice(LabHost.c2)) }
    #expect(throws: Errno.enoent) { try kernel.open(.vfioGroup(2)) }
    let vfio: [SysfsWrite] = [
      .driverOverride(LabHost.c1, "vfio-pci"), .probe(LabHost.c1, by: "vfio-pci"),
    ]
    for write in vfio { #expect(answer(kernel, write) == "0") }
    for write in vfio.reversed() { try kernel.revert(write) }
    try kernel.revert(.unbind(LabHost.c1, from: "igb"))
    #expect(!isThere(kernel, LabHost.c2))
    #expect(kernel.state().driverChanges.map(\.address) == [LabHost.c2, LabHost.n1])
  }

  /// With nvme they stay, and vfio-pci refuses the function when the host has lost its driver.
  @Test func withNVMeTheyStayAndVFIORefusesTheFunctionWhenTheHostHasLostItsDriver() {
    let kernel = SimulatedKernel(Self.sriov("nvme"))
    #expect(answer(kernel, .unbind(LabHost.c1, from: "nvme")) == "0")
    #expect(isThere(kernel, LabHost.c2))
    let bind = answer(
      kernel, .driverOverride(LabHost.c1, "vfio-pci"), .probe(LabHost.c1, by: "vfio-pci"))
    #expect(bind == "EBUSY")
    #expect(kernel.state().driverChanges.map(\.now) == [nil])
  }

  @Test func anUnbindWaitsForThoseThatHaveAVirtualFunctionOpen() throws {
    let kernel = SimulatedKernel(Self.sriov("igb"))
    let file = try kernel.open(.vfioDevice(LabHost.c2))
    #expect(answer(kernel, .unbind(LabHost.c1, from: "igb")) == "EBUSY")
    #expect(isThere(kernel, LabHost.c2))
    try kernel.close(file)
    let group = try kernel.open(.vfioGroup(3))
    #expect(answer(kernel, .unbind(LabHost.c1, from: "igb")) == "EBUSY")
    try kernel.close(group)
    #expect(answer(kernel, .unbind(LabHost.c1, from: "igb")) == "0")
  }

  @Test func whatIsBehindAControllerGoesWithItsDriverAndIsFoundAgainWithIt() throws {
    for drive in [nil, "nvme"] {
      let kernel = SimulatedKernel(Self.vmd(drive: drive))
      #expect(answer(kernel, .unbind(LabHost.c1, from: "vmd")) == "0")
      for bus in [UInt8(1), 2] { #expect(!isThere(kernel, Self.made(bus))) }
      try kernel.revert(.unbind(LabHost.c1, from: "vmd"))
      #expect(isThere(kernel, Self.made(2)))
      #expect(kernel.state().isPristine)
    }
  }

  @Test(arguments: ["igb", "vmd"])
  func aCircleOfDevicesEnds(driver: String) {
    var host = Self.sriov(driver)
    host.devices[0].physicalFunction = LabHost.c2
    host.devices[0].behind = LabHost.n1
    let kernel = SimulatedKernel(host)
    #expect(answer(kernel, .unbind(LabHost.c1, from: driver)) == "0")
    #expect(!isThere(kernel, LabHost.n1))
  }

  /// Opens a device of a group in a container: what GET_DEVICE_FD answers to a name.
  private func opened(_ raw: RawKernel, _ name: String) -> String {
    let group = raw.file(.vfioGroup(2))
    let container = raw.file(.vfioContainer)
    defer { for file in [group, container] { raw.close(file) } }
    #expect(raw.setContainer(group, container) == "0")
    #expect(raw.setIOMMU(container) == "0")
    let (file, answer) = raw.deviceFD(group, name)
    if file >= 0 { raw.close(file) }
    return answer
  }

  /// A group hands out a virtual function of a function on vfio-pci with their token only.
  @Test func groupsAskForTokens() {
    for release in SimulatedKernel.releases where release >= KernelVersion(5, 7) {
      let raw = RawKernel(Self.sriov("vfio-pci"), release: release)
      let name = LabHost.c2.description
      #expect(opened(raw, name) == "EACCES", "\(release)")
      #expect(opened(raw, "\(name) vf_token=\(Self.text)") == "0", "\(release)")
      #expect(opened(raw, "\(name)  vf_token=\(Self.text) ") == "0", "\(release)")
      #expect(opened(raw, "\(name) vf_token=\(Self.other)") == "EACCES", "\(release)")
      let good = "vf_token=\(Self.text)"
      for odd in ["vf_token=5", "token=\(Self.text)", "\(good) \(good)"] {
        #expect(opened(raw, "\(name) \(odd)") == "EINVAL", "\(release), \(odd)")
      }
      #expect(opened(raw, "\(name)x") == "ENODEV", "\(release)")
    }
    let older = RawKernel(Self.sriov("vfio-pci"), release: KernelVersion(5, 4))
    #expect(opened(older, "\(LabHost.c2) vf_token=\(Self.text)") == "ENODEV")
  }

  @Test(arguments: ["igb", nil])
  func elsewhereATokenIsRefused(driver: String?) {
    let raw = RawKernel(Self.sriov(driver))
    #expect(opened(raw, LabHost.c2.description) == "0")
    #expect(opened(raw, "\(LabHost.c2) vf_token=\(Self.text)") == "EINVAL")
  }

  /// A bind asks for the token from 6.17 on, and reads it from 6.19 on.
  @Test func newerReleasesAskForTheTokenAtABindAndNewestReadIt() {
    for release in SimulatedKernel.releases where release >= KernelVersion(6, 6) {
      let without = RawKernel(Self.sriov("vfio-pci"), release: release)
      let (device, iommufd) = (without.file(.vfioDevice(LabHost.c2)), without.file(.iommu))
      let asks = release >= KernelVersion(6, 17)
      #expect(without.bind(device, iommufd) == (asks ? "EACCES" : "1"), "\(release)")
      guard asks else { continue }
      let answer = bind(device, iommufd, without, Self.token)
      let reads = SimulatedRelease(of: HostKernel(), as: release).has(.bindReadsTokens)
      #expect(answer == (reads ? "0" : "E2BIG"), "\(release)")
    }
    let raw = RawKernel(Self.sriov("vfio-pci"))
    let (device, iommufd) = (raw.file(.vfioDevice(LabHost.c2)), raw.file(.iommu))
    #expect(bind(device, iommufd, raw, Self.token) == "0")
    let mate = raw.file(.vfioDevice(LabHost.n1))
    #expect(bind(mate, iommufd, raw, Self.token.reversed()) == "EACCES")
    #expect(bind(mate, iommufd, raw, Array(Self.token.prefix(15))) == "EFAULT")
    #expect(bind(raw.file(.vfioDevice(LabHost.n2)), iommufd, raw, Self.token) == "EINVAL")
  }

  private func bind(
    _ device: Int32, _ iommufd: Int32, _ raw: RawKernel, _ token: [UInt8]
  ) -> String {
    raw.call(
      device, 0x3b76, [(24, 4), (1, 4), raw.number(iommufd), (0, 4), (1, 8)],
      pointers: [.init(offset: 16, bytes: token)])
  }

  @Test func aPhysicalFunctionNeedsTheTokenWhileItsVirtualFunctionsAreOpenWithIt() {
    let raw = RawKernel(Self.sriov("vfio-pci"))
    let iommufd = raw.file(.iommu)
    let physical = raw.file(.vfioDevice(LabHost.c1))
    let virtual = raw.file(.vfioDevice(LabHost.c2))
    #expect(bind(virtual, iommufd, raw, Self.token) == "0")
    #expect(raw.bind(physical, iommufd) == "EACCES")
    #expect(bind(physical, iommufd, raw, Self.token.reversed()) == "EACCES")
    #expect(bind(physical, iommufd, raw, Self.token) == "0")
    for file in [physical, virtual] { raw.close(file) }
    #expect(bind(raw.file(.vfioDevice(LabHost.c1)), iommufd, raw, Self.token.reversed()) == "0")
    #expect(bind(raw.file(.vfioDevice(LabHost.c2)), iommufd, raw, Self.token) == "EACCES")
  }

  @Test func aDriverIsVFIOsIfTheHostSaysSoWhateverItIsCalled() throws {
    var host = LabHost.mixed(driver: "nvidia")
    host.devices[0].vfioDriver = .yes
    let kernel = SimulatedKernel(host)
    #expect(throws: Never.self) { try kernel.close(kernel.open(.vfioDevice(LabHost.c1))) }
    #expect(throws: Errno.enoent) { try kernel.open(.vfioDevice(LabHost.c2)) }
    host.devices[1].driver = "vfio-pci"
    host.devices[1].vfioDriver = .no
    #expect(throws: Errno.enoent) { try SimulatedKernel(host).open(.vfioDevice(LabHost.c2)) }
  }
}
