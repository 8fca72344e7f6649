import Parser
import Planner

/// What a program had made of an emulated machine before it let go of it.
public struct EmulationRecord: Sendable {
  /// What there was when most devices were attached and most was mapped, the last such moment;
  /// `nil` if the program opened nothing.
  public internal(set) var state: SimulatorState?
  /// The requests that were answered, in the order of the first of each, and how often.
  public internal(set) var calls: [(name: String, count: Int)] = []
  /// What became of the DMA that devices were to do.
  public internal(set) var transfers: [EmulatedTransfer] = []
  /// The files of ours that other processes still had open when the command had ended.
  public internal(set) var leftOpen: [String] = []
  /// The devices whose driver was not the one of the start, when all was over.
  public internal(set) var driverChanges: [SimulatorState.DriverChange] = []
  /// The requests that failed, in order, each once by name and errno.
  public internal(set) var failures: [Failure] = []

  /// A request that failed.
  public struct Failure: Hashable, Sendable {
    /// The kernel's name of it.
    public var request: String
    /// What it failed with.
    public var errno: Errno
    /// How often.
    public var count: Int
  }

  /// What there was, or nothing at all.
  public var stateOrNothing: SimulatorState { state ?? SimulatorState() }

  /// A request on a kind of file.
  private struct Request: Hashable {
    var kind: ObjectIdentifier
    var command: UInt32
  }

  private var entries: [Request: Int] = [:]
  private var latest: (request: Request, entry: Int)?

  /// Position of a request among the calls; programs ask the same again and again.
  mutating func entry(of command: UInt32, on file: SimulatedFile) -> Int {
    let request = Request(kind: ObjectIdentifier(type(of: file)), command: command)
    if let latest, latest.request == request { return latest.entry }
    let entry = entries[request] ?? newEntry(EmulatedRequest.name(of: command, on: file))
    entries[request] = entry
    latest = (request, entry)
    return entry
  }

  private mutating func newEntry(_ name: String) -> Int {
    if let known = calls.firstIndex(where: { $0.name == name }) { return known }
    calls.append((name, 0))
    return calls.count - 1
  }

  /// Notes how a call ended.
  mutating func note(_ entry: Int, _ result: Result<Int64, Errno>) {
    calls[entry].count += 1
    guard case .failure(let errno) = result else { return }
    let request = calls[entry].name
    if let index = failures.firstIndex(where: { $0.request == request && $0.errno == errno }) {
      failures[index].count += 1
    } else {
      failures.append(Failure(request: request, errno: errno, count: 1))
    }
  }

  /// Keeps a state, unless the one so far had more.
  fileprivate mutating func take(_ new: SimulatorState) {
    if let state, Self.weight(of: state) > Self.weight(of: new) { return }
    if new.isPristine, state == nil { return }
    state = new
  }

  private static func weight(of state: SimulatorState) -> (Int, UInt64) {
    (state.devices.count, state.pageTables.reduce(0) { $0 &+ $1.mappedBytes })
  }
}

extension Emulation {
  /// Looks at what there is, before something of it goes.
  func takeSnapshot() {
    for index in pendingDMA.indices { pendingDMA[index].attempt(in: kernel) }
    guard hasChanged else { return }
    hasChanged = false
    record.take(kernel.state())
  }

  /// Looks at what is left when the command has ended.
  func lookAtRest() {
    record.leftOpen = files.labels
    record.driverChanges = kernel.state().driverChanges
    record.transfers = pendingDMA.map(\.transfer)
  }

  /// What a call is to fail with without being made, if it is one that shall.
  func fault(in request: String) -> Errno? {
    guard !faults.isEmpty else { return nil }
    let position = seen[request, default: 0] + 1
    seen[request] = position
    return faults.first {
      $0.request == request && ($0.position == nil || $0.position == position)
    }?.errno
  }
}
