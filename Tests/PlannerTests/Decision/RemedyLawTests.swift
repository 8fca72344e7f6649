import Parser
import TestSupport
import Testing

@testable import Planner

/// What a help line offers helps where it is offered.
struct RemedyLawTests {
  /// Two devices behind two units, on one kernel and target.
  private struct World: CustomStringConvertible {
    var host: HostDescription
    var vm: VMDescription
    var target: any Dialect

    init(
      _ type: String, _ facts: [Fact], _ intents: [NoSnoopIntent], _ release: String,
      _ target: any Dialect, isSecondFormat: Bool = false
    ) {
      let devices = (0..<2).map { SmallWorld.Device(group: $0, intent: intents[$0]) }
      let small = SmallWorld(devices: devices)
      (host, vm) = (small.host, small.vm())
      host.kernel.release = release
      host.iommus = facts.enumerated().map { index, fact in
        var unit = HostIOMMU(name: "unit\(index)", type: type, enforceSnoop: fact)
        if isSecondFormat { unit.pageTables = .v2 }
        return unit
      }
      for index in 0..<2 { host.devices[index].iommu = "unit\(index)" }
      self.target = target
    }

    var description: String { "\(host.kernel) \(host.iommus) \(target.name)" }

    /// The errors by code and subject.
    var errors: [String: Diagnostic] {
      var sink = DiagnosticSink()
      _ = try? Compilation.compile(vm, on: host, dialect: target, into: &sink)
      let errors = sink.diagnostics.filter { $0.severity == .error }
      return Dictionary(
        errors.map { ($0.code.name + $0.message.prefix { $0 != "," }, $0) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  private static let releases = [
    "5.14.0-427.el9", "5.15.0", "6.5.0-1019-nvidia", "6.6.30", "6.8.12", "6.17.8", "7.3.4",
  ]

  /// Every world of two devices.
  private static var worlds: [World] {
    let facts: [Fact] = [.yes, .no, .unknown]
    let intents: [NoSnoopIntent] = [.required, .forbidden]
    let targets: [any Dialect] = [VFIOType1Dialect(), IOMMUFDDialect()]
    let kinds = [
      (HostIOMMU.intel, false), (HostIOMMU.amd, false), (HostIOMMU.amd, true),
      (HostIOMMU.arm, false),
    ]
    var worlds: [World] = []
    for release in releases {
      for (type, isSecond) in kinds {
        for (first, second) in facts.flatMap({ first in facts.map { (first, $0) } }) {
          for intent in intents {
            worlds += targets.map {
              World(
                type, [first, second], [intent, .allowed], release, $0, isSecondFormat: isSecond)
            }
          }
        }
      }
    }
    return worlds
  }

  /// The worlds that the ways of a help line lead to.
  private static func ways(_ finding: Diagnostic, _ world: World) -> [World] {
    let help = finding.help ?? ""
    // With a device that there is not.
    if help.contains(", and a device") { return [] }
    return rules(help, world) + facts(help, finding, world) + kernels(help, world)
      + targets(help, world)
  }

  private static func rules(_ help: String, _ world: World) -> [World] {
    help.matches(of: /state 'rules: { (\w+): (true|false) }'/).map { match in
      var other = world
      other.host.kernel.statedRules[String(match.1)] = .init(match.2 == "true")
      return other
    }
  }

  private static func facts(_ help: String, _ finding: Diagnostic, _ world: World) -> [World] {
    help.matches(of: /say 'enforceSnoop' of (the unit|'(\w+)')/).map { match in
      var other = world
      let own = finding.message.firstMatch(of: /IOMMU '(\w+)'/)?.1
      let name = match.2 ?? own ?? ""
      let wanted: Fact = finding.code.name == "VP3017" || finding.code.name == "VP3008" ? .no : .yes
      let unit = other.host.iommus.firstIndex { $0.name == name }
      if let unit { other.host.iommus[unit].enforceSnoop = wanted }
      #expect(unit != nil && world.host.iommus[unit ?? 0].enforceSnoop == .unknown, "\(help)")
      return other
    }
  }

  private static func kernels(_ help: String, _ world: World) -> [World] {
    let later = help.matches(of: /a kernel (from|up to|before) Linux (\d+)\.(\d+)/)
    return later.map { match in
      var other = world
      let minor = Int(match.3) ?? 0
      other.host.kernel.release = "\(match.2).\(match.1 == "before" ? minor - 1 : minor)"
      if help.contains("if the firmware says CANWBS") {
        for unit in other.host.iommus.indices { other.host.iommus[unit].canwbs = .yes }
      }
      return other
    }
  }

  private static func targets(_ help: String, _ world: World) -> [World] {
    help.matches(of: /target '(\w+)'/).compactMap { match in
      var other = world
      guard let target = Dialects.named(String(match.1)) else { return nil }
      other.target = target
      return other
    }
  }

  @Test func aRuleAFactAKernelAndATargetThatAreOfferedMakeTheFindingGo() {
    var tried: [String: Int] = [:]
    for world in Self.worlds {
      for (key, finding) in world.errors {
        for way in Self.ways(finding, world) {
          tried[finding.code.name, default: 0] += 1
          let isGone = way.errors[key] == nil
          #expect(isGone, "\(finding.message)\n\(finding.help ?? "")\n\(world)")
        }
      }
    }
    for code in ["VP3005", "VP3007", "VP3017"] { #expect(tried[code, default: 0] > 10, "\(tried)") }
  }

  @Test func whatIsStatedOfAUnitIsNotAskedForAgain() {
    for world in Self.worlds {
      for finding in world.errors.values {
        let unit = finding.message.firstMatch(of: /IOMMU '(\w+)'/)?.1 ?? ""
        guard let stated = world.host.iommus.first(where: { $0.name == unit }) else { continue }
        let asks = finding.help?.contains("say 'enforceSnoop' of the unit") ?? false
        #expect(!asks || stated.enforceSnoop == .unknown, "\(finding.message) \(world)")
      }
    }
  }

  @Test func aKernelWhoseRuleNothingTellsIsNotSaidToGoByTheWeakestUnit() throws {
    for (release, words) in [
      ("5.14.0-427.el9", "may go by the weakest unit, 'unit1'"),
      ("5.15.0", "enforces no snoop with type1 of Linux 5.15.0, which goes by the weakest unit"),
    ] {
      let world = World(
        HostIOMMU.intel, [.yes, .no], [.forbidden, .allowed], release, VFIOType1Dialect())
      let finding = try #require(world.errors.values.first)
      #expect(finding.message.contains(words), "\(finding.message)")
      let rule = finding.help?.contains("rules: { type1EnforcesByTable: true }") ?? false
      #expect(rule == release.contains("el9"), "\(finding.help ?? "")")
    }
  }

  /// A plan on a bus that enforces nothing names the unit and the kernel that are to blame.
  @Test func plansNameTheWeakestUnit() throws {
    let world = World(
      HostIOMMU.intel, [.yes, .no], [.allowed, .allowed], "5.15.0", VFIOType1Dialect())
    var sink = DiagnosticSink()
    let compiled = try Compilation.compile(
      world.vm, on: world.host, dialect: world.target, into: &sink)
    for text in [
      PlanExplanation(compiled.plan).why(of: 0),
      UnknownFacts.enforcement(for: compiled.plan.devices[0]),
    ] {
      #expect(text.contains("with type1 of Linux 5.15.0, which goes by the weakest unit, 'unit1'"))
    }
    #expect(compiled.plan.devices[1].heldBack == nil)
  }

  /// A report on KVM up to 6.1 says that a later add or remove undoes a file that is left out.
  @Test func hotPlugUndoesLeavingOut() throws {
    for (release, isSaid) in [("6.1.0", true), ("5.14.0-427.el9", true), ("6.6.30", false)] {
      var world = World(
        HostIOMMU.intel, [.yes, .no], [.allowed, .allowed], release, VFIOType1Dialect())
      world.host.kernel.statedRules["type1EnforcesByTable"] = .init(true)
      world.host.devices[1].noSnoopCapable = .no
      var sink = DiagnosticSink()
      let compiled = try Compilation.compile(
        world.vm, on: world.host, dialect: world.target, into: &sink)
      let notes = PlanConsequences.notes(for: compiled)
      let note = try #require(notes.first { $0.contains("out of kvm-vfio") }, "\(release) \(notes)")
      #expect(note.contains("any later add or remove (hot-plug) undoes this") == isSaid, "\(note)")
    }
  }
}
