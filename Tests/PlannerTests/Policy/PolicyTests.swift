import Parser
import TestSupport
import Testing

@testable import Planner

struct PolicyTests {
  private static func row(
    _ devices: DevicePattern, _ intent: NoSnoopIntent, _ line: Int = 1, reason: String? = nil
  ) -> Policy.Row {
    let start = UInt32(line * 10)
    return Policy.Row(
      devices, intent, reason: reason, place: "p.yaml:\(line)",
      span: SourceSpan(source: .policy, start: start, end: start + 5))
  }

  /// A random policy over what tells the devices of small worlds apart.
  private static func random(_ seed: UInt64) -> Policy {
    var random = SeededNumbers(seed: seed &* 31)
    let intents: [NoSnoopIntent] = [.required, .allowed, .forbidden]
    let rows = (0..<Int.random(in: 0...4, using: &random)).map { line in
      row(
        DevicePattern(
          vendor: [nil, 0x8086, 0x15B3].randomElement(using: &random) ?? nil,
          classCode: [nil, ClassPattern(base: 2), ClassPattern(0x030000)]
            .randomElement(using: &random) ?? nil,
          bus: [nil, 0, 1].randomElement(using: &random) ?? nil),
        intents.randomElement(using: &random) ?? .allowed, line,
        reason: [nil, "a \"reason\""].randomElement(using: &random) ?? nil)
    }
    let required = Requirement.named.filter { _ in Int.random(in: 0..<6, using: &random) == 0 }
    return Policy(rows: rows, requirements: required.map { .init($0.what) })
  }

  private static func compile(
    _ world: SmallWorld, _ dialect: any Dialect, _ policy: Policy = Policy()
  ) -> CompiledPlan? {
    var sink = DiagnosticSink()
    return try? Compilation.compile(
      world.vm(), on: world.host, dialect: dialect, policy: policy, into: &sink)
  }

  @Test(arguments: 0..<4)
  func rowsNeverMakeAVMInfeasibleThatIsFeasibleWithAllowed(slice: Int) {
    var followed = 0
    for seed in UInt64(slice * 500)..<UInt64(slice * 500 + 500) {
      let world = SmallWorlds.random(seed: seed)
      var plain = world
      for index in plain.devices.indices where plain.devices[index].intent == .auto {
        plain.devices[index].intent = .allowed
      }
      let rows = Policy(rows: Self.random(seed).rows)
      for dialect in Dialects.all where Self.compile(plain, dialect) != nil {
        let compiled = Self.compile(world, dialect, rows)
        if compiled == nil {
          Issue.record("seed \(seed) \(dialect.name): infeasible under \(rows)\n\(world)")
        }
        followed += compiled?.plan.devices.count { $0.resolution.row != nil } ?? 0
      }
    }
    #expect(followed > 300)
  }

