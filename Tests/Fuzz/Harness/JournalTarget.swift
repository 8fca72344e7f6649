@testable import Executor
import Planner

/// The journal of an interrupted run, from which `vfioplan restore` gives drivers back.
enum JournalTarget {
  /// A journal file.
  static func run(_ bytes: [UInt8]) {
    guard let journal = JournalText(String(decoding: bytes, as: UTF8.self)) else { return }
    law(JournalText(journal.text) == journal, "is read back as another journal")
    for record in journal.records {
      for driver in [record.driver ?? "", record.override] where !driver.isEmpty {
        law(SysfsWrite.isSafe(driver: driver), "gives a device to '\(driver)'")
      }
    }
  }
}
