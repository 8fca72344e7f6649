import Parser
import TestSupport
import Testing

@testable import Planner

/// Promises that VMMs break: laws of small worlds.
struct VMMPromiseTests {
  /// A world that compiles, with its plan.
  struct Case: CustomTestStringConvertible {
    var seed: UInt64
    var compiled: CompiledPlan
    var testDescription: String { "seed \(seed)" }
  }

  static let cases: [Case] = (0..<UInt64(400)).compactMap { seed in
    var random = SeededNumbers(seed: seed)
    let facts = Fact.allCases
    let intents = NoSnoopIntent.allCases
    let devices = (0..<Int.random(in: 1...4, using: &random)).map { index in
      SmallWorld.Device(
        group: Int.random(in: 0..<4, using: &random),
        unitClass: Int.random(in: 0..<2, using: &random),
        enforceSnoop: facts.randomElement(using: &random) ?? .yes,
        noSnoopCapable: facts.randomElement(using: &random) ?? .yes,
        intent: intents.randomElement(using: &random) ?? .auto)
    }
    let world = SmallWorld(devices: devices)
    var sink = DiagnosticSink()
    let compiled = try? Compilation.compile(
      world.vm(), on: world.host, target: "iommufd", into: &sink)
    return compiled.map { Case(seed: seed, compiled: $0) }
  }

  @Test func thereAreCasesOfEveryKind() {
    let codes = Self.cases.flatMap { VMMDiagnostics.outcome(of: $0.compiled, as: .qemu).findings }
      .map(\.code)
    #expect(codes.contains(VMMDiagnostics.forbiddenBroken))
    #expect(codes.contains(VMMDiagnostics.requiredBroken))
    #expect(
      Self.cases.contains { VMMDiagnostics.outcome(of: $0.compiled, as: .qemu).findings.isEmpty })
  }

  @Test(arguments: cases)
  func aBrokenPromiseIsAnErrorAndNothingElseIs(test: Case) {
    let plan = test.compiled.plan
    for rule in VMMRule.all {
      let (grouping, findings) = VMMDiagnostics.outcome(of: test.compiled, as: rule)
      let broken = plan.devices.indices.filter {
        grouping.loss(of: $0, in: plan)?.breaksPromise == true
      }
      let errors = findings.filter { $0.severity == .error }
      #expect(errors.isEmpty == broken.isEmpty, "\(rule.title)")
      let places = errors.reduce(0) { $0 + 1 + $1.notes.count }
      #expect(places == broken.count, "each device has a place")
      for index in broken {
        let name = "'\(plan.devices[index].name)'"
        #expect(errors.contains { $0.message.contains(name) || $0.message.contains("more") })
      }
    }
  }

  /// What a promise is, from its definition.
  @Test(arguments: cases)
  func aPromiseIsBrokenIfAndOnlyIfDMAIsOtherwiseThanWasSaid(test: Case) {
    let plan = test.compiled.plan
    let grouping = VMMDiagnostics.outcome(of: test.compiled, as: .qemu).grouping
    for (index, device) in plan.devices.enumerated() {
      let isEnforced = grouping.isEnforced(index)
      let isBroken =
        device.resolved == .required && isEnforced && !plan.isEnforced(index)
        || device.resolved == .forbidden && device.canNoSnoop && !isEnforced
      #expect((grouping.loss(of: index, in: plan)?.breaksPromise == true) == isBroken)
    }
  }

  @Test(arguments: cases)
  func theOrderThatIsNamedKeepsEveryPromise(test: Case) {
    let plan = test.compiled.plan
    for rule in VMMRule.all {
      guard
        let better = VMMGrouping.keepingPromises(plan, on: test.compiled.host, as: rule)
      else { continue }
      #expect(better.order.sorted() == Array(plan.devices.indices))
      let again = VMMGrouping(of: plan, on: test.compiled.host, as: rule, order: better.order)
      #expect(
        plan.devices.indices.allSatisfy { again.loss(of: $0, in: plan)?.breaksPromise != true })
    }
  }

  @Test(arguments: cases)
  func whoReachesThePlanBreaksNoPromise(test: Case) {
    let grouping = VMMGrouping(of: test.compiled.plan, on: test.compiled.host, as: .qemu)
    guard grouping.hasGrouping(of: test.compiled.plan) else { return }
    let findings = VMMDiagnostics.outcome(of: test.compiled, as: .qemu).findings
    #expect(findings.allSatisfy { $0.severity == .warning })
  }
}
