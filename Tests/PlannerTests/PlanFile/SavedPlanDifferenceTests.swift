import Parser
import Planner
import TestSupport
import Testing

/// What changes between two saved plans.
struct SavedPlanDifferenceTests {
  private func plan(
    _ example: String, _ target: String = "iommufd",
    _ change: (inout VMDescription) -> Void = { _ in
    }
  ) throws -> CompiledPlan {
    let compiled = try SavedPlanSample(Example.named(example), target).compiled
    var vm = compiled.vm.described
    change(&vm)
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: compiled.host, target: target, into: &sink)
  }

  private static func facets(_ change: PlanDifference.Change) -> [String] {
    change.facets.map { "\($0.key): \($0.before ?? "none") -> \($0.after ?? "none")" }
  }

  @Test(arguments: Example.all)
  func aPlanDoesNotDifferFromItselfNorFromItselfReadBack(example: Example) throws {
    for target in Example.targets {
      guard let sample = try? SavedPlanSample(example, target) else { continue }
      #expect(PlanDifference(from: sample.compiled, to: sample.compiled).isEmpty)
      let read = try sample.read(sample.text)
      #expect(PlanDifference(from: sample.compiled, to: read).isEmpty, "\(example), \(target)")
    }
  }

  @Test func aDeviceThatGoesTakesItsStepsAndItsPageTableWithIt() throws {
    let (before, after) = (
      try plan("igd-and-nic"), try plan("igd-and-nic") { $0.devices.removeAll { $0.name == "nic" } }
    )
    let difference = PlanDifference(from: before, to: after)
    let removed = difference.changes.filter { $0.kind == .removed }
    #expect(removed.map(\.name) == ["gpa.1", "nic"])
    #expect(removed.map(\.subject) == [.ioasid, .device])
    let metric = try #require(difference.changes.first { $0.name == "pageTables" })
    #expect(Self.facets(metric) == ["value: 2 -> 1"])
    #expect(difference.steps.edits.count == before.program.steps.count - after.program.steps.count)
    let back = PlanDifference(from: after, to: before)
    #expect(back.changes.filter { $0.kind == .added }.map(\.name) == ["gpa.1", "nic"])
  }

  @Test func anIntentThatChangesIsNamedWithWhatFollowsFromIt() throws {
    let difference = PlanDifference(
      from: try plan("igd-and-nic", "ioasid"),
      to: try plan("igd-and-nic", "ioasid") { $0.devices[1].noSnoop = .required })
    let nic = try #require(difference.changes.first { $0.name == "nic" })
    #expect(nic.kind == .changed)
    let facets = Self.facets(nic)
    #expect(facets.contains("noSnoop: forbidden -> required"))
    #expect(facets.contains("effective: false -> true"))
    #expect(nic.facets.contains { $0.key == "ioasid" })
  }

  @Test func theTargetMemoryAndKVMClauseAreComparedToo() throws {
    let difference = PlanDifference(
      from: try plan("igd-and-nic"),
      to: try plan("igd-and-nic", "type1") {
        $0.kvm.incoherentDMA = .always
        $0.memory[1].size = 8 << 30
        $0.memory[1].hugePageBytes = 2 << 20
      })
    let whole = try #require(difference.changes.first { $0.subject == .plan })
    #expect(Self.facets(whole) == ["target: iommufd -> type1"])
    let memory = try #require(difference.changes.first { $0.subject == .memory })
    #expect(memory.name == "0x100000000")
    #expect(memory.facets.map(\.key) == ["size", "hugepages"])
    #expect(difference.changes.contains { $0.subject == .kvm })
    #expect(difference.changes.contains { $0.subject == .mapping })
  }

  @Test func theScriptTurnsTheOneProgramIntoTheOtherAndIsTheShortest() {
    var random = SeededNumbers(seed: 11)
    for round in 0..<200 {
      let old = Self.program(&random)
      let new = Self.program(&random)
      let difference = StepDifference(from: old, to: new)
      let what: Comment = "seed 11, round \(round)"
      #expect(Self.apply(difference, old, new) == Self.texts(new), what)
      #expect(difference.keptCount == Self.longestCommon(Self.texts(old), Self.texts(new)), what)
      #expect(
        difference.edits.count
          == old.steps.count + new.steps.count - 2 * difference.keptCount, what)
    }
  }

  @Test func aStepThatRepeatsStillGivesAScriptThatTurnsTheOneIntoTheOther() {
    var random = SeededNumbers(seed: 12)
    for round in 0..<200 {
      let (old, new) = (Self.program(&random, of: 3), Self.program(&random, of: 3))
      let difference = StepDifference(from: old, to: new)
      #expect(Self.apply(difference, old, new) == Self.texts(new), "seed 12, round \(round)")
    }
  }

  /// A few steps in random order; distinct unless drawn from `kinds` with repetition.
  private static func program(_ random: inout SeededNumbers, of kinds: Int? = nil) -> Program {
    let all = (0..<8).map { index in
      Step(.open(.vfioGroup(index), ResultID(Int32(index))), origin: .wholeVM)
    }
    let steps =
      kinds.map { kinds in (0..<6).map { _ in all[Int.random(in: 0..<kinds, using: &random)] } }
      ?? Array(all.shuffled(using: &random).prefix(Int.random(in: 0...8, using: &random)))
    return Program(
      steps: steps, results: (0..<8).map { ResultDefinition(name: "g\($0)", kind: .group) })
  }

  private static func texts(_ program: Program) -> [Action] { program.steps.map(\.action) }

  private static func apply(
    _ difference: StepDifference, _ old: Program, _ new: Program
  ) -> [Action] {
    var removed: Set<Int> = []
    var added: [Int] = []
    for edit in difference.edits {
      switch edit {
      case .removed(let index): removed.insert(index)
      case .added(let index): added.append(index)
      }
    }
    var kept = old.steps.indices.filter { !removed.contains($0) }.map { old.steps[$0].action }[...]
    let addedSet = Set(added)
    return new.steps.indices.compactMap { index in
      addedSet.contains(index) ? new.steps[index].action : kept.popFirst()
    }
  }

  private static func longestCommon(_ one: [Action], _ two: [Action]) -> Int {
    var row = [Int](repeating: 0, count: two.count + 1)
    for left in one {
      var diagonal = 0
      for (index, right) in two.enumerated() {
        let above = row[index + 1]
        row[index + 1] = left == right ? diagonal + 1 : max(above, row[index])
        diagonal = above
      }
    }
    return row[two.count]
  }
}