  @Test func whatARowPromisesOfADeviceIsKept() {
    for seed in 0..<500 as Range<UInt64> {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        let rows = Policy(rows: Self.random(seed).rows)
        for device in Self.compile(world, dialect, rows)?.plan.devices ?? [] {
          guard case .row = device.resolution else { continue }
          let isKept =
            device.resolved == .allowed || device.isEffective == (device.resolved == .required)
          #expect(isKept, "seed \(seed) \(dialect.name) \(device.name)\n\(world)")
        }
      }
    }
  }

  @Test func aPlanWithAPolicyIsReadBackAsTheSameOneAndWrittenAsTheSameBytes() throws {
    var count = 0
    for seed in 0..<400 as Range<UInt64> {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        guard let compiled = Self.compile(world, dialect, Self.random(seed)) else { continue }
        let sample = SavedPlanSample(compiled, files: [])
        let read = try sample.read(sample.text)
        #expect(read.policy.rows.map(\.place) == compiled.policy.rows.map(\.place))
        #expect(read.policy.requirements.map(\.what) == compiled.policy.requirements.map(\.what))
        // Findings are about places, which are others in the plan file.
        var (one, two) = (read, compiled)
        (one.diagnostics, two.diagnostics) = ([], [])
        let isSame =
          SavedPlanWriter.text(one, files: []) == SavedPlanWriter.text(two, files: [])
        #expect(isSame, "seed \(seed), \(dialect.name)")
        #expect(sample.text.contains("\n  \"policy\":{") != compiled.policy.isEmpty)
        count += compiled.policy.isEmpty ? 0 : 1
      }
    }
    #expect(count > 200)
  }

  @Test func aPlanWhosePolicyWasChangedIsRefused() throws {
    let world = SmallWorld(devices: [.init(intent: .auto)])
    let policy = Policy(
      rows: [Self.row(DevicePattern(), .forbidden)], requirements: [.init(.coherent)])
    let sample = SavedPlanSample(
      try #require(Self.compile(world, IOASIDProposalDialect(), policy)), files: [])
    #expect(sample.findings(reading: sample.text).isEmpty)
    for (old, new) in [
      ("\"noSnoop\":\"forbidden\",\"place\"", "\"noSnoop\":\"required\",\"place\""),
      ("\"place\":\"p.yaml:1\"", "\"place\":\"p.yaml:2\""),
      ("{\"noSnoop\":\"forbidden\",\"place\"", "{\"bus\":9,\"noSnoop\":\"forbidden\",\"place\""),
      ("\"require\":[\"coherent\"]", "\"require\":[\"objective=page-tables\"]"),
      ("\"kind\":\"Policy\"", "\"kind\":\"Host\""),
    ] {
      #expect(try !sample.findings(replacing: old, with: new).isEmpty, "\(new)")
    }
  }

  @Test func anExplanationNamesTheRowItsReasonWhereItIsFollowedElseWhatIsInItsWay() throws {
    let world = SmallWorld(devices: [
      .init(group: 0, intent: .auto), .init(group: 1, enforceSnoop: .no, intent: .auto),
      .init(group: 2, noSnoopCapable: .no, intent: .auto), .init(group: 3, intent: .required),
      .init(group: 3, intent: .auto),
    ])
    func whys(_ intent: NoSnoopIntent, _ dialect: any Dialect) throws -> [Substring] {
      let policy = Policy(rows: [Self.row(DevicePattern(bus: 1), intent, 7, reason: "so be it")])
      let plan = try #require(Self.compile(world, dialect, policy)).plan
      return plan.devices.indices.map {
        let why = PlanExplanation(plan).why(of: $0)
        return why[(why.range(of: " ('auto'")?.lowerBound ?? why.endIndex)...]
      }
    }
    #expect(
      try whys(.forbidden, IOASIDProposalDialect()) == [
        " ('auto' is 'forbidden' by p.yaml:7: so be it)",
        " ('auto' is 'allowed', not 'forbidden' by p.yaml:7: its IOMMU group cannot be enforced)",
        " ('auto' is 'forbidden' by p.yaml:7: so be it)", "",
        " ('auto' is 'allowed', not 'forbidden' by p.yaml:7: no-snoop is required of d3 in its "
          + "IOMMU group)",
      ])
    #expect(
      try whys(.required, IOASIDProposalDialect()) == [
        " ('auto' is 'required' by p.yaml:7: so be it)",
        " ('auto' is 'required' by p.yaml:7: so be it)",
        " ('auto' is 'allowed', not 'required' by p.yaml:7: it cannot no-snoop)", "",
        " ('auto' is 'required' by p.yaml:7: so be it)",
      ])
  }

  @Test func ofTwoRowsThatContradictInAGroupTheFirstGoesFirstWhicheverDeviceIsFirst() throws {
    let graphics = SmallWorld.Device(intent: .auto, isGraphics: true)
    let mate = SmallWorld.Device(intent: .auto)
    let rows = [
      Self.row(DevicePattern(bus: 0), .required, 1), Self.row(DevicePattern(bus: 1), .forbidden, 2),
    ]
    for devices in [[graphics, mate], [mate, graphics]] {
      for (rows, isRequired) in [(rows, true), (rows.reversed(), false)] {
        let plan = try #require(
          Self.compile(
            SmallWorld(devices: devices), IOASIDProposalDialect(), Policy(rows: rows))
        ).plan
        #expect(plan.devices.allSatisfy { $0.isEffective == isRequired })
      }
    }
    let builtIn = try #require(
      Self.compile(
        SmallWorld(devices: [graphics, mate]), IOASIDProposalDialect(),
        Policy(rows: Array(rows.dropFirst())))
    ).plan
    #expect(builtIn.devices.map(\.resolved) == [.allowed, .forbidden])
  }

  @Test func theRowsOfAPolicyGoBeforeTheBuiltInOne() throws {
    let world = SmallWorld(devices: [.init(intent: .auto, isGraphics: true)])
    let dialect = IOASIDProposalDialect()
    #expect(Self.compile(world, dialect)?.plan.devices[0].resolved == .required)
    for intent in [NoSnoopIntent.allowed, .forbidden] {
      let policy = Policy(rows: [Self.row(DevicePattern(vendor: 0x8086), intent)])
      #expect(Self.compile(world, dialect, policy)?.plan.devices[0].resolved == intent)
    }
  }

  @Test func codesAreUniqueAscendingAndExplainedAndAllButOneHaveAFixture() {
    let names = PolicyDiagnostics.all.map(\.name)
    #expect(names == Set(names).sorted())
    let inFixtures = Set(PlannerFixtureTests.fixtures.flatMap(\.codes))
    for code in PolicyDiagnostics.all {
      #expect(code.name.wholeMatch(of: /VP35\d\d/) != nil)
      #expect(code.explanation.count > 80 && code.explanation.hasSuffix("."), "\(code.name)")
      // 1001 rows are too much for a file: see below.
      #expect(inFixtures.contains(code.name) || code.name == "VP3502", "\(code.name)")
    }
  }

  /// A policy has at most 1000 rows.
  @Test func aPolicyHasAThousandRowsAtMost() throws {
    let rows = (0...1000).map { Self.row(DevicePattern(device: UInt16($0)), .allowed, $0) }
    var sink = DiagnosticSink()
    PolicyDiagnostics.check(Policy(rows: Array(rows.dropLast())), into: &sink)
    #expect(sink.diagnostics.isEmpty)
    PolicyDiagnostics.check(Policy(rows: rows), into: &sink)
    #expect(sink.diagnostics.map(\.code.name) == ["VP3502"])
    #expect(sink.diagnostics.map(\.span) == [rows.last?.span])
    let world = SmallWorld(devices: [.init(intent: .auto)])
    #expect(Self.compile(world, IOMMUFDDialect(), Policy(rows: rows)) == nil)
  }

  @Test func plansThatDifferByTheirPoliciesSaySo() throws {
    let world = SmallWorld(devices: [.init(group: 0)])
    let rows = [
      Self.row(DevicePattern(bus: 1), .required, 1), Self.row(DevicePattern(), .allowed, 2),
    ]
    let before = try #require(
      Self.compile(world, IOMMUFDDialect(), Policy(rows: rows, requirements: [.init(.noBox3)])))
    let after = try #require(
      Self.compile(
        world, IOMMUFDDialect(),
        Policy(rows: [Self.row(DevicePattern(bus: 1), .forbidden, 5, reason: "new")])))
    let changes = PlanDifference(from: before, to: after).changes
    #expect(changes.allSatisfy { $0.subject == .policy })
    #expect(changes.map(\.name) == ["any device", "require no-box-3", "bus 0x01"])
    #expect(changes.map(\.kind) == [.removed, .removed, .changed])
    #expect(changes[2].facets.map(\.key) == ["noSnoop", "reason"])
    #expect(PlanDifference(from: before, to: before).isEmpty)
  }
}

