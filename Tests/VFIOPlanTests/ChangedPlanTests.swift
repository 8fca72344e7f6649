import TestSupport
import Testing

/// Plan files that were changed after they were written, as the tool's user meets them.
struct ChangedPlanTests {
  @Test(arguments: [["apply", "--simulate"], ["apply", "--dry-run"], ["diff"]])
  func aChangedPlanIsRefusedAtTheChangedValue(command: [String]) throws {
    let folder = try TemporaryFolder()
    let saved = folder.path("saved.json")
    _ = try Tool.run(["compile"] + ApplyTests.input + ["--format", "json", "-o", saved])
    let text = try folder.text("saved.json")
    let changed = text.replacing("\"effective\":true", with: "\"effective\":false")
    try #require(changed != text)
    let plan = try folder.write(changed, to: "changed.json")
    let operands = command == ["diff"] ? [saved, plan] : [plan]
    let outcome = try Tool.run(command + operands)
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(outcome.errors.contains("changed.json:"))
    #expect(
      outcome.errors.contains(
        "error[VP1803]: 'devices[0].effective' says 'false', "
          + "but the facts in this file give 'true'"))
  }
}
