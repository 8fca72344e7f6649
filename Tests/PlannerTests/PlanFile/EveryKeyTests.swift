import Foundation
import Parser
import TestSupport
import Testing

@testable import Planner

/// Laws about every key that a schema has, so that one that is added is under them, too.
struct EveryKeyTests {
  private static let vm = """
    {"apiVersion":"vfioplan/v1","kind":"VM","name":"vm",
     "memory":[{"gpa":0,"size":"1GiB"},{"gpa":"8GiB","size":"1GiB"}],
     "vmm":{"kind":"qemu"},"kvm":{},
     "devices":[{"name":"card","address":"0000:3b:00.0"},
                {"name":"nic","address":"0000:3c:00.0","addressSpace":"one"}],
     "addressSpaces":[{"name":"one","memory":[{"iova":0,"gpa":"8GiB","size":"64KiB"}]}]}
    """

  private static let host = """
    {"apiVersion":"vfioplan/v1","kind":"Host","name":"host",
     "kernel":{"release":"7.3.4","iommufd":true,"vfioCdev":true,"type1":true,"kvm":true},
     "iommus":[{"name":"one","type":"intel-vtd","enforceSnoop":true}],
     "devices":[{"address":"0000:3b:00.0","iommu":"one","group":1,"driver":"vfio-pci"},
                {"address":"0000:3b:00.1","iommu":"one","group":2,"driver":"vfio-pci"},
                {"address":"0000:3c:00.0","iommu":"one","group":3,"driver":"vfio-pci"}]}
    """

  private static let policy = """
    {"apiVersion":"vfioplan/v1","kind":"Policy","intents":[{"noSnoop":"allowed"}]}
    """

  private static func tree(_ text: String) throws -> YAMLTree {
    var sink = DiagnosticSink()
    return try DescriptionReader.tree(
      of: SourceFile(id: .vm, name: "file", text: text), into: &sink)
  }

  private static func machine(_ text: String) -> HostDescription? {
    var sink = DiagnosticSink()
    return try? DescriptionReader.host(tree(text), into: &sink)
  }

  /// The plan for a description or a policy in place of these; `nil` if there is none.
  private static func plan(vm: String = vm, policy: String = policy) throws -> CompiledPlan? {
    var sink = DiagnosticSink()
    let host = try #require(machine(host))
    let (vm, policy) = (try tree(vm), try tree(policy))
    guard let vm = try? DescriptionReader.vm(vm, into: &sink),
      let policy = try? DescriptionReader.policy(policy, into: &sink)
    else { return nil }
    return try? Compilation.compile(vm, on: host, target: "iommufd", policy: policy, into: &sink)
  }

  /// A part of a plan's file.
  private static func said(_ part: String, by plan: CompiledPlan) throws -> Data {
    let text = String(decoding: SavedPlanWriter.text(plan, files: []), as: UTF8.self)
    return try JSONSerialization.data(
      withJSONObject: try JSONValue(text)[part]?.value ?? [:], options: .sortedKeys)
  }

  /// Calls a function with the first plan and each one whose file says something else in a part;
  /// says how many there are.
  private static func compare(
    _ plans: [CompiledPlan], in part: String, _ body: (CompiledPlan, CompiledPlan) throws -> Void
  ) throws -> Int {
    guard let first = plans.first else { return 0 }
    let text = try said(part, by: first)
    let others = try plans.filter { try said(part, by: $0) != text }
    for other in others { try body(first, other) }
    return others.count
  }

  // MARK: - Of a VM

  /// Keys that plan files have no two values of: constants, how a device is looked for, what only a
  /// virtual function has, and lists and names that others refer to.
  private static let unsaved: [[String]: Set<String>] = [
    []: ["apiVersion", "kind", "memory", "devices", "addressSpaces"],
    ["devices"]: ["expect", "match", "path", "vfToken"],
    ["addressSpaces"]: ["name"],
  ]

  @Test(arguments: [
    [], ["memory"], ["devices"], ["addressSpaces"], ["addressSpaces", "memory"], ["kvm"], ["vmm"],
  ])
  func aKeyOfAVMThatChangesIsADifference(place: [String]) throws {
    let trial = try KeyTrial(schema: VMKeys.schema, document: Self.vm)
    let keys = trial.keys(at: place).filter { Self.unsaved[place]?.contains($0) != true }
    try #require(!keys.isEmpty)
    for key in keys {
      let plans = try trial.documents(changing: key, at: place).compactMap { try Self.plan(vm: $0) }
      let count = try Self.compare(plans, in: "description") { before, after in
        #expect(!PlanDifference(from: before, to: after).isEmpty, "\(place) \(key)")
        #expect(!PlanDifference(from: after, to: before).isEmpty, "\(place) \(key)")
      }
      #expect(count > 0, "plan files don't tell values of \(key) apart, \(plans.count) plans")
    }
  }

  @Test func aKeyOfMemoryThatChangesIsAFacetAConsequenceAndItsCause() throws {
    let trial = try KeyTrial(schema: VMKeys.schema, document: Self.vm)
    for key in trial.keys(at: ["memory"]) {
      let plans = try trial.documents(changing: key, at: ["memory"]).compactMap {
        try Self.plan(vm: $0)
      }
      let count = try Self.compare(plans, in: "description") { before, after in
        let difference = PlanDifference(from: before, to: after)
        let changes = difference.changes.filter { $0.subject == .memory }
        #expect(key == "gpa" || changes.flatMap { $0.facets.map(\.key) } == [key])
        let consequence = try #require(difference.consequences.first { $0.kind == .memory })
        let cause = try #require(difference.causes(of: consequence).first)
        #expect(cause.key == "memory" && cause.before != cause.after, "\(key): \(cause)")
      }
      #expect(count > 0, "there are no two values of \(key)")
    }
  }

