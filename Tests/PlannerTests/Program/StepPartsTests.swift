import Parser
import TestSupport
import Testing

@testable import Planner

/// What a step says of itself, against what it uses and makes.
struct StepPartsTests {
  static func program(_ path: String) throws -> Program {
    try ProgramTextReader.read(
      SourceFile(id: .vm, name: path, text: try PackageFiles.text(path)))
  }

  /// The results that an operand names.
  static func used(in operand: StepOperand) -> [ResultID] {
    switch operand.value {
    case .member(.result(let id), _, _), .member(.memory(let id, _), _, _): [id]
    case .operand(.result(let id)), .bits(.result(let id)): [id]
    default: []
    }
  }

  @Test(arguments: ProgramTextLawTests.goldens)
  func thePartsShowEveryResultThatAStepUsesAndMakesInThatOrder(path: String) throws {
    for step in try Self.program(path).steps {
      let parts = step.action.parts
      var used: [ResultID] = []
      var made: [ResultID] = []
      let same = step.action.mapResults(
        used: {
          used.append($0)
          return $0
        },
        made: {
          made.append($0)
          return $0
        })
      #expect(same == step.action)
      #expect(used == (parts.receiver.map { [$0] } ?? []) + parts.operands.flatMap(Self.used))
      #expect(made == parts.results.map(\.id))
    }
  }

  @Test(arguments: ProgramTextLawTests.goldens.prefix(4))
  func whatUsesAResultThatHasNoOtherIsLeftOut(path: String) throws {
    for action in try Self.program(path).steps.map(\.action) {
      let left = action.mapResults(used: { _ in nil }, made: { $0 })
      let parts = action.parts
      let usesNone = parts.receiver == nil && parts.operands.flatMap(Self.used).isEmpty
      #expect(left == (usesNone ? action : nil))
    }
  }

  @Test func aNodeOfWhichThereIsOneHasAPathOfItsOwnAndOpensAFile() {
    let nodes = DevicePath.single
    #expect(Set(nodes.map(\.node)).count == nodes.count)
    #expect(nodes.allSatisfy { $0.node.hasPrefix("/dev/") && $0.kind.isFile })
  }
}
