import Glibc

/// Runs two pieces of work at the same time, the second on its own thread, and waits for both.
///
/// Plain threads: an executor of tasks costs start-up time that a small compilation does not have.
/// If no thread can be made, the second piece runs after the first.
func concurrently<First, Second>(
  _ first: () -> First, _ second: @escaping @Sendable () -> Second
) -> (First, Second) {
  var other: Second?
  return withUnsafeMutablePointer(to: &other) { slot in
    // Nobody else touches the slot until the thread is joined.
    nonisolated(unsafe) let slot = slot
    let thread = Thread { slot.pointee = second() }
    let one = first()
    thread.join()
    return (one, slot.pointee ?? second())
  }
}

/// Runs a piece of work on its own thread that nobody waits for; not at all if none can be made.
func aside(_ work: @escaping @Sendable () -> Void) { Thread(work).leave() }

/// One running thread.
private struct Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var handle = pthread_t()
  private let isRunning: Bool

  init(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run))
    let status = pthread_create(
      &handle, nil,
      { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, body.toOpaque())
    isRunning = status == 0
    if !isRunning { body.release() }
  }

  func join() {
    if isRunning { pthread_join(handle, nil) }
  }

  func leave() {
    if isRunning { pthread_detach(handle) }
  }
}
