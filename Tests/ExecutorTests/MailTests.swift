import Parser
import Planner
import Testing

@testable import Executor

/// The mail of June 2021 that the project starts from, claim by claim, on target `ioasid`.
///
/// Names of tests are the mail's words, or the claim in short where the words are long.
struct MailTests {
  private let raw = RawKernel(LabHost.mail)
  private let ioasidFD: Int32
  private let vm: Int32

  init() {
    ioasidFD = raw.file(.ioasid)
    var none = IoctlArgument.value(0)
    vm = (try? raw.kernel.ioctl(raw.file(.kvm), 0xae01, &none)) ?? -1
  }

  @Test("0) ioasid_fd is created and registered to KVM via KVM_ADD_IOASID_FD")
  func registration() {
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "EEXIST")
    #expect(raw.addIOASIDFD(vm, raw.devNull()) == "EINVAL")
    #expect(raw.addIOASIDFD(vm, 999) == "EBADF")
  }

  @Test("1) Qemu binds dev1 to ioasid_fd")
  func bind() {
    let dev1 = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.bindIOASID(dev1, ioasidFD) == "1")
    #expect(raw.bindIOASID(dev1, ioasidFD) == "EBUSY")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c1)), raw.file(.ioasid)) == "EBUSY")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.n1)), ioasidFD) == "2")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c2)), raw.devNull()) == "EBADFD")
  }

  @Test("2) IOASID_GET_DEV_INFO tells whether the underlying IOMMU can enforce snoop")
  func capabilityQuery() {
    #expect(raw.deviceInfo(ioasidFD, 1) == "ENOENT")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c1)), ioasidFD) == "1")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.n1)), ioasidFD) == "2")
    #expect(raw.deviceInfo(ioasidFD, 1) == "1")
    #expect(raw.deviceInfo(ioasidFD, 2) == "0")
  }

  @Test("3) whether dev1 wants no-snoop: a fixed vendor/class list, or specified by user")
  func decision() throws {
    var host = LabHost.mail
    host.devices[0].address = BDF(domain: 0, bus: 0, device: 2, function: 0)
    host.devices[0].vendor = 0x8086
    host.devices[0].classCode = 0x03_0000
    let listed = try LabHost.compile([("igd", host.devices[0].address, .auto)], on: host)
    #expect(listed.plan.devices[0].resolved == .required)
    #expect(listed.plan.pageTables[0].snoopPolicy == .notEnforced)
    let told = try LabHost.compile([("igd", host.devices[0].address, .forbidden)], on: host)
    #expect(told.plan.devices[0].resolved == .forbidden)
    #expect(told.plan.pageTables[0].snoopPolicy == .enforced)
  }

  @Test("4) a 'snoop' flag is specified to decide the page table format")
  func flagDecidesFormat() {
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.allocate(ioasidFD, enforce: false) == "2")
    #expect(raw.attachIOASID(dev1, 2) == "0")
    #expect(raw.kernel.state().devices.map(\.isEffective) == [true])
    #expect(raw.detachIOASID(dev1, 2) == "0")
    #expect(raw.attachIOASID(dev1, 1) == "0")
    #expect(raw.kernel.state().devices.map(\.isEffective) == [false])
  }

  @Test("5) if not supported by related iommu, or different from gpa_ioasid, attach fails")
  func attachFails() {
    let dev1 = raw.bound(LabHost.n1, ioasidFD)
    #expect(raw.attachIOASID(dev1, 1) == "ENOENT")
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.attachIOASID(dev1, 1) == "EINVAL")
    #expect(raw.allocate(ioasidFD, enforce: false) == "2")
    #expect(raw.attachIOASID(dev1, 2) == "0")
    let unbound = raw.file(.vfioDevice(LabHost.c2))
    #expect(raw.attachIOASID(unbound, 2) == "EINVAL")
  }

  @Test("Why do we need to specify it again? An attach has no second snoop argument")
  func noSecondArgument() {
    #expect(IOASIDRequests.attach.operandFields.map(\.name) == ["ioasid"])
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.attachIOASID(dev1, 1, flags: 1) == "EINVAL")
    #expect(raw.attachIOASID(dev1, 1) == "0")
  }

  @Test("created with the 'block no-snoop' flag, it is blocked in that IOASID, for every device")
  func blockedForAll() {
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    for device in [LabHost.c1, LabHost.c2] {
      #expect(raw.attachIOASID(raw.bound(device, ioasidFD), 1) == "0")
    }
    #expect(raw.kernel.state().devices.map(\.isEffective) == [false, false])
  }

  @Test("the only question is if we can successfully attach a device to the page table, or not")
  func attachOnly() {
    let wrongType = raw.bound(LabHost.other, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: false) == "1")
    #expect(raw.attachIOASID(raw.bound(LabHost.c1, ioasidFD), 1) == "0")
    #expect(raw.attachIOASID(raw.bound(LabHost.n1, ioasidFD), 1) == "0")
    #expect(raw.attachIOASID(wrongType, 1) == "EINVAL")
    #expect(raw.kernel.state().devices.map(\.isEffective) == [true, true])
  }

  @Test("wbinvd is only enabled if someone has a FD to a device that can support no-snoop")
  func needsADevice() {
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allow(vm, ioasidFD, 1) == "ENOENT")
    #expect(raw.allow(vm, raw.devNull(), 1) == "EINVAL")
    #expect(!raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  @Test("ioctl(KVM_ALLOW_INCOHERENT_DMA, ioasidfd, device_label), and DISALLOW takes it back")
  func allowAndDisallow() {
    _ = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.disallow(vm, ioasidFD, 1) == "ENOENT")
    #expect(raw.allow(vm, ioasidFD, 1) == "0")
    #expect(raw.kernel.state().vms[0].allowsIncoherentDMA)
    #expect(raw.allow(vm, ioasidFD, 1) == "EEXIST")
    #expect(raw.disallow(vm, ioasidFD, 1) == "0")
    #expect(!raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  @Test("the security proof: some device in the ioasidfd that declares it is capable of no-snoop")
  func securityProof() {
    let label = raw.boundLabel(LabHost.incapable, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allow(vm, ioasidFD, label) == "EPERM")
    let elsewhere = raw.file(.ioasid)
    let other = raw.boundLabel(LabHost.c1, elsewhere)
    #expect(raw.allow(vm, elsewhere, other) == "ENOENT", "that fd is not registered with the VM")
    let unknown = raw.boundLabel(LabHost.c2, ioasidFD)
    #expect(raw.allow(vm, ioasidFD, unknown) == "0", "a device nobody knows counts as capable")
  }

  @Test("no kernel call backs, no kernel auto-sync: what KVM was told changes only when it is told")
  func noAutomaticSync() {
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allocate(ioasidFD, enforce: false) == "1")
    #expect(raw.attachIOASID(dev1, 1) == "0")
    #expect(!raw.kernel.state().vms[0].allowsIncoherentDMA)
    #expect(raw.allow(vm, ioasidFD, 1) == "0")
    #expect(raw.detachIOASID(dev1, 1) == "0")
    #expect(raw.close(dev1) == "0")
    #expect(raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  @Test("a mismatch is just a kernel-harmless userspace bug: accepted by KVM, found by vfioplan")
  func mismatch() {
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(
      [raw.allocate(ioasidFD, enforce: false), raw.allocate(ioasidFD, enforce: true)]
        == ["1", "2"])
    #expect(raw.attachIOASID(dev1, 1) == "0")
    #expect(CoherencyCheck.mismatches(in: raw.kernel.state()) == [.staleData(LabHost.c1)])
    #expect(raw.allow(vm, ioasidFD, 1) == "0")
    #expect(CoherencyCheck.mismatches(in: raw.kernel.state()).isEmpty)
    #expect(raw.detachIOASID(dev1, 1) == "0")
    #expect(raw.attachIOASID(dev1, 2) == "0")
    #expect(CoherencyCheck.mismatches(in: raw.kernel.state()) == [.needlessFlushes])
  }

  @Test("a mismatch of a program is reported as a warning at the device's line")
  func mismatchIsReported() throws {
    var compiled = try LabHost.compile([("gpu", LabHost.c1, .required)], on: LabHost.mail)
    compiled.program.steps.removeAll { step in
      if case .ioctl(_, let request, _, _) = step.action {
        request == IOASIDRequests.allowIncoherentDMA
      } else {
        false
      }
    }
    let kernel = SimulatedKernel(compiled.host)
    var interpreter = Interpreter(program: compiled.program, kernel: kernel)
    #expect(interpreter.run().isSuccess)
    let found = CoherencyCheck.diagnostics(kernel.state(), plan: compiled.plan)
    #expect(found.map(\.code.name) == ["VP5004"])
    #expect(found.first?.span == compiled.plan.devices[0].origin)
    #expect(found.first?.message.contains("'gpu'") == true)
  }

  @Test("user space can decide which of the various axis's it wants to optimize for")
  func axes() throws {
    let devices: [(String, BDF, NoSnoopIntent)] = [
      ("a", LabHost.c1, .allowed), ("b", LabHost.c2, .allowed), ("c", LabHost.n1, .allowed),
    ]
    let tables = try [Objective.coherency, .pageTables, .devicePerformance].map { objective in
      let compiled = try LabHost.compile(devices, on: LabHost.mail, objective: objective)
      let kernel = SimulatedKernel(compiled.host)
      var interpreter = Interpreter(program: compiled.program, kernel: kernel)
      #expect(interpreter.run().isSuccess)
      return kernel.state().pageTables.map { "\($0.enforcesSnoop) \($0.devices.count)" }
    }
    #expect(tables[0].sorted() == ["false 1", "true 2"])
    #expect(tables[1] == ["false 3"])
    #expect(tables[2] == ["false 3"])
  }

  @Test("the whole flow, in the mail's order")
  func wholeFlow() throws {
    let compiled = try LabHost.compile([("dev1", LabHost.c1, .required)], on: LabHost.mail)
    let requests = compiled.program.steps.compactMap { step -> String? in
      if case .ioctl(_, let request, _, _) = step.action { request.name } else { nil }
    }
    let flow = [
      "KVM_ADD_IOASID_FD", "VFIO_BIND_IOASID_FD", "IOASID_GET_DEV_INFO", "IOASID_ALLOC",
      "VFIO_ATTACH_IOASID",
    ]
    #expect(requests.filter(flow.contains) == flow)
    #expect(requests.contains("KVM_ALLOW_INCOHERENT_DMA"))
    let kernel = SimulatedKernel(compiled.host)
    var interpreter = Interpreter(program: compiled.program, kernel: kernel)
    #expect(interpreter.run().isSuccess)
    let state = kernel.state()
    #expect(state.devices.map(\.isEffective) == [true])
    #expect(state.vms.map(\.proofs) == [[LabHost.c1]])
    #expect(CoherencyCheck.mismatches(in: state).isEmpty)
    #expect(interpreter.undo().isComplete)
    #expect(kernel.state().isPristine)
  }
}

