import Parser
import TestSupport
import Testing

@testable import Planner

/// What a review says is what the plan says.
struct PlanReviewTests {
  /// Reviews random worlds on every target.
  private static func forEachReview(_ body: (PlanReview, CompiledPlan, String) -> Void) {
    for seed in UInt64(1)...300 {
      let small = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        var sink = DiagnosticSink()
        let compiled = try? Compilation.compile(
          small.vm(), on: small.host, dialect: dialect, into: &sink)
        guard let compiled else { continue }
        body(PlanReview(compiled), compiled, "seed \(seed) \(dialect.name)\n\(small)")
      }
    }
  }

  @Test func theVerdictNamesTheDevicesThatAreNotCoherent() {
    Self.forEachReview { review, compiled, label in
      let plan = compiled.plan
      let effective = plan.devices.indices.filter { plan.devices[$0].isEffective }
      #expect(review.verdict.devices == effective, "\(label)")
      #expect(review.verdict.reasons.isEmpty == effective.isEmpty, "\(label)")
      let sentence = review.verdict.sentence
      #expect(sentence.contains("NON-COHERENT") == !effective.isEmpty, "\(sentence)\n\(label)")
      #expect(sentence.contains("all DMA is coherent") == effective.isEmpty)
      if effective.count <= 3, review.verdict.coherence == .not {
        for device in effective { #expect(sentence.contains(plan.devices[device].name)) }
      }
    }
  }

  @Test func whatNobodyKnowsIsNotShownAsKnown() {
    Self.forEachReview { review, compiled, label in
      for (row, device) in zip(review.rows, compiled.plan.devices) {
        guard row.coherence == .not else { continue }
        #expect(device.noSnoopFact == .yes, "\(label)")
        let isKnown = device.enforcementFact != .unknown || review.isProposal
        #expect(isKnown, "\(label)")
      }
      let isDoubtful = review.rows.allSatisfy { $0.coherence != .not }
      #expect(!(isDoubtful && review.verdict.sentence.contains("is NON-COHERENT")), "\(label)")
    }
  }

  @Test func theVerdictSaysOfKVMWhatThePlanTellsIt() {
    Self.forEachReview { review, compiled, label in
      let plan = compiled.plan
      let expected: PlanReview.Verdict.WBINVD =
        !compiled.host.hasIncoherentMode
        ? .neither
        : plan.metrics.wbinvd == 0 ? .ignored : plan.isKVMKnown ? .carriedOut : .perhapsCarriedOut
      #expect(review.verdict.wbinvd == expected, "\(label)")
      #expect(review.verdict.sentence.contains("KVM") == (expected != .neither), "\(label)")
    }
  }

  @Test func everyPageTableIsIntroducedOnce() {
    Self.forEachReview { review, compiled, label in
      #expect(review.rows.count { $0.isFirstOfTable } == review.pageTables, "\(label)")
      let names = review.rows.filter(\.isFirstOfTable).map(\.pageTable)
      #expect(Set(names) == Set(compiled.plan.pageTables.map(\.name)), "\(label)")
    }
  }

  @Test func theHostLosesEveryDriverThatTheProgramTakesADeviceFrom() {
    Self.forEachReview { review, compiled, label in
      var taken: Set<BDF> = []
      for case .sysfs(let write) in compiled.program.steps.lazy.map(\.action) {
        taken.insert(write.address)
      }
      let lost = review.losses.flatMap(\.devices)
      #expect(Set(lost).isSubset(of: taken) && Set(lost).count == lost.count, "\(label)")
    }
  }

  @Test func aFunctionOfACardOfAnotherKindIsCalledItsPart() throws {
    var world = SmallWorld(devices: [.init(group: 0), .init(group: 0)])
    world.devices[0].isGraphics = true
    var host = world.host
    let base = host.devices[0].address
    let other = BDF(
      domain: base.domain, bus: base.bus, device: base.device, function: base.function ^ 1)
    host.devices[1].address = other
    host.devices[1].classCode = 0x040300
    var vm = world.vm()
    vm.devices[1].place = .address(other)
    var sink = DiagnosticSink()
    let review = PlanReview(try Compilation.compile(vm, on: host, into: &sink)) { device in
      device.address == base ? "Maker Model" : nil
    }
    #expect(review.rows.map(\.what) == ["Maker Model", "its audio device"])
  }
}
