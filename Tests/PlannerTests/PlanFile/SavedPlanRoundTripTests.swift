import Parser
import Planner
import TestSupport
import Testing

/// Saved plans are read back as they were.
struct SavedPlanRoundTripTests {
  /// Everything of a plan that is not a place in a file.
  private static func expectSame(
    _ read: CompiledPlan, _ written: CompiledPlan, _ what: Comment
  ) {
    // Written without files, so that no step has a line: then the text has no places in it.
    var (one, two) = (read, written)
    one.diagnostics = []
    two.diagnostics = []
    #expect(
      SavedPlanWriter.text(one, files: []) == SavedPlanWriter.text(two, files: []), what)
    #expect(read.program.hasSameActions(as: written.program), what)
    #expect(read.plan.metrics == written.plan.metrics, what)
    #expect(read.plan.pageTables == written.plan.pageTables, what)
    // Findings are listed by their places, and the parts of a plan file have an order of their own.
    #expect(
      read.diagnostics.map(\.message).sorted() == written.diagnostics.map(\.message).sorted(), what)
  }

  /// load(save(x)) is x for every example on every target.
  @Test(arguments: Example.all)
  func aSavedExampleReadsBackAsTheSamePlanOnEveryTarget(example: Example) throws {
    var count = 0
    for target in Example.targets {
      guard let sample = try? SavedPlanSample(example, target) else { continue }
      count += 1
      let read = try sample.read(sample.text)
      Self.expectSame(read, sample.compiled, "\(example) on \(target)")
    }
    #expect(count > 0 || example.name.hasPrefix("infeasible") || example.name == "group-conflict")
  }

  /// load(save(x)) is x for random small worlds.
  @Test func aSavedSmallWorldReadsBackAsTheSamePlan() throws {
    var random = SeededNumbers(seed: 0x5EED_0001)
    var count = 0
    for round in 0..<400 {
      let (vm, host) = SampleWorld.random(&random)
      for target in Example.targets {
        var sink = DiagnosticSink()
        guard
          let compiled = try? Compilation.compile(vm, on: host, target: target, into: &sink)
        else { continue }
        count += 1
        let sample = SavedPlanSample(compiled, files: [])
        let what: Comment = "seed 0x5EED0001, round \(round), \(target)"
        do {
          Self.expectSame(try sample.read(sample.text), compiled, what)
        } catch {
          Issue.record("\(what): \(error)")
        }
      }
    }
    #expect(count > 200)
  }

  @Test func theOrderOfKeysWhiteSpaceAndQuotesOfAPlanFileDoNotMatter() throws {
    let sample = try SavedPlanSample(Example.named("igd-and-nic"), "iommufd")
    let loose = sample.text
      .replacing("{\"index\":1,\"call\":", with: "{  \"index\" : \"1\",\n  call: ")
      .replacing(
        "\"wbinvd\":1,\"incoherentDevices\":1", with: "\"incoherentDevices\":1,\"wbinvd\":1")
    #expect(loose != sample.text)
    let read = try sample.read(loose)
    Self.expectSame(read, sample.compiled, "loose layout")
  }

  @Test func everyStepOfAPlanReadBackComesFromItsPlaceInThePlanFile() throws {
    let sample = try SavedPlanSample(Example.named("igd-and-nic"), "iommufd")
    let read = try sample.read(sample.text)
    let bytes = Array(sample.text.utf8)
    for (index, step) in read.program.steps.enumerated() {
      let text = String(
        decoding: bytes[Int(step.origin.start)..<Int(step.origin.end)], as: UTF8.self)
      #expect(text.hasPrefix("{\"index\":\(index + 1),"))
      #expect(text.hasSuffix("}"))
    }
  }

  @Test func aPlanFileIsTheSameBytesEveryTime() throws {
    let first = try SavedPlanSample(Example.named("mixed-iommus"), "iommufd").text
    for _ in 0..<20 {
      #expect(try SavedPlanSample(Example.named("mixed-iommus"), "iommufd").text == first)
    }
  }

  @Test(arguments: [1, 2049])
  func aPlanInPiecesIsThePlanHoweverManyElementsItHas(count: Int) throws {
    let compiled = try SampleWorld.wide(count)
    let sample = SavedPlanSample(compiled, files: [])
    let json = try JSONValue(sample.text)
    #expect(json["devices"]?.elements.count == count)
    #expect(json["host"]?["devices"]?.elements.count == count)
    #expect(json["steps"]?.elements.count == compiled.program.steps.count)
    Self.expectSame(
      try sample.read(sample.text), compiled, "\(count) devices")
  }
}
