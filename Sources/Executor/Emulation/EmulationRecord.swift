import Parser
import Planner

/// What a program had made of an emulated machine before it let go of it.
public struct EmulationRecord: Sendable {
  /// What there was when most devices were attached and most was mapped, the last such moment;
  /// `nil` if the program opened nothing.
  public internal(set) var state: SimulatorState?
  /// How many calls were answered, by the name of the request.
  public internal(set) var calls: [String: Int] = [:]
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

  /// Notes how a call ended.
  mutating func note(_ request: String, _ errno: Errno?) {
    calls[request, default: 0] += 1
    guard let errno else { return }
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
    guard hasChanged else { return }
    hasChanged = false
    record.take(kernel.state())
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
