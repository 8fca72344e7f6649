import Parser
import Planner
import TestSupport
import Testing

/// Plan files made to do harm: refused when they are read, which is before anything is opened.
struct SavedPlanForgeryTests {
  typealias Change = SavedPlanHostileTests.Change

  static let sample = Result { try SavedPlanSample(Example.named("companions"), "iommufd") }

  /// Changes to a plan with a companion on an IOMMU group of three.
  static let changes = [
    Change(
      "a companion of another group", #""address":"0000:00:1f.4","group":15,"driver":"i801_smbus""#,
      #""address":"0000:00:1f.4","group":16,"driver":"i801_smbus""#, "VP1803"),
    Change(
      "a companion that is not in the group", #"{"address":"0000:00:1f.4","group":15,"driver""#,
      #"{"address":"0000:02:00.0","group":15,"driver""#, "VP1803"),
    Change(
      "a companion's driver", #""driver":"i801_smbus","device":"sound""#,
      #""driver":"ahci","device":"sound""#, "VP1803"),
    Change(
      "a companion for a device that is none", #""driver":"i801_smbus","device":"sound""#,
      #""driver":"i801_smbus","device":"nobody""#, "VP1803"),
    Change("a second companion", #""companions":["#, #""companions":[{},"#, "VP1803"),
    Change(
      "the companion's device another's", #""device":"0000:00:1f.4","attribute":"driver/unbind""#,
      #""device":"0000:02:00.0","attribute":"driver/unbind""#, "VP1804"),
    Change(
      "the companion not asked for", #""companions":"bind""#, #""companions":"refuse""#, "VP4005"),
    Change(
      "a driver of the companion that is none of VFIO's", #""driver":"vfio-pci","undo":"revert""#,
      #""driver":"nvidia","undo":"revert""#, "VP1804"),
    Change(
      "a host driver with a path for a name", #""driver":"snd_hda_intel","noSnoop"#,
      #""driver":"../../x","noSnoop"#, "VP1030"),
    Change(
      "a host driver of 65 letters", #""driver":"snd_hda_intel","noSnoop"#,
      #""driver":"\#(String(repeating: "a", count: 65))","noSnoop"#, "VP1030"),
    Change(
      "a described driver that is none of VFIO's", #""address":"0000:00:1f.3"}"#,
      #""address":"0000:00:1f.3","driver":"evil"}"#, "VP4015"),
    Change(
      "a described driver that only ends like one", #""address":"0000:00:1f.3"}"#,
      #""address":"0000:00:1f.3","driver":"evilvfio-pci"}"#, "VP4015"),
    Change(
      "a device's name of 65 letters", #"{"name":"sound","address":"0000:00:1f.3"}"#,
      #"{"name":"\#(String(repeating: "a", count: 65))","address":"0000:00:1f.3"}"#, "VP1030"),
    Change(
      "a result's name of a million letters", #""result":"iommufd""#,
      #""result":"\#(String(repeating: "a", count: 1 << 20))""#, "VP1804"),
    Change(
      "a group of 2^64", #""group":15,"noSnoop""#, #""group":18446744073709551616,"noSnoop""#,
      "VP1803"),
    Change(
      "a described region of 2^64 bytes", #""memory":[{"gpa":"0x0","size":"0x80000000"}"#,
      #""memory":[{"gpa":"0x0","size":"0x10000000000000000"}"#, "VP1034"),
    Change(
      "a described region that wraps around", #""memory":[{"gpa":"0x0","size":"0x80000000"}"#,
      #""memory":[{"gpa":"0xfffffffffffff000","size":"0x80000000"}"#, "VP1039"),
    Change(
      "another size of memory", #""call":"memory","size":"0x80000000""#,
      #""call":"memory","size":"0xffffffffff000""#, "VP1804"),
    Change("an index of 2^64", #"{"index":3,"#, #"{"index":18446744073709551616,"#, "VP1804"),
    Change("a count of steps", #""steps":22"#, #""steps":21"#, "VP1803"),
    Change("a count", #""summary":{"devices":1"#, #""summary":{"devices":2"#, "VP1803"),
    Change("a key twice in a step", #"{"index":1,"#, #"{"index":1,"index":1,"#, "VP1009"),
    Change("the steps twice", #""diagnostics":"#, #""steps":[],"diagnostics":"#, "VP1009"),
    Change("a key more at the top", #""diagnostics":"#, #""hooks":[],"diagnostics":"#, "VP1021"),
    Change("a line in a request's members", #""args":{"#, #""args":{"line":1,"#, "VP1804"),
    Change(
      "a line that is not a number", #""undo":"revert","line":14"#,
      #""undo":"revert","line":{}"#, "VP1804"),
    Change(
      "a line of a device", #""devices":[\#n    {"name""#,
      #""devices":[\#n    {"line":1,"name""#, "VP1803"),
    Change("merged keys in a step", #"{"index":1,"#, #"{<<: {"then":"x"},"index":1,"#, "VP1804"),
    Change("steps that are not a list", #""steps":["#, #""steps":0,"old":["#, "VP1021"),
    Change(
      "a request to another kind of file", #""fd":"kvm-vfio","request""#,
      #""fd":"vm","request""#, "VP1804"),
    Change(
      "a result left out", #""results":{"out_devid":"sound.id"}"#, #""results":{}"#, "VP1804"),
    Change(
      "a result under another member", #""results":{"out_ioas_id":"gpa"}"#,
      #""results":{"flags":"gpa"}"#, "VP1804"),
    Change("a target that only simulates", #""target":"iommufd""#, #""target":"ioasid""#, "VP1803"),
    Change("nesting without end", #""diagnostics":[]"#, #""diagnostics":\#(deep)"#, "VP1014"),
    Change("aliases that multiply", #""diagnostics":[]"#, #""diagnostics":\#(bomb)"#, "VP1013"),
    Change("an alias of a value elsewhere", #""fd":"iommufd""#, #""fd":*x"#, "VP1011"),
  ]

  private static let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)

  /// Ten lists, each of ten times the one before.
  private static let bomb: String = {
    var lists = ["&a0 [0,0,0,0,0,0,0,0,0,0]"]
    for level in 1..<10 {
      let inner = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
      lists.append("&a\(level) [\(inner)]")
    }
    return "[" + lists.joined(separator: ",") + "]"
  }()

  @Test(arguments: changes)
  func noForgedPlanIsRead(change: Change) throws {
    let sample = try Self.sample.get()
    let findings = try sample.findings(replacing: change.old, with: change.new)
    let codes = findings.filter { $0.code.severity == .error }.map(\.code.name)
    #expect(codes.first == change.code, "\(change.what): \(findings.map(\.message).prefix(3))")
  }

  @Test func aCompanionThatThePlanHasNoneOfIsRefused() throws {
    let sample = try SavedPlanSample(Example.named("igd-and-nic"), "iommufd")
    let forged = #""companions":[{"address":"0000:00:1f.4","group":15}],"devices":["#
    let findings = try sample.findings(replacing: "\"devices\":[\n    {\"name\"", with: forged)
    #expect(!findings.isEmpty)
  }

  @Test func listsHiddenInsideATextAreNotLists() throws {
    let sample = try Self.sample.get()
    let start = try #require(sample.text.range(of: "  \"steps\":[\n")?.lowerBound)
    let end = try #require(sample.text.range(of: "  ],\n  \"diagnostics\":[]")?.lowerBound)
    let steps = sample.text[start..<end]
    // YAML reads the lists in single quotes as one text; the real ones stand on one line.
    let text =
      sample.text[..<start] + "  \"diagnostics\":['\n" + steps + "  ]'],\n  \"steps\":[]"
      + sample.text[end...].dropFirst("  ],\n  \"diagnostics\":[]".count)
    #expect(!sample.findings(reading: String(text)).isEmpty)
  }

  @Test func aFileAsItWasWrittenIsReadWithoutMakingNodesOfItsListsAndToTheSamePlan() throws {
    for example in Example.all {
      for target in Example.targets {
        guard let sample = try? SavedPlanSample(example, target) else { continue }
        let file = SourceFile(id: .vm, name: "plan.json", text: sample.text)
        let plan = SavedPlanReader.readAsWritten(file)
        #expect(plan == (try sample.read(sample.text)), "\(example.name) on \(target)")
        #expect(plan != nil || sample.text.contains("\"steps\":[]"), "\(example.name) \(target)")
      }
    }
  }

  @Test func linesMaySayAnotherNumberOrNoneAndEverythingElseMayNotChangeAByte() throws {
    let sample = try Self.sample.get()
    for (text, isWritten) in [
      (sample.text.replacing(#","line":14}"#, with: "}"), true),
      (sample.text.replacing(#","line":14}"#, with: #","line":7}"#), true),
      (sample.text.replacing(#","line":14}"#, with: #", "line":14}"#), false),
      (sample.text.replacing(#","line":14}"#, with: #","line":99999999999}"#), false),
    ] {
      let file = SourceFile(id: .vm, name: "plan.json", text: text)
      #expect((SavedPlanReader.readAsWritten(file) != nil) == isWritten)
      _ = sample.findings(reading: text)
    }
  }
}
