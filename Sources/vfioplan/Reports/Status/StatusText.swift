import Executor
import Parser
import Planner

/// The state of this machine for people: the verdict, then each run, then who has devices.
struct StatusText {
  private let status: MachineStatus

  /// Prepares the text.
  init(_ status: MachineStatus) { self.status = status }

  /// One screen, as a rule.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line(verdict)
    for journal in status.inForce + status.left { append(journal, to: &page) }
    if !status.users.isEmpty { page.line("\("processes with devices of VFIO", .strong)") }
    for user in status.users { append(user, to: &page) }
    if let blindness = status.blindness {
      page.line("\("not all processes can be seen:", .warning) \(blindness)", hanging: 2)
    }
    if let user = status.users.first(where: { status.vms[$0.holder.process] != nil }) {
      let process = user.holder.process
      page.line("next: vfioplan import --pid \(process) makes a description of that process's VM")
    }
    return page
  }

  private var verdict: StyledText {
    let (running, left) = (status.inForce.count, status.left.count)
    if left > 0 {
      let force = running == 0 ? "nothing is in force" : "\(counted(running, "run")) in force"
      return "\("\(counted(left, "journal")) left behind", .warning); \(force)"
    }
    if running > 0 { return "\("\(counted(running, "run")) in force", .good); nothing left behind" }
    return "nothing is in force, and nothing was left behind"
  }

  private func append(_ journal: JournalStatus, to page: inout TextPage) {
    page.line("\(head(of: journal), .strong)", hanging: 2)
    if !journal.devices.isEmpty { page.table(journal.devices.map(row), indent: 4) }
    if let reason = journal.reason { page.line("\(reason.visible)", indent: 4) }
    if let command = journal.mending {
      page.line("\("mend:", .good) \(command.visible)", indent: 4)
    }
    if journal.state == .unreadable {
      page.line(
        "mend: give its devices back by hand, then remove \(journal.path.visible)", indent: 4)
    }
  }

  private func head(of journal: JournalStatus) -> String {
    let since = journal.since.map { ", since " + MachineStatus.time($0) } ?? ""
    let process = journal.holder?.text ?? journal.process.map { "process \($0)" } ?? "a process"
    return switch journal.state {
    case .running: "in force: \(journal.owner.map { $0.text + ", by " } ?? "")\(process)\(since)"
    case .owned: "in force: \(journal.owner?.text ?? "a VM"), \(process)\(since)"
    case .idle:
      "\(journal.owner?.text ?? "a VM") has nothing open, so it starts or has ended\(since)"
    case .interrupted: "left behind by \(process), which is gone\(since)"
    case .outdated: "of an earlier boot, which gave its drivers back\(since)"
    case .incomplete: "cut off before anything was changed\(since)"
    case .unreadable: "'\(journal.path.visible)' can't be read as a journal"
    }
  }

  private func row(_ device: JournalStatus.Device) -> [StyledText] {
    let record = device.record
    let before = record.driver?.visible ?? "no driver"
    let now = device.now?.visible ?? "no driver"
    return [StyledText(record.address.description), StyledText("\(before) before, \(now) now")]
  }

  private func append(_ user: VFIOUsers.User, to page: inout TextPage) {
    let devices = user.devices.map(\.description)
    let what = devices.isEmpty ? user.files.map(\.visible) : devices
    page.line("\(user.holder.text): \(nameList(what, limit: 8))", indent: 2, hanging: 2)
    if let vm = status.vms[user.holder.process] { page.line(vm.today, indent: 4, hanging: 2) }
  }

}
