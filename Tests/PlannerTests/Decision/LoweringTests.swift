import Parser
import Planner
import TestSupport
import Testing

/// Plans that between them have everything a lowering treats differently.
private let sketches: [(name: String, sketch: PlanSketch)] = [
  ("one device", PlanSketch([.init("nic", group: 17)])),
  (
    "leader after followers, drivers of the host",
    PlanSketch([
      .init("gpu", group: 1, driver: "nouveau", isEnforced: false),
      .init("audio", group: 1, driver: nil, isEnforced: false),
      .init("igd", group: 0, driver: "i915", isEnforced: false, canEnforce: false),
      .init("nic", group: 17, driver: "mlx5_vfio_pci"),
    ])
  ),
  (
    "two address spaces, somebody unknown to KVM",
    PlanSketch(
      [
        .init("nic", group: 3), .init("disk", group: 4, isKnownToKVM: false),
        .init("dma", group: 5, space: 1, isEnforced: false, canEnforce: false),
      ], spaces: ["gpa", "dma0"],
      memory: [
        MemoryRegion(gpa: 0, size: 1 << 30, span: PlanSketch.span(900)),
        MemoryRegion(
          gpa: 1 << 32, size: 2 << 30, hugePageBytes: 2 << 20, span: PlanSketch.span(920)),
      ])
  ),
  (
    "names like ours",
    PlanSketch(
      [
        .init("iommufd", group: 1), .init("gpa.0", group: 2), .init("nic.id", group: 3),
        .init("nic", group: 4), .init("ram0", group: 5), .init("group4", group: 6),
        .init("iommufd-2", group: 7), .init("a b", group: 8), .init("a_b", group: 9),
        .init("kvm", group: 10), .init("ioasid", group: 11), .init("gpa", group: 12, space: 1),
      ], spaces: ["gpa", "kvm-vfio"])
  ),
]

private struct Case: CustomTestStringConvertible, Sendable {
  var dialect: any Dialect
  var sketch: PlanSketch
  var testDescription: String
  var program: Program {
    dialect.lower(sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
  }

  static let all: [Case] = Dialects.all.flatMap { dialect in
    sketches.map {
      Case(dialect: dialect, sketch: $0.sketch, testDescription: "\(dialect.name): \($0.name)")
    }
  }

  static func all(of dialect: String) -> [Case] { all.filter { $0.dialect.name == dialect } }
}

extension Program {
  fileprivate func name(_ id: ResultID) -> String { results[Int(id.index)].name }

  /// Positions of the steps that issue a request.
  fileprivate func positions(of request: RequestDescriptor) -> [Int] {
    steps.indices.filter {
      if case .ioctl(_, let issued, _, _) = steps[$0].action { issued == request } else { false }
    }
  }

  /// The position of the step that binds or opens each device, and of the one that tells KVM.
  fileprivate func positions(
    of request: RequestDescriptor, by key: (ResultID, [Operand], [ResultID?]) -> ResultID?
  ) -> [ResultID: Int] {
    var found: [ResultID: Int] = [:]
    for position in positions(of: request) {
      if case .ioctl(let file, _, let arguments, let results) = steps[position].action,
        let id = key(file, arguments, results)
      {
        found[id] = position
      }
    }
    return found
  }
}

struct LoweringTests {
  @Test(arguments: Case.all)
  private func everyLoweredProgramKeepsEveryLaw(test: Case) {
    #expect(ProgramVerifier.verify(test.program, for: test.dialect) == [])
  }

  @Test(arguments: Case.all)
  private func theSamePlanGivesTheSameProgram(test: Case) {
    #expect(test.program == test.program)
  }

  @Test(arguments: Case.all)
  private func everyStepHasAnOriginInTheDescription(test: Case) {
    let known = test.sketch.plan(target: test.dialect.name)
    var spans = Set(known.devices.map(\.origin) + known.addressSpaces.map(\.origin))
    spans.formUnion(test.sketch.memory.map(\.span))
    spans.formUnion([test.sketch.vm.$name, test.sketch.vm.kvm.$incoherentDMA])
    #expect(test.program.steps.allSatisfy { spans.contains($0.origin) })
  }

