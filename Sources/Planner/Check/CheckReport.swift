import Parser

/// What came of looking at many VMs of a host, each by itself and all together: everything that the
/// forms of a report show.
public struct CheckReport: Sendable {
  /// A file of a folder that holds no VM.
  public struct Skipped: Hashable, Sendable {
    /// The file, as it was found.
    public var path: String
    /// What it holds.
    public var kind: DocumentKind

    /// Names a file.
    public init(path: String, kind: DocumentKind) {
      self.path = path
      self.kind = kind
    }
  }

  /// How a VM fares; the raw value is the word in JSON.
  public enum Verdict: String, CaseIterable, Sendable {
    /// A promise or a requirement does not hold.
    case broken
    /// It can't be compiled, or its file not be read.
    case error
    /// It wants what another VM has.
    case clash
    /// There are warnings, which fail.
    case warned
    /// Nothing is wrong with it.
    case ok
  }

  /// The host's name.
  public let host: String
  /// The VMM that was asked about, on the interface that it has there; `nil` if none was.
  public let rule: VMMRule?
  /// Whether warnings fail.
  public let isStrict: Bool
  /// The VMs, in the order of their files' names.
  public let vms: [CheckedVM]
  /// What they can't have at the same time.
  public let clashes: [Clash]
  /// What all of them take together.
  public let totals: CheckTotals
  /// Files of folders that hold no VM, in the order of their names.
  public let skipped: [Skipped]
  /// What was found about the host and the policy, each once.
  public let common: [Diagnostic]
  /// The inputs.
  public let files: [SourceFile]
  /// The position in `clashes` of those of each VM.
  private let clashesOfVM: [[Int]]

  /// Puts a report of VMs together, in their order, and looks at them next to each other.
  ///
  /// `common` has the warnings about the host and the policy that were found when they were read.
  public init(
    _ vms: [CheckedVM], on index: HostIndex, as rule: VMMRule?, isStrict: Bool,
    skipped: [Skipped], common: [Diagnostic], files: [SourceFile]
  ) {
    host = index.host.name
    self.rule = vms.lazy.compactMap(\.grouping).first?.rule ?? rule
    self.isStrict = isStrict
    self.skipped = skipped
    self.files = files
    var (own, shared) = (vms, DiagnosticSink())
    shared.report(common)
    var known = Set(common)
    for position in own.indices {
      let (of, about) = Self.parted(own[position].diagnostics)
      own[position].diagnostics = of
      own[position].isStoppedByHost = about.contains { $0.severity == .error }
      shared.report(about.filter { known.insert($0).inserted })
    }
    self.vms = own
    totals = CheckTotals(of: own, on: index.host)
    let clashes = ClashSearch(own, on: index).clashes() + totals.clashes(of: own, on: index.host)
    self.common = shared.diagnostics
    self.clashes = clashes
    var positions = [[Int]](repeating: [], count: own.count)
    for (position, clash) in clashes.enumerated() {
      for vm in clash.vms { positions[vm].append(position) }
    }
    clashesOfVM = positions
  }

  /// Parts findings into those of a VM, and those about the host or the policy, which would be the
  /// same for every VM.
  private static func parted(_ findings: [Diagnostic]) -> (of: [Diagnostic], about: [Diagnostic]) {
    let isShared = { (finding: Diagnostic) in
      guard let source = finding.span?.source, source == .host || source == .policy else {
        return false
      }
      let places = finding.notes.compactMap { $0.span?.source }
      return places.allSatisfy { $0 == .host || $0 == .policy }
        && !PolicyDiagnostics.broken.contains(finding.code)
    }
    return (findings.filter { !isShared($0) }, findings.filter(isShared))
  }

  /// Codes of promises that a VMM breaks, and of requirements that a plan does not keep.
  static let promiseCodes: Set<DiagnosticCode> = Set(
    [VMMDiagnostics.forbiddenBroken, VMMDiagnostics.requiredBroken] + PolicyDiagnostics.broken)

  /// How the VM at a position fares.
  public func verdict(of vm: Int) -> Verdict {
    let checked = vms[vm]
    if checked.isBroken { return .broken }
    if !checked.errors.isEmpty || checked.isStoppedByHost || checked.isUnreadable { return .error }
    if clashes(of: vm).contains(where: { $0.finding.severity == .error }) { return .clash }
    return isStrict && hasWarnings(vm) ? .warned : .ok
  }

  private func hasWarnings(_ vm: Int) -> Bool {
    !vms[vm].diagnostics.isEmpty || !clashesOfVM[vm].isEmpty
  }

  /// What the VM at a position has in common with others.
  public func clashes(of vm: Int) -> [Clash] { clashesOfVM[vm].map { clashes[$0] } }

  /// How many VMs fare so.
  public func count(of verdict: Verdict) -> Int {
    vms.indices.count { self.verdict(of: $0) == verdict }
  }

