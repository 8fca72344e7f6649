import Parser
import TestSupport
import Testing

@testable import Planner

/// A refusal names the smallest set of lines that contradict each other.
struct ConflictTests {
  /// A line of a description that a conflict names.
  enum Line: Hashable {
    /// What a device's `noSnoop` says.
    case intent(Int)
    /// That a device is assigned at all.
    case entry(Int)
    /// What `kvm` says.
    case kvm
  }

  @Test func everyConflictOfARandomWorldIsMinimal() {
    var codes: Set<String> = []
    for seed in UInt64(1)...4_000 {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        for finding in Self.errors(world, dialect) {
          codes.insert(finding.code.name)
          Self.checkMinimal(finding, world, dialect, "seed \(seed)")
        }
      }
    }
    #expect(
      codes == [
        "VP3002", "VP3003", "VP3004", "VP3005", "VP3006", "VP3007", "VP3008", "VP3009", "VP3017",
      ])
  }

  @Test func takingBackEveryNamedIntentMakesTheWorldFeasible() {
    for seed in UInt64(1)...4_000 {
      var world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        let findings = Self.errors(world, dialect)
        guard !findings.isEmpty else { continue }
        for line in findings.flatMap(Self.lines) {
          if case .intent(let device) = line { world.devices[device].intent = .allowed }
          if line == .kvm { world.kvm = .auto }
        }
        let isFeasible = !BruteForce(world, target: dialect.name).allCosts.isEmpty
        #expect(isFeasible, "seed \(seed) \(dialect.name)\n\(world)")
        world = SmallWorlds.random(seed: seed)
      }
    }
  }

  static func errors(_ world: SmallWorld, _ dialect: any Dialect) -> [Diagnostic] {
    var sink = DiagnosticSink()
    _ = try? Question.ask(world.vm(), on: world.host, dialect, nil, into: &sink)
    return sink.diagnostics.filter { $0.code.severity == .error }
  }

  /// The lines a finding names: its own place first, then those of the notes in the VM file.
  static func lines(of finding: Diagnostic) -> [Line] {
    let spans = [finding.span] + finding.notes.map(\.span)
    let places = spans.compactMap { $0 }.filter { $0.source == .vm }.map { Int($0.start) / 10 }
    return places.enumerated().map { index, place in
      if place == 1000 { return .kvm }
      let isEntry = index > 0 && ["VP3006", "VP3009"].contains(finding.code.name)
      return isEntry ? .entry(place) : .intent(place)
    }
  }

  static func checkMinimal(
    _ finding: Diagnostic, _ world: SmallWorld, _ dialect: any Dialect, _ label: String
  ) {
    let lines = Set(lines(of: finding))
    let resolved = BruteForce(world, target: dialect.name).resolved
    let isFeasible = { (kept: Set<Line>) in
      let rest = restricted(world, named: lines, kept: kept, resolved)
      return !BruteForce(rest, target: dialect.name).allCosts.isEmpty
    }
    #expect(
      !isFeasible(lines),
      "\(label) \(dialect.name): \(finding.code.name) names too little\n\(world)")
    for line in lines {
      #expect(
        isFeasible(lines.subtracting([line])),
        "\(label) \(dialect.name): \(finding.code.name) does not need \(line)\n\(world)")
    }
  }

  /// The world with nothing but some lines.
  ///
  /// Groups that no line is about stay as facts, for they may lead page tables, but want nothing
  /// and can't no-snoop.
  static func restricted(
    _ world: SmallWorld, named: Set<Line>, kept: Set<Line>, _ resolved: [NoSnoopIntent]
  ) -> SmallWorld {
    var rest = SmallWorld(devices: [], kvm: kept.contains(.kvm) ? world.kvm : .auto)
    rest.architecture = world.architecture
    let involved = Set(
      world.devices.indices.filter {
        named.contains(.intent($0)) || named.contains(.entry($0))
      }.map { world.devices[$0].group })
    for index in world.devices.indices {
      var device = world.devices[index]
      device.intent = kept.contains(.intent(index)) ? resolved[index] : .allowed
      if involved.contains(device.group) {
        guard named.contains(.intent(index)) || kept.contains(.entry(index)) else { continue }
      } else if !involved.isEmpty {
        device.noSnoopCapable = .no
      }
      rest.devices.append(device)
    }
    return rest
  }
}
