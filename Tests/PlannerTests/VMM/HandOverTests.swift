import Parser
import TestSupport
import Testing

@testable import Planner

/// What is left of a program for a VMM that attaches devices by itself, and what companions add.
struct HandOverTests {
  private static func compiled(_ example: String, _ target: String) throws -> CompiledPlan {
    try SavedPlanSample(Example.named(example), target).compiled
  }

  private static func lines(_ plan: CompiledPlan) -> [String] {
    plan.program.steps.indices.map { ProgramText.line($0, of: plan.program) }
  }

  @Test func iommufdKeepsDriversFilesAndAccounting() throws {
    let plan = try Self.compiled("igd-and-nic", "iommufd").handedOver
    plan.stopUnlessLawful()
    #expect(
      Self.lines(plan).map { $0.split(separator: " ").prefix(3).joined(separator: " ") } == [
        "sysfs unbind 0000:00:02.0", "sysfs override 0000:00:02.0", "sysfs probe 0000:00:02.0",
        "sysfs unbind 0000:03:00.0", "sysfs override 0000:03:00.0", "sysfs probe 0000:03:00.0",
        "%iommufd = open", "ioctl %iommufd IOMMU_OPTION", "%igd = open", "%nic = open",
      ])
  }

  @Test func type1KeepsDriversOnly() throws {
    let plan = try Self.compiled("igd-and-nic", "type1").handedOver
    plan.stopUnlessLawful()
    #expect(Self.lines(plan).count == 6)
    #expect(Self.lines(plan).allSatisfy { $0.hasPrefix("sysfs ") })
  }

  @Test(arguments: ["ioasid", "iommufd", "type1"])
  func aCompanionLeavesItsDriverAndIsNotOpened(target: String) throws {
    let plan = try Self.compiled("companions", target)
    plan.stopUnlessLawful()
    #expect(plan.plan.companions.map(\.address.description) == ["0000:00:1f.4"])
    let about = Self.lines(plan).filter { $0.contains("0000:00:1f.4") }
    #expect(
      about == [
        "sysfs unbind 0000:00:1f.4 from \"i801_smbus\"",
        "sysfs override 0000:00:1f.4 with \"vfio-pci\"",
        "sysfs probe 0000:00:1f.4 by \"vfio-pci\"",
      ])
  }

  @Test func aSavedPlanWithACompanionIsReadBack() throws {
    let sample = try SavedPlanSample(Example.named("companions"), "iommufd")
    let read = try sample.read(sample.text)
    #expect(read.plan.companions == sample.compiled.plan.companions)
    #expect(read.program.hasSameActions(as: sample.compiled.program))
  }

  @Test func aSavedPlanCantNameCompanionsItDoesNotHave() throws {
    let sample = try SavedPlanSample(Example.named("gpu-and-audio"), "iommufd")
    let more = #""companions": [ { "address": "0000:00:1f.4" } ], "devices":"#
    let findings = try sample.findings(replacing: "\"devices\":", with: more)
    #expect(!findings.isEmpty && findings.allSatisfy { $0.severity == .error })
  }

  @Test func anotherDeviceThanThePlansOwnIsNoCompanion() throws {
    var plan = try Self.compiled("companions", "iommufd")
    plan.plan.companions = []
    let laws = ProgramVerifier.verify(
      plan.program, for: IOMMUFDDialect(),
      unopened: Set(plan.plan.companions.map(\.address))
    ).map(\.law)
    #expect(Set(laws) == [.driverChanges])
  }

  @Test func selectedDevicesAreSavedByTheirAddresses() throws {
    let sample = try SavedPlanSample(Example.named("found-devices"), "iommufd")
    #expect(
      sample.compiled.plan.devices.map(\.address.description)
        == ["0000:01:00.0", "0000:01:00.1", "0000:03:00.0"])
    let read = try sample.read(sample.text)
    #expect(read.vm.devices.map(\.address) == sample.compiled.plan.devices.map(\.address))
  }
}