/// What the RFCs add to the mail, and what we fixed where they are silent.
struct IOASIDProposalTests {
  private let raw = RawKernel(LabHost.mail)
  private let ioasidFD: Int32

  init() { ioasidFD = raw.file(.ioasid) }

  @Test("a fresh IOASID accepts no command until a device is attached")
  func freshIOASID() {
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

  @Test("the devices of a group must all be on one IOASID before it accepts commands")
  func wholeGroups() {
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

  @Test("an IOASID is freed only without devices; closing a device file detaches and unbinds")
  func freeAndClose() {
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

  @Test("registered memory is accounted once, and given back by the same range")
  func registeredMemory() {
    let va = raw.memory()
    let register = { (command: UInt32, start: UInt64) in
      raw.call(ioasidFD, command, [(24, 4), (0, 4), (start, 8), (0x1000, 8)])
    }
    #expect(register(0x3bc1, 0x1000) == "EFAULT")
    #expect(register(0x3bc1, va) == "0")
    #expect(register(0x3bc1, va) == "EEXIST")
    #expect(register(0x3bc2, va) == "0")
    #expect(register(0x3bc2, va) == "ENOENT")
  }

  @Test("an attach is refused when a reserved region of the device is mapped")
  func reservedRegions() {
    #expect(raw.attachIOASID(raw.bound(LabHost.incapable, ioasidFD), 1) == "ENOENT")
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    let first = raw.bound(LabHost.c2, ioasidFD)
    #expect(raw.attachIOASID(first, 1) == "0")
    #expect(
      raw.mapIOASID(ioasidFD, 1, va: raw.memory(), iova: 0x8000_0000, size: 0x1000) == "0")
    #expect(raw.attachIOASID(raw.bound(LabHost.c1, ioasidFD), 1) == "EADDRINUSE")
  }
}

extension LabHost {
  /// A device behind an IOMMU of another kind.
  static let other = BDF(domain: 0, bus: 5, device: 0, function: 0)
  /// A device that cannot no-snoop.
  static let incapable = BDF(domain: 0, bus: 6, device: 0, function: 0)

  /// The mixed host, and an AMD unit, and a device that cannot no-snoop.
  static let mail: HostDescription = {
    var host = mixed()
    host.iommus.append(HostIOMMU(name: "ivhd0", type: "amd-vi", enforceSnoop: .yes))
    host.devices[1].noSnoopCapable = .unknown
    host.devices[1].reserved = []
    host.devices[0].reserved.append(
      ReservedRegion(start: 0x8000_0000, end: 0x8000_ffff, kind: .reserved))
    host.devices += [
      HostDevice(address: other, iommu: "ivhd0", group: 5, driver: "vfio-pci"),
      HostDevice(
        address: incapable, iommu: "dmar0", group: 6, driver: "vfio-pci", noSnoopCapable: .no),
    ]
    return host
  }()

  /// A VM with some devices and a little memory, compiled.
  static func compile(
    _ devices: [(name: String, address: BDF, noSnoop: NoSnoopIntent)], on host: HostDescription,
    target: String = "ioasid", objective: Objective? = nil
  ) throws -> CompiledPlan {
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 20)],
      devices: devices.enumerated().map { index, device in
        let start = UInt32(100 * index + 10)
        return AssignedDevice(
          name: device.name, address: device.address, noSnoop: device.noSnoop,
          span: SourceSpan(source: .vm, start: start, end: start + 20))
      })
    var sink = DiagnosticSink()
    return try Compilation.compile(
      vm, on: host, target: target, objective: objective, into: &sink)
  }
}

