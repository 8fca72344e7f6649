import Foundation

/// Whether enumerations that take minutes are asked for: `make exhaust` does.
public enum Exhaustive {
  /// Whether tests that are too long for every day run.
  public static let isAsked = asked == "1" || isAskedForAll
  /// Whether those that take an hour run, too.
  public static let isAskedForAll = asked == "all"

  private static let asked = ProcessInfo.processInfo.environment["VFIOPLAN_EXHAUST"]

  /// Prints a figure for the record, with the seconds since a start.
  public static func report(_ what: String, since start: ContinuousClock.Instant) {
    let seconds = (ContinuousClock.now - start).components.seconds
    print("exhaust: \(what), \(seconds) s")
  }
}
