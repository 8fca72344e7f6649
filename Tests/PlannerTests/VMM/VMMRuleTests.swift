import Parser
import TestSupport
import Testing

@testable import Planner

/// Names of VMMs, their versions, and what a host lets them be.
struct VMMRuleTests {
  @Test(arguments: [
    ("qemu", "QEMU 10.0 with iommufd", VMMRule.Choice.newest),
    ("qemu-10", "QEMU 10 with iommufd", .newest),
    ("qemu-9.1.3", "QEMU 9.1 with iommufd", .newest),
    ("qemu-9.0", "QEMU 9.0 with iommufd", .oldest),
    ("qemu-8.2", "QEMU 8.2 with iommufd", .oldest),
    ("qemu-7.2", "QEMU 7.2 with type1", .ownFormat),
    ("libvirt-10.0", "libvirt 10.0 with type1", .ownFormat),
    ("cloud-hypervisor", "cloud-hypervisor 53.0 with iommufd", .oldest),
    ("cloud-hypervisor-48", "cloud-hypervisor 48 with type1", .ownFormat),
    ("type1", "a VMM with type1", .ownFormat),
  ])
  func aNameStandsForAVersion(name: String, title: String, choice: VMMRule.Choice) throws {
    let rule = try #require(VMMRule.named(name))
    #expect(rule.name == name && rule.title == title && rule.choice == choice)
  }

  @Test(arguments: [
    "", "QEMU", "qemu-", "qemu-x", "qemu-8.", "qemu-8.2.1.0", "qemu8.2", "type1-2", "qemu--1",
    "qemu-99999999999999999999", "qemu-8.2-ubuntu", "cloud-hypervisor-", "xen",
  ])
  func otherTextsAreNoVMM(name: String) { #expect(VMMRule.named(name) == nil) }

  @Test func withoutAKnownIOMMUFDEveryVMMIsOnType1() {
    for facts in [(Fact.no, Fact.no), (.unknown, .unknown), (.yes, .no), (.yes, .unknown)] {
      let kernel = HostKernel(release: "6.8.12-13-pve", iommufd: facts.0, vfioCdev: facts.1)
      for rule in VMMRule.all {
        let settled = rule.settled(on: kernel, besides: VFIOType1Dialect())
        #expect(settled.interface == .type1 && settled.choice == .ownFormat)
        #expect((settled.remark == nil) == (rule == .type1))
      }
    }
  }

  @Test func aVMMThatFindsNoInterfaceCanNotRun() throws {
    let world = SmallWorld(devices: [SmallWorld.Device()])
    var host = world.host
    (host.kernel.iommufd, host.kernel.vfioCdev) = (.yes, .yes)
    (host.kernel.type1, host.kernel.vfioContainer) = (.no, .some(.none))
    var sink = DiagnosticSink()
    let compiled = try Compilation.compile(
      world.vm(), on: host, dialect: IOMMUFDDialect(), into: &sink)
    for rule in VMMRule.all {
      let codes = VMMDiagnostics.findings(for: compiled, with: rule).map(\.code)
      #expect(codes.contains(VMMDiagnostics.cannotRun) == (rule == .type1), "\(rule.title)")
    }
  }

  @Test func aVMMIsOnIOMMUFDWhereThePlanIs() {
    let kernel = HostKernel(release: "6.8", iommufd: .unknown, vfioCdev: .unknown)
    for rule in [VMMRule.qemu, .libvirt, .cloudHypervisor] {
      #expect(rule.settled(on: kernel, besides: IOMMUFDDialect()) == rule)
    }
  }

  @Test func type1IsAttachedByIOASIdWhereIOMMUFDAnswers() {
    var kernel = HostKernel(release: "6.12")
    kernel.vfioContainer = .iommufd
    let rule = VMMRule.type1.settled(on: kernel, besides: VFIOType1Dialect())
    #expect(rule.interface == .type1 && rule.choice == .oldest && rule.remark != nil)
  }

  @Test func settlingTwiceIsSettlingOnce() {
    var kernel = HostKernel(release: "6.12", iommufd: .no, vfioCdev: .no)
    kernel.vfioContainer = .iommufd
    for rule in VMMRule.all {
      let once = rule.settled(on: kernel, besides: nil)
      #expect(once.settled(on: kernel, besides: nil) == once)
    }
  }
}
