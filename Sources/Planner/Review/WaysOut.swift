import Parser

/// One change after which less is non-coherent: the plan was made again with it.
public struct WayOut: Hashable, Sendable {
  /// What is changed, the cheapest for the user first.
  public enum Deed: Hashable, Sendable {
    /// Find out that devices, by position, can't no-snoop.
    case findOut([Int])
    /// State what is not known of the host, if it is so: a clause.
    case state(String)
    /// Say `noSnoop: forbidden` of devices, by position.
    case forbid([Int])
    /// Leave `incoherentDMA: always` out.
    case leaveKVMAlone
    /// Take another objective.
    case objective(String)
    /// Take another kernel interface.
    case target(String)
    /// Start the kernel otherwise: a clause.
    case boot(String)
    /// Leave devices, by position, out.
    case leaveOut([Int])
    /// Run another kernel: a clause.
    case kernel(String)
    /// Put the card of a device, by position, behind one of some other units.
    case move(Int, to: [String])

    /// The positions of the devices that it changes; none if it is about something else.
    var devices: [Int] {
      switch self {
      case .findOut(let devices), .forbid(let devices), .leaveOut(let devices): devices
      case .move(let device, _): [device]
      case .state, .leaveKVMAlone, .objective, .target, .boot, .kernel: []
      }
    }

    /// How much it takes of the user, the least first.
    var effort: Int {
      switch self {
      case .findOut: 0
      case .state: 1
      case .forbid: 2
      case .leaveKVMAlone: 3
      case .objective: 4
      case .target: 5
      case .boot: 6
      case .leaveOut: 7
      case .kernel: 8
      case .move: 9
      }
    }
  }

  /// What is changed.
  public let deed: Deed
  /// What the plan costs then.
  public let metrics: PlanMetrics
  /// What to do, as a clause, for example `leave igd out`.
  public let text: String
  /// What comes of it, as a clause, for example `coherent`.
  public let outcome: String
  /// What root runs to find out; `nil` if nothing does.
  public let command: String?

  /// Whether the same with fewer devices leads as far.
  func isNeedless(beside other: WayOut) -> Bool {
    deed.effort == other.deed.effort && other.deed.devices.count < deed.devices.count
      && metrics.wbinvd == other.metrics.wbinvd
      && metrics.incoherentDevices == other.metrics.incoherentDevices
      && Set(other.deed.devices).isSubset(of: deed.devices)
  }

  /// Whether nothing stays non-coherent.
  public var isWhole: Bool { metrics.incoherentDevices == 0 && metrics.wbinvd == 0 }
}

/// What would make a VM coherent, or less non-coherent.
///
/// Found by planning again, so each way leads there. How many plans are made depends on the size of
/// the inputs only, never on a clock: the same inputs give the same ways.
public struct WaysOut: Hashable, Sendable {
  /// The ways, those first after which nothing is non-coherent, then by what they take of the user.
  public let ways: [WayOut]
  /// How many changes were tried.
  public let tried: Int
  /// How many there were to try.
  public let candidates: Int

  /// What was not tried, for example `3 of 40 changes tried`; `nil` if all was.
  public var remark: String? {
    tried < candidates ? "\(tried) of \(candidates) changes tried" : nil
  }

  /// Looks for ways out of a plan; for none if it is coherent.
  init(of compiled: CompiledPlan) {
    var search = WayOutSearch(compiled)
    search?.run()
    ways = search?.sortedWays ?? []
    tried = search?.tried ?? 0
    candidates = search?.candidates ?? 0
  }
}
