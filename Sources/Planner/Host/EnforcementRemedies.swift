import Parser

/// One way to another fact of a unit.
struct EnforcementRemedy {
  /// What is otherwise then; units are named, as a host may be shown to us in part.
  enum Change: Hashable {
    /// The unit's own fact.
    case unit(String, Fact)
    /// A rule of kernels, as it may be stated of this one.
    case rule(KernelRule, Bool)
    /// The format of a unit's page tables, which a parameter of the kernel chooses.
    case tables(String, HostIOMMU.TableFormat)
    /// Another kernel, which follows a rule or does not.
    case kernel(KernelRule, Bool)
    /// Another interface, by name.
    case target(String)
  }

  /// What is otherwise.
  let change: Change
  /// How it is come by, as a clause of a help line.
  let clause: String
}

extension HostDescription {
  /// The host after a change; another target does not change it.
  func after(_ change: EnforcementRemedy.Change) -> HostDescription {
    var other = self
    switch change {
    case .unit(let name, let fact):
      for index in iommus.indices where iommus[index].name == name {
        other.iommus[index].enforceSnoop = fact
      }
    case .tables(let name, let format):
      for index in iommus.indices where iommus[index].name == name {
        other.iommus[index].pageTables = format
      }
    case .rule(let rule, let holds), .kernel(let rule, let holds):
      other.kernel.statedRules[rule.name] = .init(holds)
    case .target: break
    }
    return other
  }
}

/// What would settle that a unit enforces snoop, or that it does not.
///
/// Found by trying: each way leads there on this host, once it is true.
struct EnforcementRemedies {
  /// The host as it is described.
  let host: HostDescription
  /// The target.
  let dialect: any Dialect
  /// The unit's position.
  let index: Int

  /// How many units are tried against each other; no machine has more.
  static let mostUnits = 64

  /// Looks for what settles a unit; among more units than machines have, by its own facts alone.
  init(host: HostDescription, dialect: any Dialect, index: Int) {
    let isAlone = host.iommus.count > Self.mostUnits
    var seen = host
    if isAlone { seen.iommus = [host.iommus[index]] }
    (self.host, self.dialect, self.index) = (seen, dialect, isAlone ? 0 : index)
  }

  /// The rules of kernels that enforcement depends on.
  private static let rules = [
    KernelRules.type1EnforcesByTable, KernelRules.smmuEnforcesByCANWBS,
    KernelRules.amdTableWidthByHATS, KernelRules.amdSecondFormat,
  ]

  /// The ways that lead to `wanted`, the easiest first, as clauses of a help line.
  func ways(to wanted: Fact) -> [String] { remedies(to: wanted).map(\.clause) }

  /// The ways that lead to `wanted`, the easiest first.
  func remedies(to wanted: Fact) -> [EnforcementRemedy] {
    statable(wanted) + formats(wanted) + kernels(wanted) + targets(wanted)
  }

  /// What can be stated of the host, if it is true, without contradicting what is stated already.
  func statements(_ wanted: Fact) -> [String] { statable(wanted).map(\.clause) }

  private func statable(_ wanted: Fact) -> [EnforcementRemedy] {
    units(wanted) + Self.rules.flatMap { rule in statements(of: rule, wanted) }
  }

  /// The rule whose other way of kernels would make the unit's fact another one, if any.
  var blamed: KernelRule? {
    let fact = result { _ in }
    return Self.rules.first { rule in
      [true, false].contains { value in
        host.kernel.rules.answer(rule) != Fact(value) && result(stating: rule, value) != fact
      }
    }
  }

  private func result(_ change: (inout HostDescription) -> Void) -> Fact {
    var other = host
    change(&other)
    return other.enforcement(on: dialect)[index]
  }

  private func result(stating rule: KernelRule, _ value: Bool) -> Fact {
    result { $0.kernel.statedRules[rule.name] = .init(value) }
  }

  /// The units whose own facts settle it either way.
  var openFacts: [String] {
    let units = [Fact.yes, .no].compactMap { openUnit($0) }
    return units.first.map { [host.iommus[$0].name] } ?? []
  }

