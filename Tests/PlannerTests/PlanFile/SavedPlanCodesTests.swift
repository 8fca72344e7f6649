import Parser
import Planner
import TestSupport
import Testing

/// The findings about saved plans.
struct SavedPlanCodesTests {
  @Test func everyCodeOfPlanFilesIsGivenForSomething() throws {
    let sample = try SavedPlanSample(Example.named("gpu-and-audio"), "iommufd")
    var given: Set<String> = []
    for (old, new) in [
      ("vfioplan.plan/v1", "vfioplan.plan/v9"), (#"["wbinvd","#, #"["pageTables","#),
      (#""box":1"#, #""box":4"#), (#""call":"open""#, #""call":"close""#),
    ] {
      given.formUnion(try sample.findings(replacing: old, with: new).map(\.code.name))
    }
    for change in Self.changes(sample.compiled) {
      var now = sample.compiled.host
      change(&now)
      given.formUnion(HostDifference.findings(of: sample.compiled, on: now).map(\.code.name))
    }
    #expect(SavedPlanDiagnostics.all.map(\.name).filter { !given.contains($0) } == [])
  }

  private static func changes(
    _ compiled: CompiledPlan
  ) -> [(inout HostDescription) -> Void] {
    let address = compiled.plan.devices[0].address
    let group = compiled.plan.devices[0].group
    return [
      { host in host.devices.removeAll { $0.address == address } },
      { host in
        for index in host.devices.indices where host.devices[index].address == address {
          host.devices[index].driver = "other"
        }
      },
      { host in
        let new = BDF(domain: 7, bus: 0, device: 0, function: 0)
        host.devices.append(HostDevice(address: new, group: group))
      },
      { host in for index in host.iommus.indices { host.iommus[index].addressBits = 12 } },
      { host in host.kernel.iommufd = false },
      { host in host.kernel.release = "8.0" },
      { host in host.kernel.release = "6.12.8" },
      { host in host.name = "other" },
    ]
  }

  @Test func codesAreInOrderNamedOnceAndExplained() {
    let names = SavedPlanDiagnostics.all.map(\.name)
    #expect(names == names.sorted())
    #expect(Set(names).count == names.count)
    for code in SavedPlanDiagnostics.all { #expect(code.explanation.count > 80, "\(code.name)") }
  }
}
