import TestSupport
import Testing

/// `--policy` and `--require`, as the tool's user meets them.
struct PolicyCommandTests {
  static let policy = "examples/policy.yaml"
  /// Graphics about which nothing is said, behind a unit that can enforce.
  static let graphics = [
    "examples/mail-flow.yaml", "--host", "examples/hosts/snoop-control.yaml", "--target", "ioasid",
  ]

  @Test func aRowDecidesAndTheReportSaysWhich() throws {
    let plain = try Tool.run(["compile"] + Self.graphics + ["--why"])
    #expect(plain.output.contains("'auto' is 'required' for Intel"))
    for form in [["--why"], ["--format", "json"]] {
      let outcome = try Tool.run(["compile"] + Self.graphics + ["--policy", Self.policy] + form)
      #expect(outcome.code == 0 && outcome.errors == "")
      let words = outcome.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(
        words.contains("'auto' is 'forbidden' by examples/policy.yaml:10: guests share the caches"))
    }
  }

  @Test(arguments: [["compile"], ["apply", "--simulate"], ["apply", "--dry-run"]])
  func aBrokenRequirementStopsWithItsPlaceAndItsDevices(command: [String]) throws {
    let outcome = try Tool.run(command + ApplyTests.input + ["--policy", Self.policy])
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(
      outcome.errors.hasPrefix(
        "examples/policy.yaml:12:12: error[VP3511]: 'coherent' is required, but KVM carries out "
          + "WBINVD: the no-snoop DMA of 'igd' is effective\n"))
    #expect(outcome.errors.contains("note: 'igd' is given here"))
  }

  @Test func findingsAsJSONNameThePolicy() throws {
    let outcome = try Tool.run(
      ["compile"] + ApplyTests.input + ["--policy", Self.policy, "--diagnostics", "json"])
    let finding = try #require(try JSONValue(outcome.errors).elements.first)
    #expect(finding["file"]?.text == Self.policy && finding["line"]?.number == 12)
    try SchemaTests.validate(["diagnostics", "-"], input: outcome.errors)
  }

  @Test(arguments: [["compile"], ["apply", "--simulate"]])
  func requirementsOfTheCommandLineHaveNoPlace(command: [String]) throws {
    let outcome = try Tool.run(
      command + ApplyTests.input
        + ["--require", "known-facts", "--require", "no-box-3", "--require", "coherent"])
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(outcome.errors.contains("vfioplan: error[VP3513]: 'no-box-3' is required"))
    #expect(outcome.errors.contains("vfioplan: error[VP3511]: 'coherent' is required"))
    let kept = try Tool.run(
      command + ApplyTests.input + ["--require", "known-facts", "--require", "objective=coherency"])
    #expect(kept == (try Tool.run(command + ApplyTests.input)))
  }

  @Test func aSavedPlanHoldsItsPolicy() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    let compile = ["compile"] + Self.graphics + ["--policy", Self.policy, "-o"]
    #expect(try Tool.run(compile + [plan]).code == 0)
    #expect(try Tool.run(compile + [folder.path("again.json")]).code == 0)
    let text = try folder.text("plan.json")
    #expect(try folder.text("again.json") == text)
    try SchemaTests.validate(["plan", "-"], input: text)
    let run = try Tool.run(["apply", plan, "--simulate", "--require", "coherent"])
    #expect(run.code == 0, "\(run.errors)")
    let same = try Tool.run(["diff", plan] + Self.graphics + ["--other-policy", Self.policy])
    #expect(same.code == 0 && same.output == "diff: no changes\n")
    let other = try Tool.run(["diff", plan] + Self.graphics)
    #expect(other.output.contains("-  policy  require coherent\n"))
  }

  @Test func aSavedPlanAsksTheCommandLineButTakesNoOtherPolicy() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    #expect(try Tool.run(["compile"] + ApplyTests.input + ["-o", plan]).code == 0)
    let broken = try Tool.run(["apply", plan, "--simulate", "--require", "no-box-3"])
    #expect(broken.code == 1 && broken.errors.contains("error[VP3513]"))
    let other = try Tool.run(["apply", plan, "--simulate", "--policy", Self.policy])
    #expect(other.code == 64 && other.errors.contains("error[VP3901]"))
  }

  @Test func diffComparesUnderOnePolicyOrTwo() throws {
    let same = [Self.graphics[0]] + Self.graphics
    let both = try Tool.run(["diff"] + same + ["--policy", Self.policy])
    #expect(both.output == "diff: no changes\n")
    let one = try Tool.run(["diff"] + same + ["--other-policy", Self.policy, "--format", "json"])
    #expect(one.output.contains("\"name\":\"require known-facts\",\"kind\":\"added\""))
    #expect(
      one.output.contains("{\"key\":\"resolved\",\"before\":\"required\",\"after\":\"forbidden"))
  }

  @Test func aPolicyIsReadFromStandardInputAndNamesItself() throws {
    let text = try PackageFiles.text(Self.policy)
    let outcome = try Tool.run(
      ["compile"] + Self.graphics + ["--policy", "-", "--format", "json"], input: text)
    #expect(outcome.code == 0 && outcome.output.contains("by <stdin>:10: "))
    let wrong = try Tool.run(["compile"] + Self.graphics + ["--policy", "-"], input: "kind: VM\n")
    #expect(wrong.code == 1)
    #expect(wrong.errors.hasPrefix("<stdin>:1:7: error[VP1025]: expected a policy, found a VM"))
  }

  @Test func findingsOfThePolicyAndOfTheVMAreShownTogether() throws {
    let outcome = try Tool.run(
      ["compile", UsageTests.host, "--host", UsageTests.host, "--policy", UsageTests.vm])
    #expect(outcome.code == 1)
    #expect(outcome.errors.components(separatedBy: "error[VP1025]").count == 3)
    let missing = try Tool.run(["compile"] + ApplyTests.input + ["--policy", "none.yaml"])
    #expect(missing.code == 66 && missing.errors.contains("can't read 'none.yaml'"))
  }

  @Test(arguments: [
    (["compile", "-", "--policy", "-"], "Standard input can be only one of the inputs."),
    (
      ["apply", "-", "--policy", "-", "--simulate"], "Standard input can be only one of the inputs."
    ),
    (["diff", "a", "b", "--policy", "-", "--other-policy", "-"], "Standard input can be only one"),
    (["compile", "a", "--policy", policy, "-o", policy], "'\(policy)' is an input"),
    (["compile", "a", "--require", "no-box-4"], "The value 'no-box-4' is invalid for '--require"),
    (["compile", "a", "--pareto", "--require", "coherent"], "--require is about one plan"),
  ])
  func aWrongCommandLineIsRefused(arguments: [String], message: String) throws {
    let outcome = try Tool.run(arguments)
    #expect(outcome.code == 64 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("Error: \(message)"), "\(outcome.errors)")
  }
}
