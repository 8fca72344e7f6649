import Parser
import Planner
import TestSupport
import Testing

/// Saved plans whose host has changed.
struct HostDifferenceTests {
  private let plan: CompiledPlan
  private let host: HostDescription

  init() throws {
    let sample = try SavedPlanSample(Example.named("gpu-and-audio"), "iommufd")
    host = sample.compiled.host
    plan = try sample.read(sample.text)
  }

  private func messages(_ change: (inout HostDescription) -> Void) -> [String] {
    var now = host
    change(&now)
    return HostDifference.findings(of: plan, on: now).map(\.message)
  }

  private var device: HostDevice {
    get throws {
      let address = try #require(plan.plan.devices.first).address
      return try #require(host.devices.first { $0.address == address })
    }
  }

  private func messages(
    ofDevice change: (inout HostDevice) -> Void
  ) throws -> [String] {
    let address = try device.address
    return messages { host in
      for index in host.devices.indices where host.devices[index].address == address {
        change(&host.devices[index])
      }
    }
  }

  @Test func theSameHostHasNoDifferences() {
    #expect(messages { (_: inout HostDescription) in } == [])
  }

  @Test func whatThePlanDoesNotTouchDoesNotMatter() {
    let groups = Set(plan.plan.devices.map(\.group))
    #expect(
      messages { host in
        for index in host.devices.indices where !groups.contains(host.devices[index].group ?? -1) {
          host.devices[index].driver = "other"
          host.devices[index].noSnoopCapable = .unknown
        }
        host.devices.append(HostDevice(address: BDF(domain: 9, bus: 0, device: 0, function: 0)))
        host.iommus.append(HostIOMMU(name: "new"))
      } == [])
  }

  /// BARs that both hosts know and that differ are named; what only one knows is not a difference.
  @Test func barsThatBothHostsKnowAndThatDifferAreNamedWhatOnlyOneKnowsIsNotADifference() throws {
    let now = [BAR(index: 1, size: 1 << 34)]
    #expect(try messages { $0.bars = now } == [], "the plan knew none")
    var saved = plan
    let address = try device.address
    for index in saved.host.devices.indices where saved.host.devices[index].address == address {
      saved.host.devices[index].bars = [BAR(index: 1, size: 1 << 28)]
    }
    func findings(_ bars: [BAR]?) -> [String] {
      var other = saved.host
      for index in other.devices.indices where other.devices[index].address == address {
        other.devices[index].bars = bars
      }
      return HostDifference.findings(of: saved, on: other).map(\.message)
    }
    #expect(findings([BAR(index: 1, size: 1 << 28)]) == [] && findings(nil) == [])
    let change = "bars was [1: 0x10000000 of 64 bits], is [1: 0x400000000 of 64 bits]"
    #expect(findings(now) == ["\(address): \(change)"])
    #expect(findings([]) == ["\(address): bars was [1: 0x10000000 of 64 bits], is []"])
  }

  @Test func everyFactOfAnAssignedDeviceThatDiffersIsNamed() throws {
    let device = try device
    let name = device.address.description
    #expect(
      try messages(ofDevice: { $0.driver = "vfio-pci" })
        == ["\(name): driver was \(device.driver ?? "none"), is vfio-pci"])
    #expect(
      try messages(ofDevice: { $0.driver = nil })
        == ["\(name): driver was \(device.driver ?? "none"), is none"])
    let group = device.group ?? -1
    #expect(
      try messages(ofDevice: { $0.group = 99 }).contains("\(name): group was \(group), is 99"))
    #expect(
      try messages(ofDevice: {
        $0.vendor = 1
        $0.device = 2
        $0.noSnoopCapable = device.noSnoopCapable == .no ? .yes : .no
      }).count == 3)
    #expect(try messages(ofDevice: { $0.reserved = [] }).count == (device.reserved.isEmpty ? 0 : 1))
    #expect(
      messages { host in host.devices.removeAll { $0.address == device.address } }
        == ["\(name): the device is gone"])
  }

  @Test func subsystemIdsAreComparedIfThePlanHasThem() throws {
    let sample = try SavedPlanSample(Example.named("gpu-and-audio"), "iommufd") { host in
      for index in host.devices.indices {
        host.devices[index].subsystem = PCISubsystem("1462:7B48")
      }
    }
    let saved = try sample.read(sample.text)
    func messages(_ ids: PCISubsystem?) throws -> [String] {
      var now = saved.host
      let address = try device.address
      for index in now.devices.indices where now.devices[index].address == address {
        now.devices[index].subsystem = ids
      }
      return HostDifference.findings(of: saved, on: now).map(\.message)
    }
    let name = try device.address.description
    #expect(try messages(PCISubsystem("1462:7b48")) == [])
    #expect(
      try messages(PCISubsystem("1462:9b48"))
        == ["\(name): subsystem was 1462:7b48, is 1462:9b48"])
    #expect(try messages(nil) == ["\(name): subsystem was 1462:7b48, is unknown"])
    #expect(try self.messages(ofDevice: { $0.subsystem = PCISubsystem("1462:7b48") }) == [])
  }

  @Test func aNewMemberOfAnAssignedGroupIsNamedAndOneThatLeft() throws {
    let group = try #require(try device.group)
    let new = BDF(domain: 0, bus: 0, device: 0x1F, function: 6)
    #expect(
      messages { $0.devices.append(HostDevice(address: new, group: group)) }
        == ["group \(group) now also contains \(new)"])
    let assigned = Set(plan.plan.devices.map(\.address))
    let mate = try #require(
      host.devices.first { $0.group == group && !assigned.contains($0.address) })
    #expect(
      messages { host in host.devices.removeAll { $0.address == mate.address } }
        == ["group \(group) no longer contains \(mate.address)"])
  }

  @Test func everyFactOfAnIOMMUUnitInUseThatDiffersIsNamed() throws {
    let unit = try #require(host.iommus.firstIndex { $0.name == plan.plan.devices[0].iommu })
    let name = host.iommus[unit].name
    #expect(
      messages { $0.iommus[unit].enforceSnoop = .unknown }
        == ["\(name): enforceSnoop was \(host.iommus[unit].enforceSnoop.rawValue), is unknown"])
    #expect(
      messages {
        $0.iommus[unit].addressBits = 57
        $0.iommus[unit].pageSizes = [4096]
        $0.iommus[unit].type = "other"
        $0.iommus[unit].isolatedMSI = false
      }.count == 4)
    #expect(
      messages { $0.iommus.remove(at: unit) }.contains("\(name): the IOMMU unit is gone"))
  }

  @Test func aKernelInterfaceThatIsGoneIsAnErrorAnotherReleaseOrHostNameAWarning() {
    var now = host
    now.kernel.kvm = false
    now.kernel.release = "8.0"
    now.name = "other"
    var findings = HostDifference.findings(of: plan, on: now)
    #expect(findings.map(\.code.severity) == [.warning, .warning, .error])
    #expect(findings.contains { $0.message == "kernel: release was 7.3.4, is 8.0" })
    now.kernel.iommufd = false
    findings = HostDifference.findings(of: plan, on: now)
    #expect(findings.map(\.code.name) == ["VP4917", "VP4915", "VP4915"], "one cause, one finding")
    #expect(findings.contains { $0.message.contains("/dev/iommu") })
  }

  @Test func rulesThatAreStatedOtherwiseAreNamedWhereTheReleaseIsTheSame() throws {
    var now = host
    now.kernel.statedRules["attachKeepsTables"] = .init(false)
    for finding in HostDifference.findings(of: plan, on: now) where finding.code.name == "VP4918" {
      #expect(finding.message.contains("with 'attachKeepsTables: false'"), "\(finding.message)")
      #expect(finding.message.contains("with 'attachKeepsTables' not stated"))
    }
  }

  /// CPUs that KVM treats otherwise are an error; what only one host says is none.
  @Test func cpusThatKVMTreatsOtherwiseAreAnErrorWhatOnlyOneHostSaysIsNone() {
    var before = plan
    before.host.kernel.processor.vendor = .intel
    before.host.kernel.processor.selfSnoop = .yes
    var now = before.host
    now.kernel.processor.vendor = nil
    now.kernel.processor.selfSnoop = .unknown
    now.kernel.processor.guestPATQuirk = .yes
    now.kernel.processor.architecture = .x86
    #expect(HostDifference.findings(of: before, on: now).isEmpty)
    now.kernel.processor.vendor = .amd
    now.kernel.processor.selfSnoop = .no
    now.kernel.processor.architecture = .arm
    #expect(
      HostDifference.findings(of: before, on: now).map(\.message) == [
        "kernel: architecture was x86_64, is aarch64", "kernel: cpuVendor was intel, is amd",
        "kernel: cpuSelfSnoop was true, is false",
      ])
  }

  /// The position of the unit of the first device among those that the plan carries.
  private var unitOfPlan: Int {
    get throws {
      let name = plan.plan.devices[0].iommu
      return try #require(plan.host.iommus.firstIndex { $0.name == name })
    }
  }

  private func stated(
    _ before: CompiledPlan, _ change: (inout HostDescription) -> Void
  ) -> [String] {
    var now = before.host
    change(&now)
    return HostDifference.findings(of: before, on: now, basis: .stated).map(\.message)
  }

  @Test func aDescriptionMayStateWhatTheMachineDoesNotKnowAndLeaveOutWhatItKnows() {
    var before = plan
    let all = before.host.devices.indices
    for fact in Fact.allCases {
      for index in all { before.host.devices[index].noSnoopCapable = fact }
      for index in before.host.iommus.indices { before.host.iommus[index].enforceSnoop = fact }
      for known in Fact.allCases {
        let messages = stated(before) { now in
          for index in all { now.devices[index].noSnoopCapable = known }
          for index in now.iommus.indices { now.iommus[index].enforceSnoop = known }
        }
        let isContradiction = fact != .unknown && known != .unknown && fact != known
        #expect(messages.isEmpty == !isContradiction, "\(fact), \(known): \(messages)")
        #expect(messages.allSatisfy { $0.hasSuffix("\(known.rawValue) on this machine") })
      }
    }
    before = plan
    before.host.kernel.statedRules = ["riscvIsCoherent": .init(true)]
    #expect(stated(before) { $0.kernel.statedRules = [:] } == [])
    #expect(stated(before) { $0.kernel.kvm = .unknown } == [])
    #expect(stated(before) { $0.kernel.release = "" } == [])
  }

  @Test func aPlanWithoutDevicesContradictsNoMachine() throws {
    let vm = VMDescription(name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 30)])
    var sink = DiagnosticSink()
    let empty = try Compilation.compile(vm, on: host, into: &sink)
    let other = HostDescription(name: "other", kernel: HostKernel(release: "5.4", kvm: false))
    #expect(HostDifference.findings(of: empty, on: other, basis: .stated).isEmpty)
  }

  @Test func whatADescriptionSaysOfThingsThatAMachineAlwaysKnowsMustBeSo() throws {
    let (device, group) = (try device.address, try #require(try device.group))
    #expect(
      stated(plan) { $0.devices.removeAll { $0.address == device } }
        == ["\(device): the device is not there"])
    let new = BDF(domain: 0, bus: 0, device: 0x1F, function: 6)
    #expect(
      stated(plan) { $0.devices.append(HostDevice(address: new, group: group)) }
        == ["group \(group) also contains \(new)"])
    let unit = try unitOfPlan
    // A unit's name is the description's own, what it can is not.
    let renamed = stated(plan) { now in
      let name = now.iommus[unit].name
      now.iommus[unit].name = "other"
      for index in now.devices.indices where now.devices[index].iommu == name {
        now.devices[index].iommu = "other"
      }
    }
    #expect(renamed == [])
    #expect(
      stated(plan) { now in
        for index in now.devices.indices where now.devices[index].address == device {
          now.devices[index].iommu = nil
        }
      } == ["\(device): it is behind no IOMMU on this machine"])
    // Without registers the machine does not know the width either.
    #expect(stated(plan) { $0.iommus[unit].addressBits = 30 } == [])
    var registered = plan
    registered.host.iommus[unit].cap = 0xd2008c40660462
    #expect(stated(registered) { $0.iommus[unit].addressBits = 30 }.count == 1)
    #expect(stated(registered) { $0.iommus[unit].cap = 1 }.count == 1)
    let findings = HostDifference.findings(
      of: plan, on: HostDescription(name: host.name), basis: .stated)
    #expect(findings.contains { $0.help?.contains("--host") == true })
  }

  @Test func registersAndFormatsOfTablesCountWhereBothHostsSayThem() throws {
    let unit = try unitOfPlan
    var before = plan
    before.host.iommus[unit].ecap = 1
    before.host.iommus[unit].pageTables = .v1
    before.host.iommus[unit].firstStage = .no
    var now = before.host
    now.iommus[unit].ecap = nil
    now.iommus[unit].pageTables = nil
    now.iommus[unit].firstStage = .unknown
    #expect(HostDifference.findings(of: before, on: now).isEmpty)
    now.iommus[unit].ecap = 2
    now.iommus[unit].pageTables = .v2
    now.iommus[unit].firstStage = .yes
    #expect(HostDifference.findings(of: before, on: now).count == 3)
  }

  @Test func aPlanBehindAVirtualIOMMUOfAnArmHostStaysOneOfAnArmHost() throws {
    let units = [HostIOMMU.virtio, HostIOMMU.arm].map { HostIOMMU(name: $0, type: $0) }
    var host = HostDescription(name: "host", iommus: units)
    let vm = VMDescription(name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 30)])
    var sink = DiagnosticSink()
    let compiled = try Compilation.compile(vm, on: host, into: &sink)
    let sample = SavedPlanSample(compiled, files: [])
    #expect(sample.text.contains("\"architecture\":\"aarch64\""))
    #expect(try sample.read(sample.text).host.architecture == .arm)
    #expect(HostDifference.findings(of: compiled, on: host).isEmpty)
    host.iommus.removeLast()
    #expect(HostDifference.findings(of: compiled, on: host).count == 1)
  }
}
