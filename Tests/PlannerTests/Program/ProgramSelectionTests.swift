import Parser
import Planner
import TestSupport
import Testing

struct ProgramSelectionTests {
  static let sketch = PlanSketch([
    .init("igd", group: 0, driver: "i915", isEnforced: false, canEnforce: false),
    .init("nic", group: 17),
  ])

  static func lowered(_ dialect: some Dialect) -> Program {
    dialect.lower(sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
  }

  static let programs = [
    lowered(IOMMUFDDialect()), lowered(VFIOType1Dialect()), lowered(IOASIDProposalDialect()),
  ]

  @Test(arguments: programs)
  func aConditionThatAlwaysHoldsChangesNothing(program: Program) {
    #expect(program.keeping { _ in true } == program)
    #expect(program.keeping { _ in false } == Program())
  }

  @Test func withoutTheVMNothingTellsKVMAnythingAndAllElseIsThereUnderNewNumbers() {
    let program = Self.programs[0]
    let kept = program.keeping { step in
      if case .open(.kvm, _) = step.action { false } else { true }
    }
    #expect(ProgramVerifier.verify(kept, for: IOMMUFDDialect()) == [])
    var vm = Self.sketch.vm
    vm.kvm.owner = .command
    let other = IOMMUFDDialect().lower(
      Self.sketch.plan(target: "iommufd"), for: vm, on: Self.sketch.host)
    #expect(kept == other)
    #expect(ProgramUndoTests.undos(kept) == ProgramUndoTests.undos(other))
  }

  @Test(arguments: programs)
  func anyStepCanBeLeftOutAndWhatIsLeftUsesOnlyWhatIsMade(program: Program) {
    for (index, left) in program.steps.enumerated() {
      let kept = program.keeping { $0 != left }
      #expect(kept.steps.count < program.steps.count)
      #expect(!kept.steps.contains(left) || kept.results.count < program.results.count)
      let breaches = ProgramVerifier.verify(kept).filter {
        [.definedEarlier, .madeOnce, .operandKinds, .resultKinds].contains($0.law)
      }
      #expect(breaches == [], "without step \(index + 1)")
    }
  }
}