/// The requests of the proposal.
extension RawKernel {
  func addIOASIDFD(_ vm: Int32, _ file: Int32) -> String {
    call(vm, 0xaef1, .value(UInt64(UInt32(bitPattern: file))))
  }

  func allow(_ vm: Int32, _ file: Int32, _ label: UInt64) -> String {
    call(vm, 0xaef2, [number(file), (label, 4)])
  }

  func disallow(_ vm: Int32, _ file: Int32, _ label: UInt64) -> String {
    call(vm, 0xaef3, [number(file), (label, 4)])
  }

  func bindIOASID(_ device: Int32, _ file: Int32) -> String {
    call(device, 0x3b7a, [(16, 4), (0, 4), number(file), (0, 4)]) { bytes, _ in
      UInt64(bytes.u32(12))
    }
  }

  func unbindIOASID(_ device: Int32, _ file: Int32) -> String {
    call(device, 0x3b7b, [(12, 4), (0, 4), number(file)])
  }

  /// The file of a device, bound.
  func bound(_ address: BDF, _ file: Int32) -> Int32 {
    let device = self.file(.vfioDevice(address))
    _ = bindIOASID(device, file)
    return device
  }

  /// The label of a device, bound.
  func boundLabel(_ address: BDF, _ file: Int32) -> UInt64 {
    UInt64(bindIOASID(self.file(.vfioDevice(address)), file)) ?? 0
  }

