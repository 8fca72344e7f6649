import Executor
import Parser
import Planner

/// What an emulated run came to.
struct EmulationReport {
  /// The command and its arguments.
  var command: [String]
  /// How it ended.
  var status: Int32
  /// What was seen.
  var record: EmulationRecord
  /// The machine.
  var host: HostDescription
  /// The release it behaved like.
  var release: String
  /// What is wrong.
  var findings: [Diagnostic]
  /// Where that is not what a plan says; `nil` without one.
  var mismatches: [String]?
  /// The calls, as far as they were noted.
  var lines: EmulationLines?
}

/// The first calls of a run, as lines.
final class EmulationLines {
  /// So many are kept.
  static let most = 2000

  /// The lines.
  private(set) var lines: [(seconds: Double, text: String)] = []
  /// How many there were.
  private(set) var count = 0

  /// Notes one.
  func add(_ seconds: Double, _ text: String) {
    count += 1
    if lines.count < Self.most { lines.append((seconds, text)) }
  }

  /// What writes to a log and notes for a page, as far as there are such; `nil` if nothing does.
  static func writer(
    _ log: EmulationLog?, _ page: EmulationLines?
  ) -> ((Double, String) -> Void)? {
    if log == nil, page == nil { return nil }
    return { seconds, text in
      log?.write(seconds, text)
      page?.add(seconds, text)
    }
  }
}

/// What a program made of an emulated machine, as a page that opens from disk.
struct EmulationReview {
  private let report: EmulationReport
  private var state: SimulatorState { report.record.stateOrNothing }

  /// Takes a report.
  init(_ report: EmulationReport) { self.report = report }

  /// The page: verdict, page tables, picture, DMA, findings, calls.
  func html() -> [UInt8] {
    var page = HTMLWriter()
    HTMLPage.begin("Emulated run of \(report.command.first ?? "")", in: &page)
    HTMLPage.header(report.command.first ?? "", verdict, isGood: isGood, in: &page) { page in
      page.element("p") { $0.element("code", report.command.joined(separator: " ")) }
      page.element("p", [("class", "note")], figures)
    }
    appendTables(to: &page)
    if !state.devices.isEmpty { appendPicture(to: &page) }
    appendTransfers(to: &page)
    ReviewHTML.appendFindings(report.findings, in: [], to: &page)
    appendFailures(to: &page)
    if let lines = report.lines, !lines.lines.isEmpty { Self.append(lines, to: &page) }
    HTMLPage.end(in: &page)
    return page.bytes
  }

  /// Whether all DMA was coherent.
  var isGood: Bool { !state.devices.contains(where: \.isEffective) }

  /// What became of the machine, in a sentence.
  var verdict: String {
    if state.devices.isEmpty { return "no device was attached to a page table" }
    let devices = state.devices.filter(\.isEffective).map(\.address.description)
    if devices.isEmpty { return "DMA of \(counted(state.devices.count, "device")) is coherent" }
    let start = "DMA of \(nameList(devices, limit: 4)) is NON-COHERENT"
    if state.vms.isEmpty || !state.hasIncoherentMode { return start }
    return state.vms.contains(where: \.allowsIncoherentDMA)
      ? start + ", and KVM carries out the guest's WBINVD"
      : start + ", but KVM ignores the guest's WBINVD"
  }

  private var figures: String {
    let calls = report.record.calls.reduce(0) { $0 + $1.count }
    return "on host \(report.host.name) with Linux \(report.release); status \(report.status), "
      + "\(counted(calls, "call")) answered"
  }

  private func appendTables(to page: inout HTMLWriter) {
    let tables = state.pageTables.map { table in
      [
        table.name, table.enforcesSnoop ? "enforced" : "not enforced",
        byteSizeText(table.mappedBytes), nameList(table.devices.map(\.description)),
      ]
    }
    let vms = state.vms.map { vm in
      [
        "KVM", vm.allowsIncoherentDMA ? "carries out WBINVD" : "ignores WBINVD", "",
        vm.knownDevices.isEmpty
          ? "knows no device" : "knows " + nameList(vm.knownDevices.map(\.description)),
      ]
    }
    HTMLPage.section("Page tables", id: "tables", in: &page) { page in
      if tables.isEmpty { page.element("p", "The program made none.") }
      if tables.isEmpty, vms.isEmpty { return }
      HTMLPage.table(
        "Page tables, as a table", ["name", "no-snoop", "maps", "devices"],
        tables + (state.hasIncoherentMode ? vms : []), heading: 0, in: &page)
    }
  }

  private func appendPicture(to page: inout HTMLWriter) {
    HTMLPage.section("Picture", id: "picture", in: &page) { page in
      HTMLPage.wide("Picture of the run", in: &page) { page in
        SVGPicture(ReviewPicture(state, report.host)).append(to: &page, title: verdict)
      }
      page.element(
        "p", [("class", "note")],
        "From left to right: what DMA passes. Dashed and marked with !: no-snoop DMA that is not "
          + "coherent.")
    }
  }

  private func appendTransfers(to page: inout HTMLWriter) {
    let transfers = report.record.transfers
    if transfers.isEmpty { return }
    let rows = transfers.map { transfer in
      let words = EmulationText.words(of: transfer)
      let snooped = transfer.isSnooped ? "snooped" : "not snooped"
      return [
        transfer.request.device.description, words.deed,
        transfer.fault == nil ? snooped : "fault", words.outcome,
      ]
    }
    HTMLPage.section("DMA", id: "dma", in: &page) { page in
      HTMLPage.table(
        "DMA, as a table", ["device", "deed", "outcome", "what"], rows, heading: 0, in: &page)
    }
  }

  private func appendFailures(to page: inout HTMLWriter) {
    let failures = report.record.failures
    if failures.isEmpty { return }
    HTMLPage.section("Failed calls", id: "failures", in: &page) { page in
      HTMLPage.table(
        "Failed calls, as a table", ["request", "failed with", "times"],
        failures.map { [$0.request, $0.errno.description, String($0.count)] }, heading: 0,
        in: &page)
    }
  }

  private static func append(_ lines: EmulationLines, to page: inout HTMLWriter) {
    HTMLPage.section("Calls", id: "calls", in: &page) { page in
      page.element("details", lines.count <= 64 ? [("open", "")] : []) { page in
        let rest = lines.count - lines.lines.count
        page.element(
          "summary",
          counted(lines.count, "call") + (rest > 0 ? ", the first \(lines.lines.count) here" : ""))
        page.markup(
          """
          <form class="tools" id="tools"><label>Search <input type="search" id="search" \
          autocomplete="off"></label>
          <output id="found" for="search"></output></form>

          """)
        page.element("ol", [("class", "steps"), ("id", "steps")]) { page in
          for (index, line) in lines.lines.enumerated() {
            append(index, "\(UInt64(line.seconds * 1e6)) µs", line.text, to: &page)
          }
        }
      }
    }
  }

  private static func append(
    _ index: Int, _ time: String, _ text: String, to page: inout HTMLWriter
  ) {
    page.element("li") { page in
      page.element("span", [("class", "number")], String(index + 1))
      page.element("span", [("class", "words")], time)
      page.element("code", [("class", "call")], text)
    }
    page.markup("\n")
  }
}
