import TestSupport
import Testing

/// What the comments of the examples promise, worked out by hand from the model.
struct ExampleTests {
  /// The metrics: wbinvd, incoherentDevices, pageTables, blockedNoSnoop.
  ///
  /// They are `nil` where the target can't express the example.
  struct Answer: CustomStringConvertible, Sendable {
    var example: String
    var target: String
    var metrics: [Int]?
    var objective: String?
    var description: String { "\(example)/\(target) \(objective ?? "")" }
  }

  static let everyTarget: [(String, [Int]?)] = [
    ("amd-unknown", [0, 0, 1, 3]), ("arm-unknown", [0, 2, 1, 0]), ("box-4", [0, 0, 1, 0]),
    ("companions", [0, 0, 1, 1]), ("found-devices", [0, 0, 1, 2]),
    ("gpu-and-audio", [0, 0, 1, 1]), ("group-conflict", nil), ("huge-pages", [0, 0, 1, 2]),
    ("igd-and-nic", [1, 1, 2, 0]), ("infeasible", nil), ("kvm-always", [1, 0, 2, 1]),
    ("kvm-never", [0, 0, 2, 1]), ("mixed-iommus", [0, 0, 3, 2]), ("nested-virtio", [0, 0, 1, 0]),
    ("objectives", [1, 1, 4, 2]), ("order-trap", [1, 1, 2, 1]),
    ("two-address-spaces", [0, 0, 2, 0]), ("virtual-functions", [0, 0, 1, 2]),
  ]

  static let byTarget: [(String, [[Int]?])] = [
    ("borrowed-table", [[1, 1, 1, 0], [1, 1, 1, 0], nil]),
    ("mail-flow", [[1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]]),
    ("required-no-snoop", [[1, 2, 1, 0], nil, nil]),
  ]

  static let byObjective: [(String, [[Int]])] = [
    ("page-tables", [[1, 2, 3, 1], [1, 2, 3, 1], [1, 1, 4, 2]]),
    ("device-performance", [[1, 3, 3, 0], [1, 3, 3, 0], [1, 1, 4, 2]]),
  ]

  static var answers: [Answer] {
    let same = everyTarget.flatMap { name, metrics in
      Example.targets.map { Answer(example: name, target: $0, metrics: metrics) }
    }
    let different = byTarget.flatMap { name, metrics in
      zip(Example.targets, metrics).map { Answer(example: name, target: $0, metrics: $1) }
    }
    let objectives = byObjective.flatMap { objective, metrics in
      zip(Example.targets, metrics).map {
        Answer(example: "objectives", target: $0, metrics: $1, objective: objective)
      }
    }
    return same + different + objectives
  }

  @Test(arguments: answers)
  func theAnswerIsTheOneWorkedOutByHand(answer: Answer) throws {
    let example = Example.named(answer.example)
    var arguments = [
      "compile", example.vmPath, "--host", example.hostPath, "--target", answer.target,
      "--format", "json",
    ]
    if let objective = answer.objective { arguments += ["--objective", objective] }
    let outcome = try Tool.run(arguments)
    guard let metrics = answer.metrics else {
      // 69 if it is the target that can't.
      let isTargetUnable = outcome.errors.contains("error[VP3007]")
      #expect(outcome.code == (isTargetUnable ? 69 : 1) && outcome.output.isEmpty, "\(outcome)")
      return
    }
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try JSONValue(outcome.output).metrics == metrics)
  }

  @Test(arguments: Example.targets, [["compile"], ["compile", "--all"], ["apply", "--simulate"]])
  func onArmNothingSpeaksOfAModeThatKVMDoesNotHave(target: String, command: [String]) throws {
    let example = Example.named("arm-unknown")
    let outcome = try Tool.run(
      command + [example.vmPath, "--host", example.hostPath, "--target", target])
    #expect(outcome.code == 0, "\(outcome.errors)")
    for word in ["WBINVD", "cache attributes", "PAT", "KVM_ALLOW_INCOHERENT_DMA"] {
      #expect(!outcome.output.contains(word), "\(word) is in\n\(outcome.output)")
    }
  }

  @Test func everyExampleHasItsAnswers() {
    for example in Example.all {
      let targets = Set(Self.answers.filter { $0.example == example.name }.map(\.target))
      #expect(targets.count == Example.targets.count, "\(example)")
    }
  }

  @Test(arguments: answers.filter { $0.metrics != nil && $0.objective == nil })
  func whatCompilesRunsOnTheSimulator(answer: Answer) throws {
    let example = Example.named(answer.example)
    let outcome = try Tool.run([
      "apply", example.vmPath, "--host", example.hostPath, "--target", answer.target, "--simulate",
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
  }
}