  func attachIOASID(_ device: Int32, _ ioasid: UInt64, flags: UInt64 = 0) -> String {
    call(device, 0x3b7c, [(12, 4), (flags, 4), (ioasid, 4)])
  }

  func detachIOASID(_ device: Int32, _ ioasid: UInt64) -> String {
    call(device, 0x3b7d, [(12, 4), (0, 4), (ioasid, 4)])
  }

  func allocate(_ file: Int32, enforce: Bool) -> String {
    call(file, 0x3bc3, [(8, 4), (enforce ? 1 : 0, 4)]) { _, returned in UInt64(returned) }
  }

  func free(_ file: Int32, _ ioasid: UInt64) -> String {
    call(file, 0x3bc4, [(12, 4), (0, 4), (ioasid, 4)])
  }

  func deviceInfo(_ file: Int32, _ label: UInt64) -> String {
    call(file, 0x3bce, [(32, 4), (label, 4), (0, 8), (0, 8), (0, 8)]) { bytes, _ in
      UInt64(bytes.u32(8))
    }
  }

  func mapIOASID(_ file: Int32, _ ioasid: UInt64, va: UInt64, iova: UInt64, size: UInt64)
    -> String
  {
    call(file, 0x3bc6, [(40, 4), (3, 4), (ioasid, 4), (0, 4), (va, 8), (iova, 8), (size, 8)])
  }

  func unmapIOASID(_ file: Int32, _ ioasid: UInt64, iova: UInt64, size: UInt64) -> String {
    call(file, 0x3bc7, [(32, 4), (0, 4), (ioasid, 4), (0, 4), (iova, 8), (size, 8)]) { bytes, _ in
      bytes.u64(24)
    }
  }
}
