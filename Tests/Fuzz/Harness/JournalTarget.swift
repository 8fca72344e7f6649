@testable import Executor
import Parser
import Planner

/// The journal of an interrupted run, from which `vfioplan restore` gives drivers back.
enum JournalTarget {
  /// A journal file; also the override of a device, which may be anything that the kernel takes.
  static func run(_ bytes: [UInt8]) {
    if !bytes.contains(where: { $0 == 0 || $0 == 10 }) { readsBack(bytes) }
    guard let journal = try? JournalText(bytes) else { return }
    law(isSame(journal), "is read back as another journal")
    for record in journal.records {
      if let driver = record.driver {
        law(SysfsWrite.isDriverName(driver), "gives a device to '\(driver)'")
      }
      law(record.given.map(VFIODriver.isVFIO) ?? true, "takes a device from another driver")
      law(!record.override.contains { $0 == 0 || $0 == 10 }, "an override of several lines")
    }
    for length in 0..<bytes.count { law(isIncomplete(bytes.prefix(length)), "cut to \(length)") }
  }

  private static func readsBack(_ override: [UInt8]) {
    guard let address = BDF("0000:00:02.0") else { return }
    let record = DriverRecord(
      address: address, driver: nil, override: override, given: VFIODriver.standard)
    law(isSame(JournalText(boot: "b", process: 1, records: [record])), "an override is lost")
  }

  private static func isSame(_ journal: JournalText) -> Bool {
    (try? JournalText(journal.bytes)) == journal
  }

  private static func isIncomplete(_ bytes: ArraySlice<UInt8>) -> Bool {
    do throws(JournalText.Flaw) { _ = try JournalText(Array(bytes)) } catch {
      return error == .incomplete
    }
    return false
  }
}