  /// The rules of which nothing tells and that settle it.
  var openRules: [String] {
    Self.rules.filter { rule in
      [Fact.yes, .no].contains { !statements(of: rule, $0).isEmpty }
    }.map(\.name)
  }

  /// A unit's own fact: this one's, or that of one that keeps it from enforcing.
  private func units(_ wanted: Fact) -> [EnforcementRemedy] {
    guard let unit = openUnit(wanted) else { return [] }
    let name = host.iommus[unit].name
    let said = unit == index ? "the unit" : QuotedText.quote(name)
    return [
      EnforcementRemedy(
        change: .unit(name, wanted), clause: "say 'enforceSnoop' of \(said) if you know it")
    ]
  }

  /// The unit of which stating a fact leads to `wanted`, without contradicting what is stated.
  private func openUnit(_ wanted: Fact) -> Int? {
    let rules = host.kernel.rules
    let open = host.iommus.indices.filter {
      host.iommus[$0].enforceSnoop == .unknown && host.iommus[$0].enforcement(by: rules) == .unknown
    }
    let known = open.contains(index) ? [index] + open : open
    return known.first { unit in
      result { $0.iommus[unit].enforceSnoop = wanted } == wanted
    }
  }

  private func statements(of rule: KernelRule, _ wanted: Fact) -> [EnforcementRemedy] {
    guard host.kernel.rules.answer(rule) == .unknown else { return [] }
    return [true, false].filter { result(stating: rule, $0) == wanted }.map {
      EnforcementRemedy(
        change: .rule(rule, $0),
        clause: "state 'rules: { \(rule.name): \($0) }' of the kernel if you know it")
    }
  }

  /// The format of AMD's page tables.
  private func formats(_ wanted: Fact) -> [EnforcementRemedy] {
    guard host.iommus[index].pageTables == .v2,
      result({ $0.iommus[index].pageTables = .v1 }) == wanted
    else { return [] }
    return [
      EnforcementRemedy(
        change: .tables(host.iommus[index].name, .v1),
        clause: "boot without 'amd_iommu=pgtbl_v2' ('pageTables: v1')")
    ]
  }

  /// Another kernel, where this one is known to do otherwise.
  private func kernels(_ wanted: Fact) -> [EnforcementRemedy] {
    Self.rules.compactMap { rule in
      if let stated = host.kernel.statedRules[rule.name]?.holds {
        guard result(stating: rule, !stated) == wanted else { return nil }
        return EnforcementRemedy(
          change: .kernel(rule, !stated),
          clause: "without 'rules: { \(rule.name): \(stated) }', if the kernel does otherwise")
      }
      switch host.kernel.rules.answer(rule) {
      case .unknown: return nil
      case .yes:
        guard result(stating: rule, false) == wanted else { return nil }
        return EnforcementRemedy(change: .kernel(rule, false), clause: Self.earlier(rule))
      case .no:
        return later(rule, wanted).map { .init(change: .kernel(rule, true), clause: $0) }
      }
    }
  }

  private static func earlier(_ rule: KernelRule) -> String {
    rule.notUntil.map { "a kernel up to Linux \($0)" } ?? "a kernel before Linux \(rule.since)"
  }

  private func later(_ rule: KernelRule, _ wanted: Fact) -> String? {
    guard let releases = rule.firstReleases else { return nil }
    let found = result(stating: rule, true)
    if found == wanted { return "a kernel from Linux \(releases) on" }
    guard rule == KernelRules.smmuEnforcesByCANWBS, wanted == .yes, found == .unknown,
      result({ _ in }) == .no
    else { return nil }
    return "a kernel from Linux \(releases) on, if the firmware says CANWBS"
  }

  /// Other interfaces that the host is known to have.
  private func targets(_ wanted: Fact) -> [EnforcementRemedy] {
    Dialects.all.filter {
      !$0.isProposalOnly && $0.name != dialect.name && $0.isKnown(on: host.kernel)
        && host.enforcement(on: $0)[index] == wanted
    }.map { EnforcementRemedy(change: .target($0.name), clause: "target '\($0.name)'") }
  }
}
