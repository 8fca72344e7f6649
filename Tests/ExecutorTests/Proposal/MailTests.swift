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

  /// 0) ioasid_fd is created and registered to KVM via KVM_ADD_IOASID_FD.
  @Test func theFileIsCreatedAndRegisteredToKVM() {
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "EEXIST")
    #expect(raw.addIOASIDFD(vm, raw.devNull()) == "EINVAL")
    #expect(raw.addIOASIDFD(vm, 999) == "EBADF")
  }

  /// 1) Qemu binds dev1 to ioasid_fd.
  @Test func qemuBindsTheFirstDevice() {
    let dev1 = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.bindIOASID(dev1, ioasidFD) == "1")
    #expect(raw.bindIOASID(dev1, ioasidFD) == "EBUSY")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c1)), raw.file(.ioasid)) == "EBUSY")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.n1)), ioasidFD) == "2")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c2)), raw.devNull()) == "EBADFD")
  }

  /// 2) IOASID_GET_DEV_INFO tells whether the underlying IOMMU can enforce snoop.
  @Test func theDevicesInformationTellsWhetherItsIOMMUCanEnforceSnoop() {
    #expect(raw.deviceInfo(ioasidFD, 1) == "ENOENT")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.c1)), ioasidFD) == "1")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.n1)), ioasidFD) == "2")
    #expect(raw.deviceInfo(ioasidFD, 1) == "1")
    #expect(raw.deviceInfo(ioasidFD, 2) == "0")
  }

  /// 3) whether dev1 wants no-snoop: a fixed vendor/class list, or specified by user.
  @Test func aListOrTheUserSaysWhetherTheDeviceWantsNoSnoop() throws {
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

  /// 4) a 'snoop' flag is specified to decide the page table format.
  @Test func aSnoopFlagDecidesThePageTableFormat() {
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.allocate(ioasidFD, enforce: false) == "2")
    #expect(raw.attachIOASID(dev1, 2) == "0")
    #expect(raw.kernel.state().devices.map(\.isEffective) == [true])
    #expect(raw.detachIOASID(dev1, 2) == "0")
    #expect(raw.attachIOASID(dev1, 1) == "0")
    #expect(raw.kernel.state().devices.map(\.isEffective) == [false])
  }

  /// 5) if not supported by related iommu, or different from gpa_ioasid, attach fails.
  @Test func anAttachFailsIfNotSupportedOrDifferent() {
    let dev1 = raw.bound(LabHost.n1, ioasidFD)
    #expect(raw.attachIOASID(dev1, 1) == "ENOENT")
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.attachIOASID(dev1, 1) == "EINVAL")
    #expect(raw.allocate(ioasidFD, enforce: false) == "2")
    #expect(raw.attachIOASID(dev1, 2) == "0")
    let unbound = raw.file(.vfioDevice(LabHost.c2))
    #expect(raw.attachIOASID(unbound, 2) == "EINVAL")
  }

  /// Why do we need to specify it again? An attach has no second snoop argument.
  @Test func anAttachHasNoSecondSnoopArgument() {
    #expect(IOASIDRequests.attach.operandFields.map(\.name) == ["ioasid"])
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    #expect(raw.attachIOASID(dev1, 1, flags: 1) == "EINVAL")
    #expect(raw.attachIOASID(dev1, 1) == "0")
  }

  @Test func createdWithTheBlockNoSnoopFlagItIsBlockedInThatIOASIDForEveryDevice() {
    #expect(raw.allocate(ioasidFD, enforce: true) == "1")
    for device in [LabHost.c1, LabHost.c2] {
      #expect(raw.attachIOASID(raw.bound(device, ioasidFD), 1) == "0")
    }
    #expect(raw.kernel.state().devices.map(\.isEffective) == [false, false])
  }

  @Test func theOnlyQuestionIsIfWeCanSuccessfullyAttachADeviceToThePageTableOrNot() {
    let wrongType = raw.bound(LabHost.other, ioasidFD)
    #expect(raw.allocate(ioasidFD, enforce: false) == "1")
    #expect(raw.attachIOASID(raw.bound(LabHost.c1, ioasidFD), 1) == "0")
    #expect(raw.attachIOASID(raw.bound(LabHost.n1, ioasidFD), 1) == "0")
    #expect(raw.attachIOASID(wrongType, 1) == "EINVAL")
    #expect(raw.kernel.state().devices.map(\.isEffective) == [true, true])
  }

  @Test func wbinvdIsOnlyEnabledIfSomeoneHasAFDToADeviceThatCanSupportNoSnoop() {
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allow(vm, ioasidFD, 1) == "ENOENT")
    #expect(raw.allow(vm, raw.devNull(), 1) == "EINVAL")
    #expect(!raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  /// ioctl(KVM_ALLOW_INCOHERENT_DMA, ioasidfd, device_label), and DISALLOW undoes it.
  @Test func anAllowanceIsUndoneByDISALLOW() {
    _ = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.disallow(vm, ioasidFD, 1) == "ENOENT")
    #expect(raw.allow(vm, ioasidFD, 1) == "0")
    #expect(raw.kernel.state().vms[0].allowsIncoherentDMA)
    #expect(raw.allow(vm, ioasidFD, 1) == "EEXIST")
    #expect(raw.disallow(vm, ioasidFD, 1) == "0")
    #expect(!raw.kernel.state().vms[0].allowsIncoherentDMA)
  }

  /// The security proof: some device in the ioasidfd that declares it is capable of no-snoop.
  @Test func theSecurityProofSomeDeviceInTheIoasidfdThatDeclaresItIsCapableOfNoSnoop() {
    let label = raw.boundLabel(LabHost.incapable, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allow(vm, ioasidFD, label) == "EPERM")
    let elsewhere = raw.file(.ioasid)
    let other = raw.boundLabel(LabHost.c1, elsewhere)
    #expect(raw.allow(vm, elsewhere, other) == "ENOENT", "that fd is not registered with the VM")
    let unknown = raw.boundLabel(LabHost.c2, ioasidFD)
    #expect(raw.allow(vm, ioasidFD, unknown) == "0", "a device nobody knows counts as capable")
  }

  /// No kernel call backs, no kernel auto-sync: what KVM was told changes only when it is told.
  @Test func noKernelCallBacksNoKernelAutoSyncWhatKVMWasToldChangesOnlyWhenItIsTold() {
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

  /// An allowance outlives its proof, and ends by DISALLOW with the same pair, and only so.
  @Test func allowanceOutlivesItsProof() {
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allow(vm, ioasidFD, 1) == "0")
    #expect(raw.unbindIOASID(dev1, ioasidFD) == "0")
    #expect(raw.kernel.state().vms[0].allowsIncoherentDMA)
    #expect(CoherencyCheck.mismatches(in: raw.kernel.state()) == [.needlessFlushes])
    #expect(raw.allow(vm, ioasidFD, 1) == "ENOENT", "what is gone proves nothing anew")
    #expect(raw.disallow(vm, ioasidFD, 1) == "0")
    #expect(!raw.kernel.state().vms[0].allowsIncoherentDMA)
    #expect(raw.disallow(vm, ioasidFD, 1) == "ENOENT")
  }

  @Test func aLabelIsNotGivenToAnotherDeviceWhileAProofNamesIt() {
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    #expect(raw.addIOASIDFD(vm, ioasidFD) == "0")
    #expect(raw.allow(vm, ioasidFD, 1) == "0")
    #expect(raw.close(dev1) == "0")
    let next = raw.file(.vfioDevice(LabHost.incapable))
    #expect(raw.bindIOASID(next, ioasidFD) == "2", "1 would make it look like the proof")
    #expect(raw.deviceInfo(ioasidFD, 1) == "ENOENT")
    #expect(raw.disallow(vm, ioasidFD, 1) == "0")
    #expect(raw.bindIOASID(raw.file(.vfioDevice(LabHost.n1)), ioasidFD) == "1")
  }

  /// The end of the VM frees the labels of its proofs; a proof of another VM keeps its own.
  @Test func labelsOfAVMThatEnds() {
    var none = IoctlArgument.value(0)
    let other = (try? raw.kernel.ioctl(raw.file(.kvm), 0xae01, &none)) ?? -1
    let dev1 = raw.bound(LabHost.c1, ioasidFD)
    for machine in [vm, other] {
      #expect(raw.addIOASIDFD(machine, ioasidFD) == "0")
      #expect(raw.allow(machine, ioasidFD, 1) == "0")
    }
    #expect(raw.close(dev1) == "0")
    #expect(raw.close(vm) == "0")
    #expect(raw.boundLabel(LabHost.c1, ioasidFD) == 2)
    #expect(raw.close(other) == "0")
    #expect(raw.boundLabel(LabHost.n1, ioasidFD) == 1)
  }

  /// A mismatch is just a kernel-harmless userspace bug: accepted by KVM, found by vfioplan.
  @Test func aMismatchIsJustAKernelHarmlessUserspaceBugAcceptedByKVMFoundByVfioplan() {
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

  @Test func aMismatchOfAProgramIsReportedAsAWarningAtTheDevicesLine() throws {
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

  /// User space can decide which of the various axis's it wants to optimize for.
  @Test func userSpaceCanDecideWhichOfTheVariousAxesItWantsToOptimizeFor() throws {
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

  @Test func theWholeFlowInTheMailsOrder() throws {
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
