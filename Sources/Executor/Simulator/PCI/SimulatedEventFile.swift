import Planner

/// An eventfd: a counter that somebody waits for.
///
/// What it stands for outside is told of each signal.
final class SimulatedEventFile: SimulatedFile {
  /// How often it was signalled.
  private(set) var signals: UInt64 = 0
  private let onSignal: (() -> Void)?

  /// Makes one that tells somebody of each signal.
  init(onSignal: (() -> Void)? = nil) { self.onSignal = onSignal }

  override var label: String { "eventfd" }

  /// Adds one to the counter.
  func signal() {
    signals += 1
    onSignal?()
  }
}

extension SimulatedKernel {
  /// Opens an eventfd; not a call of a program.
  package func openEvent(onSignal: (() -> Void)? = nil) -> Int32 {
    install(SimulatedEventFile(onSignal: onSignal))
  }

  /// The eventfd of a number: EBADF if nothing is open there, EINVAL if it is something else
  /// (`eventfd_ctx_fdget`).
  func event(_ number: Int32) throws(Errno) -> SimulatedEventFile {
    guard let event = try files.file(number) as? SimulatedEventFile else { throw .einval }
    return event
  }
}
