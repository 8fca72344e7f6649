import Executor
import Parser
import Planner

/// The state of this machine for programs: `vfioplan.status/v1`.
struct StatusJSON {
  private let status: MachineStatus

  /// Prepares the text.
  init(_ status: MachineStatus) { self.status = status }

  /// The text, one journal and one process a line.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.status/v1")
    writer.list("journals", of: status.journals, .block) { write($0, to: &$1) }
    writer.list("processes", of: status.users, .block) { write($0, to: &$1) }
    writer.member("unseen", status.blindness)
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func write(_ journal: JournalStatus, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("path", journal.path)
    writer.member("state", journal.state.rawValue)
    writer.member("since", journal.since.map(MachineStatus.time))
    writer.member("process", journal.process.map { Int($0) })
    writer.member("owner", journal.owner?.description)
    if let holder = journal.holder {
      writer.key("holder")
      write(holder, to: &writer)
    }
    writer.list("devices", of: journal.devices) { write($0, to: &$1) }
    writer.member("mend", journal.mending)
    writer.member("reason", journal.reason)
    writer.endObject()
  }

  private func write(_ device: JournalStatus.Device, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("address", device.record.address)
    writer.member("before", device.record.driver)
    writer.member("given", device.record.given)
    writer.member("now", device.now)
    writer.endObject()
  }

  private func write(_ holder: DeviceHolders.Holder, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("process", Int(holder.process) ?? 0)
    writer.member("command", holder.command)
    writer.endObject()
  }

  private func write(_ user: VFIOUsers.User, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("process", Int(user.holder.process) ?? 0)
    writer.member("command", user.holder.command)
    writer.member("files", user.files)
    writer.member("devices", user.devices.map(\.description))
    writer.member(
      "today", status.vms[user.holder.process]?.today.pieces.map(\.text).joined())
    writer.endObject()
  }
}
