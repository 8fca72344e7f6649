import Executor
import Parser

/// What is in force on this machine, and what was left behind.
struct MachineStatus {
  /// The journals, oldest number first.
  var journals: [JournalStatus]
  /// The processes that have devices of VFIO.
  var users: [VFIOUsers.User]
  /// The VMs of those that are VMMs, by number of the process.
  var vms: [String: RunningVM] = [:]
  /// Why not all of them could be seen; `nil` if they could.
  var blindness: String?

  /// The journals of runs that are going on.
  var inForce: [JournalStatus] { journals.filter { [.running, .owned].contains($0.state) } }
  /// The others.
  var left: [JournalStatus] { journals.filter { ![.running, .owned].contains($0.state) } }
}

extension MachineStatus {
  /// A point in time as `2026-11-29T23:10:04Z`, from seconds since 1970.
  static func time(_ seconds: Int) -> String {
    let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86400)
    let (year, month, day) = date(days)
    let parts = [rest / 3600, rest / 60 % 60, rest % 60].map { padded($0, 2) }
    return
      "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(parts.joined(separator: ":"))Z"
  }

  /// The date of a day since 1970, in the calendar of today; years are taken to begin in March.
  private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    return (
      year + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1
    )
  }

  private static func padded(_ value: Int, _ digits: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