/// What a policy requires.
struct RequirementTests {
  private static func broken(_ what: Requirement, _ plan: CompiledPlan) -> Bool {
    !BrokenRequirements(plan).findings([.init(what)]).isEmpty
  }

  @Test func aRequirementIsBrokenExactlyByThePlansThatAreNotAsItSays() {
    for seed in 0..<600 as Range<UInt64> {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        var sink = DiagnosticSink()
        guard
          let plan = try? Compilation.compile(
            world.vm(.pageTables), on: world.host, dialect: dialect, into: &sink)
        else { continue }
        #expect(Self.broken(.coherent, plan) == (plan.plan.metrics.wbinvd == 1))
        #expect(Self.broken(.noBox3, plan) == plan.plan.devices.contains { $0.box == 3 })
        #expect(Self.broken(.objective(.coherency), plan))
        #expect(!Self.broken(.objective(.pageTables), plan))
      }
    }
  }

  @Test func whereEveryFactIsKnownNoPromiseRestsOnAnUnknownOne() {
    for seed in 0..<600 as Range<UInt64> {
      var world = SmallWorlds.random(seed: seed)
      for index in world.devices.indices {
        if world.devices[index].enforceSnoop == .unknown { world.devices[index].enforceSnoop = .no }
        if world.devices[index].noSnoopCapable == .unknown {
          world.devices[index].noSnoopCapable = .yes
        }
      }
      for dialect in Dialects.all {
        var sink = DiagnosticSink()
        guard
          let plan = try? Compilation.compile(
            world.vm(), on: world.host, dialect: dialect, into: &sink)
        else { continue }
        #expect(!Self.broken(.knownFacts, plan), "seed \(seed) \(dialect.name)\n\(world)")
      }
    }
  }

  @Test func forbiddenAndAllowedNeverRestOnAnUnknownFactRequiredDoes() throws {
    for intent in [NoSnoopIntent.forbidden, .allowed, .required] {
      let world = SmallWorld(devices: [.init(noSnoopCapable: .unknown, intent: intent)])
      var sink = DiagnosticSink()
      let plan = try Compilation.compile(
        world.vm(), on: world.host, dialect: IOASIDProposalDialect(), into: &sink)
      #expect(Self.broken(.knownFacts, plan) == (intent == .required))
    }
  }

  @Test func everyBrokenRequirementIsNamedOnceWithItsPlaceAndItsDevices() throws {
    let world = SmallWorld(
      devices: (0..<5).map { .init(group: $0, enforceSnoop: .no, intent: .allowed) })
    var sink = DiagnosticSink()
    let plan = try Compilation.compile(
      world.vm(), on: world.host, dialect: IOMMUFDDialect(), into: &sink)
    let place = SourceSpan(source: .policy, start: 3, end: 9)
    let findings = BrokenRequirements(plan).findings([
      .init(.noBox3, span: place), .init(.coherent), .init(.noBox3), .init(.knownFacts),
    ])
    #expect(findings.map(\.code.name) == ["VP3513", "VP3511"])
    #expect(findings.map(\.span) == [place, nil])
    #expect(findings[0].message.contains("'d0', 'd1', 'd2' and 2 more are in it"))
    #expect(findings[0].notes.map(\.span) == (0..<3).map { SmallWorld.span($0) })
  }
}