  @Test func driversChangeFirstOnlyWhereTheyMustAndInAnOrderThatCanBeReversed() {
    for dialect in Dialects.all {
      let sketch = sketches[1].sketch
      let program = dialect.lower(
        sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
      let writes = program.steps.prefix(8).compactMap { step -> SysfsWrite? in
        if case .sysfs(let write) = step.action { write } else { nil }
      }
      let addresses = (0..<3).map(PlanSketch.address)
      let expected: [SysfsWrite] = [
        .unbind(addresses[0], from: "nouveau"), .driverOverride(addresses[0], "vfio-pci"),
        .probe(addresses[0], by: "vfio-pci"), .driverOverride(addresses[1], "vfio-pci"),
        .probe(addresses[1], by: "vfio-pci"), .unbind(addresses[2], from: "i915"),
        .driverOverride(addresses[2], "vfio-pci"), .probe(addresses[2], by: "vfio-pci"),
      ]
      #expect(writes == expected)
    }
  }

  /// iommufd: the accounting mode is the first request.
  @Test(arguments: Case.all(of: "iommufd"))
  private func iommufdTheAccountingModeIsTheFirstRequest(test: Case) {
    let first = test.program.steps.firstIndex {
      if case .ioctl = $0.action { true } else { false }
    }
    #expect(first == test.program.positions(of: IOMMUFDRequests.option).first)
  }

  @Test(arguments: Case.all)
  private func kvmKnowsADeviceBeforeItIsBoundAGroupBeforeItIsOpened(test: Case) {
    let program = test.program
    let added = program.positions(of: KVMRequests.addFile) { _, arguments, _ in
      if case .result(let id)? = arguments.last { id } else { nil }
    }
    let request =
      test.dialect.name == "type1" ? VFIOGroupRequests.getDeviceFD : VFIODeviceRequests.bindIOMMUFD
    for (id, position) in program.positions(of: request, by: { file, _, _ in file }) {
      if let add = added[id] { #expect(add < position, "\(program.name(id))") }
    }
    let known = test.sketch.devices.filter(\.isKnownToKVM)
    switch test.dialect.name {
    case "iommufd": #expect(added.count == known.count)
    case "type1": #expect(added.count == Set(known.map(\.group)).count)
    default: #expect(added.isEmpty)
    }
  }

  @Test(arguments: Case.all)
  private func theLeaderIsAttachedBeforeItsFollowers(test: Case) {
    let program = test.program
    let plan = test.sketch.plan(target: test.dialect.name)
    let request =
      test.dialect.name == "ioasid" ? IOASIDRequests.attach : VFIODeviceRequests.attach
    let attached = program.positions(of: request).map { program.steps[$0].origin }
    guard test.dialect.name != "type1" else { return }
    #expect(attached.count == plan.devices.count)
    for table in plan.pageTables {
      let order = table.devices.compactMap { attached.firstIndex(of: plan.devices[$0].origin) }
      let leader = attached.firstIndex(of: plan.devices[table.leader].origin)
      #expect(order.min() == leader, "\(table.name)")
    }
  }

  @Test(arguments: Case.all)
  private func memoryIsMappedAfterTheLastAttach(test: Case) {
    let program = test.program
    let attaches = [
      VFIODeviceRequests.attach, IOASIDRequests.attach, VFIOGroupRequests.getDeviceFD,
    ]
    let maps = [IOMMUFDRequests.ioasMap, IOASIDRequests.mapDMA, VFIOContainerRequests.mapDMA]
    let lastAttach = attaches.flatMap(program.positions(of:)).max() ?? .max
    let positions = maps.flatMap(program.positions(of:))
    #expect(!positions.isEmpty && positions.allSatisfy { $0 > lastAttach })
  }

  @Test func iommufdMapsOncePerAddressSpaceTheProposalOncePerPageTable() {
    let sketch = sketches[1].sketch
    for (dialect, request, count) in [
      (Dialects.named("iommufd"), IOMMUFDRequests.ioasMap, 1),
      (Dialects.named("ioasid"), IOASIDRequests.mapDMA, 2),
      (Dialects.named("type1"), VFIOContainerRequests.mapDMA, 1),
    ] {
      guard let dialect else { continue }
      let program = dialect.lower(
        sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
      #expect(program.positions(of: request).count == count, "\(dialect.name)")
    }
  }

  /// Consequence 6 of the model: KVM forgets the proof of non-coherent DMA only when nobody shares
  /// its page table any more.
  @Test(arguments: Case.all)
  private func inReverseEveryDeviceIsOffItsPageTableBeforeKVMForgetsAny(test: Case) {
    let program = test.program
    let told =
      program.positions(of: KVMRequests.addFile)
      + program.positions(of: IOASIDRequests.allowIncoherentDMA)
    let attaches =
      program.positions(of: VFIODeviceRequests.attach)
      + program.positions(of: IOASIDRequests.attach)
    // Undo runs backwards: what is later forwards is undone earlier.
    if let last = told.max(), let first = attaches.min() { #expect(last < first) }
  }

  @Test func everyPageTableInUseIsCheckedEveryAttachByItsId() {
    let sketch = sketches[1].sketch
    let dialect = IOMMUFDDialect()
    let program = dialect.lower(sketch.plan(target: "iommufd"), for: sketch.vm, on: sketch.host)
    for position in program.positions(of: VFIODeviceRequests.attach) {
      guard case .ioctl(_, _, let arguments, let results) = program.steps[position].action,
        case .result(let table)? = arguments.first, let answer = results.first ?? nil
      else {
        Issue.record("step \(position) does not attach to a page table")
        continue
      }
      #expect(program.results[Int(table.index)].kind == .hwpt)
      #expect(
        program.steps[position + 1].action == .expect(answer, mask: nil, equals: .result(table)))
    }
  }

  @Test func theProposalFollowsTheMailsFlow() {
    let sketch = PlanSketch([.init("dev1", group: 1, isEnforced: false, canEnforce: false)])
    let program = IOASIDProposalDialect().lower(
      sketch.plan(target: "ioasid"), for: sketch.vm, on: sketch.host)
    let expected = """
      %ioasid = open "/dev/ioasid"
      %kvm = open "/dev/kvm"
      %vm = ioctl %kvm KVM_CREATE_VM -> return
      ioctl %vm KVM_ADD_IOASID_FD ioasid_fd=%ioasid
      %dev1 = open cdev(0000:00:00.0)
      %dev1.label = ioctl %dev1 VFIO_BIND_IOASID_FD ioasid_fd=%ioasid -> device_label
      %dev1.info = ioctl %ioasid IOASID_GET_DEV_INFO device_label=%dev1.label -> flags
      expect %dev1.info == 0
      ioctl %vm KVM_ALLOW_INCOHERENT_DMA ioasid_fd=%ioasid device_label=%dev1.label
      %gpa.0 = ioctl %ioasid IOASID_ALLOC flags=0 -> return
      ioctl %dev1 VFIO_ATTACH_IOASID ioasid=%gpa.0
      %ram0, %ram0.va = memory size=0x40000000
      ioctl %ioasid IOASID_MAP_DMA flags=READ|WRITE ioasid=%gpa.0 vaddr=%ram0.va+0 iova=0 \
      size=0x40000000

      """
    #expect(ProgramText.text(of: program) == expected)
  }

  @Test func aKernelWithoutKVMAndAPlanWithoutAnybodyToRegisterGetNoVM() {
    for dialect in Dialects.all {
      let sketch = sketches[0].sketch
      var host = sketch.host
      host.kernel.kvm = false
      let program = dialect.lower(sketch.plan(target: dialect.name), for: sketch.vm, on: host)
      #expect(!program.results.contains { $0.kind == .kvm })
      #expect(ProgramVerifier.verify(program) == [])
    }
    let sketch = PlanSketch([.init("nic", group: 1, isKnownToKVM: false)])
    let program = IOMMUFDDialect().lower(
      sketch.plan(target: "iommufd"), for: sketch.vm, on: sketch.host)
    #expect(!program.results.contains { $0.kind == .kvm })
  }

  @Test func aPlanWithoutDevicesNeedsNoStep() {
    let sketch = PlanSketch([])
    for dialect in Dialects.all {
      let plan = sketch.plan(target: dialect.name)
      #expect(dialect.lower(plan, for: sketch.vm, on: sketch.host) == Program())
    }
  }

  @Test func namesTheContractShowsAreThoseOfTheDescription() {
    let sketch = sketches[0].sketch
    let program = IOMMUFDDialect().lower(
      sketch.plan(target: "iommufd"), for: sketch.vm, on: sketch.host)
    #expect(
      program.results.map(\.name) == [
        "iommufd", "gpa", "kvm", "vm", "kvm-vfio", "nic", "nic.id", "gpa.0", "nic.pt", "ram0",
        "ram0.va",
      ])
  }

  @Test func aMissingInterfaceIsNamedWithItsOptionAndRelease() {
    let none = HostKernel(iommufd: false, vfioCdev: false, type1: false)
    #expect(
      IOMMUFDDialect().missingInterface(on: none) == "/dev/iommu (CONFIG_IOMMUFD, Linux 6.2)")
    #expect(
      IOMMUFDDialect().missingInterface(on: HostKernel(vfioCdev: false))
        == "/dev/vfio/devices (CONFIG_VFIO_DEVICE_CDEV, Linux 6.6)")
    #expect(
      VFIOType1Dialect().missingInterface(on: none)
        == "/dev/vfio/vfio (CONFIG_VFIO_IOMMU_TYPE1, Linux 3.15)")
    #expect(IOASIDProposalDialect().missingInterface(on: none) == nil)
    #expect(Dialects.all.allSatisfy { $0.missingInterface(on: HostKernel()) == nil })
  }

  @Test func devicesGroupsAndPageTablesAreManyWithoutBeingSlow() {
    let sketch = PlanSketch((0..<3000).map { .init("device\($0)", group: $0 / 2, driver: "x") })
    for dialect in Dialects.all {
      let program = dialect.lower(
        sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
      #expect(ProgramVerifier.verify(program, for: dialect) == [])
    }
  }
}