  /// All findings: about the host and the policy, of each VM, and of several.
  public var diagnostics: [Diagnostic] {
    common + vms.flatMap(\.diagnostics) + clashes.map(\.finding)
  }
}

/// What VMs take of a host together.
public struct CheckTotals: Hashable, Sendable {
  /// Huge pages of one size.
  public struct Pool: Hashable, Sendable {
    /// How large a page is, in bytes.
    public var pageBytes: UInt64
    /// How many the VMs need.
    public var needed: UInt64
    /// How many the host has; `nil` if unknown.
    public var present: UInt64?
  }

  /// The pools, by the size of their pages.
  public let pools: [Pool]
  /// How many bytes of guest memory are locked, each counted once.
  public let lockedBytes: UInt64
  /// How many bytes of memory the host has; `nil` if unknown.
  public let hostBytes: UInt64?
  /// Whether the kernel charges a user for what all of its processes lock; else each process for
  /// its own.
  public let isAccountedByUser: Bool

  /// Adds up what VMs take.
  init(of vms: [CheckedVM], on host: HostDescription) {
    var needed: [UInt64: UInt64] = [:]
    for region in vms.lazy.compactMap(\.vm).flatMap(\.memory) {
      guard let bytes = region.hugePageBytes, bytes > 0 else { continue }
      needed[bytes, default: 0] &+= region.size / bytes
    }
    pools = needed.sorted { $0.key < $1.key }.map { bytes, count in
      Pool(pageBytes: bytes, needed: count, present: host.memory.count(ofPagesOf: bytes))
    }
    let budgets = vms.compactMap(\.compiled).map { PlanBudget($0) }
    lockedBytes = budgets.reduce(0) { $0 &+ $1.guestBytes }
    hostBytes = host.memory.bytes
    isAccountedByUser = zip(vms.filter { $0.compiled != nil }, budgets).contains { vm, budget in
      // A VMM tells its iommufd nothing about accounting.
      vm.grouping.map { $0.rule.interface == .iommufd } ?? (budget.account == .user)
    }
  }

  /// What the host has too little of.
  func clashes(of vms: [CheckedVM], on host: HostDescription) -> [Clash] {
    let pools = pools.compactMap { pool -> Clash? in
      guard let present = pool.present, pool.needed > present else { return nil }
      let users = vms.indices.filter { position in
        vms[position].vm?.memory.contains { $0.hugePageBytes == pool.pageBytes } ?? false
      }
      return Clash(
        .hugePages, users, ClashDiagnostics.fewHugePages(pool, present, users.map { vms[$0] }, host)
      )
    }
    guard let hostBytes, lockedBytes > hostBytes else { return pools }
    let users = vms.indices.filter { vms[$0].compiled?.plan.devices.isEmpty == false }
    return pools + [
      Clash(
        .memory, users,
        ClashDiagnostics.littleMemory(lockedBytes, hostBytes, users.map { vms[$0] }, host))
    ]
  }
}

extension ClashDiagnostics {
  static func fewHugePages(
    _ pool: CheckTotals.Pool, _ present: UInt64, _ users: [CheckedVM], _ host: HostDescription
  ) -> Diagnostic {
    let size = byteSizeText(pool.pageBytes)
    let isWanted = { (region: MemoryRegion) in region.hugePageBytes == pool.pageBytes }
    return Diagnostic(
      fewHugePages,
      "\(users.count == 1 ? "the VM needs" : "together the VMs need") \(pool.needed) huge pages of "
        + "\(size), host \(PlannerDiagnostics.quote(host.name)) has \(present)",
      at: users.last?.vm?.memory.first(where: isWanted)?.span,
      notes: users.dropLast().prefix(8).compactMap { user in
        user.vm?.memory.first(where: isWanted).map {
          .init("\(PlannerDiagnostics.quote(user.name)) needs some, too", $0.span)
        }
      } + [.init("the host's memory is described here", host.memory.span)],
      help: "reserve \(pool.needed - present) more, or give the VMs less memory on them")
  }

  static func littleMemory(
    _ locked: UInt64, _ present: UInt64, _ users: [CheckedVM], _ host: HostDescription
  ) -> Diagnostic {
    Diagnostic(
      littleMemory,
      "\(users.count == 1 ? "the VM locks" : "together the VMs lock") \(byteSizeText(locked)), "
        + "host \(PlannerDiagnostics.quote(host.name)) has \(byteSizeText(present))",
      at: users.last.flatMap { user in user.vm?.memory.first?.span ?? user.vm?.$name },
      notes: users.dropLast().prefix(8).compactMap { user in
        user.vm?.memory.first.map {
          .init("\(PlannerDiagnostics.quote(user.name)) has memory, too", $0.span)
        }
      } + [.init("the host's memory is described here", host.memory.span)],
      help: "give the VMs less memory")
  }
}
