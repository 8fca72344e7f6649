import Parser
import TestSupport
import Testing

@testable import Planner

struct PlanExplanationTests {
  typealias Rules = PlanRuleTests

  private func whys(_ plan: IOASIDPlan) -> [String] {
    let explanation = PlanExplanation(plan)
    return plan.devices.indices.map { explanation.why(of: $0) }
  }

  @Test func factsAreNamed() throws {
    let plan = try Rules.plan([Rules.box3, Rules.box4, Rules.box2], .pageTables)
    #expect(
      whys(plan) == [
        "shares gpa.0 with d1 and d2: its IOMMU unit0-false cannot enforce snoop, so its no-snoop "
          + "DMA works",
        "shares gpa.0 with d0 and d2: its IOMMU unit0-false cannot enforce snoop; it cannot "
          + "no-snoop, so its DMA is coherent all the same",
        "shares gpa.0 with d0 and d1: its IOMMU unit0-true could enforce snoop but enforcing would "
          + "raise pageTables, which objective page-tables puts first",
      ])
  }

  @Test func theDecidingMetricIsNamedWithItsRank() throws {
    #expect(
      try whys(Rules.plan([Rules.box3, Rules.box1])).last
        == "alone on gpa.1: its IOMMU unit0-true enforces snoop and not enforcing would raise "
        + "incoherentDevices, which objective coherency puts second")
    let order = try #require(
      Objective(order: [.wbinvd, .pageTables, .blockedNoSnoop, .incoherentDevices]))
    #expect(
      try whys(Rules.plan([Rules.box1], on: "ioasid", order)) == [
        "alone on gpa.0: its IOMMU unit0-true enforces snoop and not enforcing would raise wbinvd, "
          + "which the given order puts first"
      ])
  }

  @Test func matesOfTheGroupAreNamed() throws {
    var wanted = Rules.box1
    wanted.intent = .required
    let plan = try Rules.plan([Rules.box1, wanted], on: "ioasid", isAlone: false)
    #expect(
      whys(plan) == [
        "shares gpa.0 with d1: it is in one IOMMU group with d1, and no-snoop is required of d1",
        "shares gpa.0 with d0: no-snoop is required of it",
      ])
    let mixed = try Rules.plan([Rules.box1, Rules.box4], isAlone: false)
    #expect(
      whys(mixed)[0]
        == "shares gpa.0 with d1: it is in one IOMMU group with d1, whose IOMMU unit0-false cannot "
        + "enforce snoop, so its no-snoop DMA works")
  }

  @Test func manyMatesAreCounted() throws {
    let plan = try Rules.plan(Array(repeating: Rules.box2, count: 15), on: "type1")
    #expect(
      whys(plan)[1]
        == "shares gpa.0 with d0, d2 and 12 more: target type1 enforces snoop wherever the IOMMU "
        + "can, and unit0-true can")
  }

  @Test func theRowOfAutoIsNamed() throws {
    var graphics = Rules.box3
    (graphics.intent, graphics.isGraphics) = (.auto, true)
    #expect(
      try whys(Rules.plan([graphics]))[0].hasSuffix(
        "('auto' is 'required' for Intel integrated graphics)"))
    graphics.enforceSnoop = .yes
    #expect(
      try whys(Rules.plan([graphics]))[0].hasSuffix(
        "('auto' is 'allowed': the target cannot express 'required' for Intel integrated "
          + "graphics)"))
  }

  @Test func whatAutoGivesWayToIsNamed() throws {
    let graphics = SmallWorld.Device(intent: .auto, isGraphics: true)
    let mate = SmallWorld.Device(intent: .forbidden)
    #expect(
      try whys(Rules.plan([graphics, mate], on: "ioasid", isAlone: false))[0].hasSuffix(
        "('auto' is 'allowed': no-snoop is forbidden to d1 in its IOMMU group, which goes before "
          + "the default for Intel integrated graphics)"))
    #expect(
      try whys(Rules.plan([graphics], on: "ioasid", kvm: .never))[0].hasSuffix(
        "('auto' is 'allowed': KVM must never allow the no-snoop DMA of Intel integrated graphics)"
      ))
  }

  @Test func neverAndTieAreNamed() throws {
    #expect(
      try whys(Rules.plan([Rules.box1], on: "ioasid", kvm: .never)) == [
        "alone on gpa.0: its IOMMU unit0-true enforces snoop and KVM must never allow "
          + "non-coherent DMA"
      ])
    #expect(
      try whys(Rules.plan([Rules.box2], on: "ioasid")) == [
        "alone on gpa.0: its IOMMU unit0-true enforces snoop; either format costs the same and "
          + "enforcing is safer"
      ])
  }

  @Test func bytesJSONAndTextAgree() throws {
    for seed in UInt64(1)...300 {
      let world = SmallWorlds.random(seed: seed)
      var sink = DiagnosticSink()
      guard
        let plan = try? Compilation.compile(
          world.vm(), on: world.host, target: "ioasid", into: &sink
        ).plan
      else { continue }
      let explanation = PlanExplanation(plan)
      var bytes: [UInt8] = []
      for device in plan.devices.indices { explanation.appendWhy(of: device, to: &bytes) }
      #expect(String(decoding: bytes, as: UTF8.self) == whys(plan).joined(), "seed \(seed)")
    }
  }

  @Test func whatKVMDoesIsExplained() throws {
    #expect(
      try PlanExplanation(Rules.plan([Rules.box2])).kvm
        == "no device's no-snoop DMA is effective, so KVM ignores WBINVD")
    #expect(
      try PlanExplanation(Rules.plan([Rules.box2, Rules.box3])).kvm
        == "the no-snoop DMA of 'd1' is effective, so KVM carries out WBINVD; the proof is 'd1'")
    #expect(
      try PlanExplanation(Rules.plan([Rules.box4], kvm: .always)).kvm
        == "the description says 'always', so KVM carries out WBINVD although no device needs it; "
        + "the proof is 'd0'")
  }

  private func notes(_ devices: [SmallWorld.Device], _ target: String = "iommufd") throws
    -> [String]
  {
    var world = SmallWorld(devices: devices)
    for index in devices.indices { world.devices[index].group = index }
    var sink = DiagnosticSink()
    return PlanConsequences.notes(
      for: try Compilation.compile(world.vm(), on: world.host, target: target, into: &sink))
  }

  @Test func consequencesAreStatedWhereTheyHold() throws {
    #expect(try notes([Rules.box2]).isEmpty)
    #expect(try notes([Rules.box3])[0].hasPrefix("trust: through 'd0' the guest may read stale"))
    var wanted = Rules.box1
    wanted.intent = .required
    #expect(
      try notes([wanted, Rules.box4])[1].hasPrefix(
        "'d0' can no-snoop only on the page table made for 'd1'"))
    #expect(try notes([Rules.box4])[0].hasPrefix("'d0' stays out of kvm-vfio"))
  }

  @Test func theOrderTrapIsStatedOnlyInTheWrongOrder() throws {
    let trap = "would leave 'd1' without enforced snoop"
    #expect(try notes([Rules.box3, Rules.box1]).contains { $0.contains(trap) })
    #expect(try !notes([Rules.box1, Rules.box3]).contains { $0.contains("attaches by IOAS id") })
    #expect(try !notes([Rules.box3, Rules.box1], "type1").contains { $0.contains("IOAS id") })
  }
}
