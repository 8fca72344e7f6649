import Parser

/// A way of kernels that differs between releases, beyond which requests there are.
public struct KernelRule: Hashable, Sendable {
  /// Its name, in code, in `explain rules` and in the host key `rules`.
  public let name: String
  /// The last release known not to do so, where the first that does is not known exactly.
  public let notUntil: KernelVersion?
  /// The first release known to do so; `never` if none studied does.
  public let since: KernelVersion
  /// The stable kernels of older releases that do so as well, by the third number of the first.
  public let backports: [KernelVersion: Int]
  /// What kernels did before, in one clause.
  public let before: String
  /// What kernels do from then on, in one clause.
  public let meaning: String
  /// Where the kernel does it.
  public let source: String
  /// How it is read where nothing tells: the way that promises less.
  public let whenUnknown: Bool

  /// The release of what no kernel does so far.
  static let never = KernelVersion(.max, 0)

  init(
    _ name: String, notUntil: KernelVersion? = nil, since: KernelVersion,
    backports: [KernelVersion: Int] = [:], before: String, meaning: String, source: String,
    whenUnknown: Bool
  ) {
    self.name = name
    self.notUntil = notUntil
    self.since = since
    self.backports = backports
    self.before = before
    self.meaning = meaning
    self.source = source
    self.whenUnknown = whenUnknown
  }

  /// Its releases in words, for example `6.7`, `after 6.12, by 6.17` or `6.19 or 6.18.5`.
  public var releases: String {
    guard let first = firstReleases else { return "none so far" }
    return notUntil.map { "after \($0), by \(first)" } ?? first
  }

  /// The first releases that are known to do so, for example `6.7` or `6.19 or 6.18.5`; `nil` if
  /// none studied does.
  public var firstReleases: String? {
    if since == Self.never { return nil }
    let stable = backports.sorted { $0.key > $1.key }.map { " or \($0.key).\($0.value)" }.joined()
    return "\(since)" + stable
  }
}

/// What one kernel does: the only place that knows what a release means, but for what a request's
/// descriptor says of the request itself.
///
/// A host's own facts win over the number of its release. Without any release the kernel is taken
/// for the newest one studied; a vendor's own release older than a rule does not tell.
public struct KernelRules: Sendable {
  /// The oldest release whose sources were read.
  static let oldestStudied = KernelVersion(5, 4)
  /// The newest release whose sources were read.
  public static let newestStudied = KernelVersion(7, 3)

  /// The releases that do something in another way than the one before, ascending; the newest one
  /// studied is the last.
  public static var turningPoints: [KernelVersion] {
    let known = all.map(\.since).filter { $0 >= oldestStudied && $0 <= newestStudied }
    return Set(known + [oldestStudied, newestStudied]).sorted()
  }

  /// What the newest release studied does.
  static let newest = KernelRules(of: HostKernel())

  private let version: KernelVersion?
  private let isVendorsOwn: Bool
  private let kernel: HostKernel

  /// Reads the release and the facts of a kernel.
  public init(of kernel: HostKernel) {
    self.kernel = kernel
    version = kernel.version
    isVendorsOwn = kernel.isVendorsOwn
  }

  /// Whether the kernel does as a rule says.
  public func answer(_ rule: KernelRule) -> Fact {
    if let stated = kernel.statedRules[rule.name] { return Fact(stated.holds) }
    return backport(of: rule) ?? isAtLeast(rule.since, notUntil: rule.notUntil)
  }

  /// Whether a kernel of a stable series that got a rule later does so; `nil` if it is none.
  private func backport(of rule: KernelRule) -> Fact? {
    guard let version, let first = rule.backports[version] else { return nil }
    guard let fixes = kernel.fixes else { return .unknown }
    return fixes >= first ? .yes : isVendorsOwn ? .unknown : .no
  }

  /// As `answer`, with what nothing tells read the way that promises less.
  public func holds(_ rule: KernelRule) -> Bool {
    answer(rule).or(Fact(rule.whenUnknown)) == .yes
  }

  /// Whether the kernel knows a request, given the files it is issued on.
  public func knows(_ request: RequestDescriptor) -> Fact {
    if let stated = kernel.statedRules[request.name] { return Fact(stated.holds) }
    return isAtLeast(request.since, notUntil: nil)
  }

  /// Whether there is `/dev/iommu`.
  public var hasIOMMUFD: Fact {
    kernel.iommufd.or(kernel.vfioCdev == .yes ? .yes : denied(before: Self.iommufd))
  }

  /// Whether devices of VFIO have files of their own.
  public var hasCdevs: Fact {
    kernel.vfioCdev.or(hasIOMMUFD == .no ? .no : denied(before: Self.vfioCdevs))
  }

  /// Whether `/dev/vfio/vfio` is there, no matter what answers it.
  public var hasContainer: Fact {
    switch kernel.vfioContainer {
    case .vfio?, .iommufd?: .yes
    case Optional.some(.none): .no
    case nil: kernel.type1
    }
  }

  /// Whether the kernel was not studied, being older or newer than what was.
  public var isStudied: Bool {
    version.map { $0 >= Self.oldestStudied && $0 <= Self.newestStudied } ?? true
  }

  /// Whether there is a release to go by.
  public var isReleaseKnown: Bool { version != nil }

  /// What an older release lacks it has not; a later one may have been built without.
  private func denied(before rule: KernelRule) -> Fact {
    answer(rule) == .no ? .no : .unknown
  }

  private func isAtLeast(_ since: KernelVersion?, notUntil: KernelVersion?) -> Fact {
    guard let since else { return isVendorsOwn ? .unknown : .no }
    guard let version else { return Fact(since <= Self.newestStudied) }
    if version >= since { return .yes }
    if isVendorsOwn { return .unknown }
    return notUntil.map { version > $0 } ?? false ? .unknown : .no
  }
}
