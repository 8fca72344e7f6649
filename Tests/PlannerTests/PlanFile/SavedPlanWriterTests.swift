import Parser
import Planner
import TestSupport
import Testing

/// The format of saved plans.
struct SavedPlanWriterTests {
  @Test func theMembersOfTheContractAreThereInItsOrder() throws {
    let text = try SavedPlanSample(Example.named("igd-and-nic"), "iommufd").text
    let keys = text.split(separator: "\n").filter { $0.hasPrefix("  \"") }
      .map { String($0.dropFirst(3).prefix { $0 != "\"" }) }
    #expect(
      keys == [
        "format", "vm", "target", "objective", "metrics", "ioasids", "devices", "kvm",
        "addressSpaces", "budget", "description", "host", "steps", "diagnostics", "summary",
      ])
    let device = try #require(
      text.split(separator: "\n").first { $0.hasPrefix("    {\"name\":\"igd\"") })
    var rest = Substring(device)
    for key in [
      "name", "address", "group", "noSnoop", "resolved", "canNoSnoop", "canEnforceSnoop", "box",
      "ioasid", "effective", "why",
    ] {
      let place = try #require(rest.range(of: "\"\(key)\":"), "\(key)")
      rest = rest[place.upperBound...]
    }
  }

  /// Each step is one line, numbered from 1, with the line of the description.
  @Test func eachStepIsOneNumberedLineWithTheLineOfTheDescription() throws {
    let sample = try SavedPlanSample(Example.named("igd-and-nic"), "iommufd")
    let lines = sample.text.split(separator: "\n").filter { $0.hasPrefix("    {\"index\":") }
    #expect(lines.count == sample.compiled.program.steps.count)
    for (index, line) in lines.enumerated() {
      #expect(line.hasPrefix("    {\"index\":\(index + 1),\"call\":\""))
      #expect(line.contains(#","line":"#))
    }
    let bind = try #require(lines.first { $0.contains("VFIO_DEVICE_BIND_IOMMUFD") })
    #expect(
      bind.contains(
        #""request":"VFIO_DEVICE_BIND_IOMMUFD","number":"0x3b76","args":{"#))
    #expect(bind.contains(#""results":{"out_devid":""#))
    let map = try #require(lines.first { $0.contains("\"IOMMU_IOAS_MAP_FILE\"") })
    #expect(map.contains("\"length\":\"0x80000000\""))
    #expect(map.contains("FIXED_IOVA"))
  }

  @Test(arguments: Example.targets)
  func aDevicesLineInTheDescriptionIsItsStepsLine(target: String) throws {
    let sample = try SavedPlanSample(Example.named("igd-and-nic"), target)
    let source = Example.named("igd-and-nic").text.split(
      separator: "\n", omittingEmptySubsequences: false)
    let json = try JSONValue(sample.text)
    let table = LineTable(
      SourceFile(id: .vm, name: "vm.yaml", text: Example.named("igd-and-nic").text))
    for (step, written) in zip(sample.compiled.program.steps, json["steps"]?.elements ?? []) {
      let line = try #require(written["line"]?.number)
      #expect(line == table.position(of: step.origin.start).line)
      #expect(source.indices.contains(line - 1))
    }
  }

  @Test func ofTheHostAPlanKeepsWhatItRestsOn() throws {
    let sample = try SavedPlanSample(Example.named("gpu-and-audio"), "iommufd")
    let groups = Set(sample.compiled.plan.devices.map(\.group))
    let kept = sample.compiled.host.devices.filter { groups.contains($0.group ?? -1) }
    let json = try JSONValue(sample.text)
    #expect(
      json["host"]?["devices"]?.elements.compactMap { $0["address"]?.text }
        == kept.map(\.address.description))
    #expect(kept.count > sample.compiled.plan.devices.count)
    #expect(kept.count < sample.compiled.host.devices.count)
  }

  @Test func theDescriptionInAPlanFileIsAVMDescriptionItsHostAHostDescription() throws {
    let sample = try SavedPlanSample(Example.named("two-address-spaces"), "iommufd")
    let tree = try sample.tree(sample.text)
    var sink = DiagnosticSink()
    let node = try #require(tree.value(of: "description", in: tree.root))
    let vm = try DescriptionReader.vm(tree.subtree(at: node), into: &sink)
    #expect(vm.devices.map(\.name) == sample.compiled.vm.devices.map(\.name))
    #expect(vm.addressSpaces.map(\.name) == sample.compiled.vm.addressSpaces.map(\.name))
    #expect(vm.memory.map(\.size) == sample.compiled.vm.memory.map(\.size))
  }

  @Test func aValueIsShownByItsNamesOnlyIfAllOfItHasNames() {
    let flags = Constants.flags([("FIXED", 1), ("WRITE", 2), ("READ", 4)])
    for value in 1...7 as ClosedRange<UInt64> {
      #expect(flags.names(of: value).count == value.nonzeroBitCount)
      #expect(flags.value(of: flags.names(of: value).joined(separator: "|")) == value)
    }
    #expect(flags.names(of: 0).isEmpty)
    #expect(flags.value(of: "READ|READ") == nil)
    #expect(flags.value(of: "READ|") == nil)
    #expect(flags.names(of: 9).isEmpty)
    #expect(Constants.values([("A", 1), ("B", 4)]).names(of: 4) == ["B"])
    #expect(Constants.none.names(of: 4).isEmpty)
  }
}
