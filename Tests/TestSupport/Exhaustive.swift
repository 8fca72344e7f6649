import Foundation

/// Whether enumerations that take minutes are asked for: `make exhaust` does.
public enum Exhaustive {
  /// Whether tests that are too long for every day run.
  public static let isAsked = ProcessInfo.processInfo.environment["VFIOPLAN_EXHAUST"] == "1"

  /// Prints a figure for the record, with the seconds since a start.
  public static func report(_ what: String, since start: ContinuousClock.Instant) {
    let seconds = (ContinuousClock.now - start).components.seconds
    print("exhaust: \(what), \(seconds) s")
  }
}
