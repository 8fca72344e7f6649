import Parser
import TestSupport
import Testing

@testable import Planner

/// A host as if it ran another release, and saved plans there.
struct OtherReleaseTests {
  @Test func aHostsOwnReleaseChangesNothing() {
    var kernel = HostKernel(release: "6.6.30-custom", iommufd: .unknown, vfioCdev: .no)
    kernel.statedRules = ["attachKeepsTables": HostKernel.StatedRule(true)]
    #expect(kernel.running("6.6.30-custom") == kernel)
  }

  @Test func whatAReleaseCantHaveIsGoneAndStatedRulesDoNotCount() {
    var kernel = HostKernel(release: "7.3.4")
    kernel.statedRules = ["attachKeepsTables": HostKernel.StatedRule(false)]
    let older = kernel.running("6.1.0")
    #expect(older.iommufd == .no && older.vfioCdev == .no && older.type1 == .yes)
    #expect(older.statedRules.isEmpty && older.release == "6.1.0")
    let middle = kernel.running("6.5")
    #expect(middle.iommufd == .yes && middle.vfioCdev == .no)
    #expect(kernel.running("6.12").iommufd == .yes)
    #expect(HostKernel(iommufd: .no, vfioCdev: .no).running("7.3").iommufd == .no)
  }

  @Test func aPlanIsRefusedWhereItsProgramWouldDiffer() throws {
    for example in Example.all {
      for dialect in Dialects.all {
        guard let sample = try? SavedPlanSample(example, dialect.name) else { continue }
        for release in ["5.10", "6.1.5", "6.6.30", "6.7", "6.12.8", "6.15", "6.18.2", "7.3"] {
          Self.check(sample.compiled, on: release)
        }
      }
    }
  }

  /// Compares what is found with a compilation for that release.
  private static func check(_ plan: CompiledPlan, on release: String) {
    var now = plan.host
    now.kernel.release = release
    let found = HostDifference.findings(of: plan, on: now)
    var sink = DiagnosticSink()
    let again = try? Compilation.compile(
      plan.vm.described, on: now, target: plan.plan.target, objective: plan.plan.objective,
      into: &sink)
    let isSame = again?.program.hasSameActions(as: plan.program) == true
    let isOther = release != plan.host.kernel.release
    #expect(found.contains { $0.code.name == "VP4918" } == !isSame, "\(plan.vm.name) \(release)")
    #expect(found.contains { $0.code.name == "VP4916" } == (isSame && isOther))
  }
}