  /// The plans for each value of the keys of a mapping, besides some.
  private static func plans(changingKeysAt place: [String], besides names: [String]) throws
    -> [CompiledPlan]
  {
    let trial = try KeyTrial(schema: VMKeys.schema, document: vm)
    return try trial.keys(at: place).filter { !names.contains($0) }
      .flatMap { try trial.documents(changing: $0, at: place) }.compactMap { try plan(vm: $0) }
  }

  /// A description with some lines pasted.
  private static func pasted(_ lines: String) throws -> VMDescription {
    var sink = DiagnosticSink()
    return try DescriptionReader.vm(
      tree("apiVersion: vfioplan/v1\nkind: VM\nname: vm\n\(lines)\ndevices: []"), into: &sink)
  }

  @Test func adviceThatSplitsMemoryKeepsEveryOtherKey() throws {
    var pieces = 0
    for plan in try Self.plans(changingKeysAt: ["memory"], besides: ["gpa", "size"]) {
      let whole = plan.vm.memory[0]
      let around = MemoryAroundHoles([whole.size / 4...whole.size / 2])
      let vm = VMDescription(name: "vm", memory: [whole])
      for piece in try Self.pasted(try #require(around.lines(for: vm, space: 0))).memory {
        var expected = whole
        (expected.gpa, expected.size) = (piece.gpa, piece.size)
        #expect(VMKeys.region.isSame(piece, expected), "\(VMKeys.region.flow(piece))")
        pieces += 1
      }
    }
    #expect(pieces > 8)
  }

  @Test func adviceThatSplitsWindowsKeepsEveryOtherKey() throws {
    let place = ["addressSpaces", "memory"]
    for plan in try Self.plans(changingKeysAt: place, besides: ["iova", "size"]) {
      let whole = plan.vm.addressSpaces[0].windows[0]
      let around = MemoryAroundHoles([whole.size / 4 * 3...whole.size])
      let lines = try #require(around.lines(for: plan.vm, space: 1))
      let vm = try Self.pasted("addressSpaces:\n  - name: one\n    \(lines)")
      #expect(vm.addressSpaces[0].windows.count == 2)
      for piece in vm.addressSpaces[0].windows {
        var expected = whole
        (expected.iova, expected.gpa, expected.size) = (piece.iova, piece.gpa, piece.size)
        #expect(VMKeys.window.isSame(piece, expected), "\(lines)")
      }
    }
  }

  @Test func aDeviceThatIsFoundKeepsEveryOtherKey() throws {
    let trial = try KeyTrial(schema: VMKeys.schema, document: Self.vm)
    for key in trial.keys(at: ["devices"]) where !["address", "match", "path"].contains(key) {
      let devices = try trial.documents(changing: key, at: ["devices"]).compactMap { text in
        var sink = DiagnosticSink()
        return try? DescriptionReader.vm(Self.tree(text), into: &sink).devices[0]
      }
      #expect(devices.count > 1, "there are no two values of \(key)")
      for device in devices {
        let found = device.found(at: BDF(domain: 0, bus: 1, device: 0, function: 0))
        var back = found.described
        (back.place, back.$place) = (device.place, device.$place)
        #expect(VMKeys.device.isSame(device, back), "\(key)")
      }
    }
  }
}

// MARK: - Of a policy and of a host

extension EveryKeyTests {
  @Test func aKeyOfARowOfAPolicyThatChangesIsADifferenceButForWhereItStands() throws {
    let trial = try KeyTrial(schema: PolicyKeys.schema, document: Self.policy)
    for key in trial.keys(at: ["intents"]) where key != "place" {
      let plans = try trial.documents(changing: key, at: ["intents"]).compactMap {
        try Self.plan(policy: $0)
      }
      let count = try Self.compare(plans, in: "policy") { before, after in
        #expect(!PlanDifference(from: before, to: after).isEmpty, "\(key)")
      }
      #expect(count > 0, "there are no two values of \(key)")
    }
  }

  /// What is for people, other keys tell, or counts for some plans only.
  private static let unpinned: [[String]: Set<String>] = [
    ["devices"]: ["noSnoopSource", "path", "noIOMMU"],
    ["kernel"]: [
      "type1", "vfioContainer", "dmaEntryLimit", "allowUnsafeInterrupts", "cpuAddressBits", "rules",
      "pageSize",
    ],
  ]

  /// A plan is refused, or warned of, on a host of which a key says something else.
  @Test(arguments: [["devices"], ["iommus"], ["kernel"]])
  func aKeyOfAHostThatChangesIsFound(place: [String]) throws {
    let trial = try KeyTrial(schema: HostKeys.schema, document: Self.host)
    let plan = try #require(try Self.plan())
    for key in trial.keys(at: place) where Self.unpinned[place]?.contains(key) != true {
      let hosts = try trial.documents(changing: key, at: place).compactMap(Self.machine)
      let findings = hosts.flatMap { saved in
        var plan = plan
        plan.host = saved
        return hosts.flatMap { HostDifference.findings(of: plan, on: $0) }
      }
      #expect(!findings.isEmpty, "\(place) \(key), \(hosts.count) hosts")
    }
  }
}
