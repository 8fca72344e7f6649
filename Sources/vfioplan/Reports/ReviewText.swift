import Executor
import Parser
import Planner

/// The review of a plan for people: the verdict, ways out, a line for each device, what the host
/// loses, what is locked.
struct ReviewText {
  /// How many ways out are listed unless all are wanted.
  static let mostWays = 3
  /// So many devices are named one by one.
  static let fewDevices = 8
  /// How many reasons are given unless all are wanted.
  static let mostReasons = 2
  /// What everybody has to read stands in so many lines, if it can.
  static let firstLines = 12

  private let review: PlanReview
  private let isWhole: Bool
  private let today: Today?

  /// How the VM is started as it is configured now.
  struct Today {
    /// By what, for example `libvirt 12.2 with type1`.
    var title: String
    /// Why it is so, if there is more to say.
    var remark: String?
  }

  /// Prepares a text; the whole of it has every way out and every reason.
  ///
  /// With `today` it is about what a VMM makes of the VM, which is what is planned.
  init(_ review: PlanReview, isWhole: Bool = false, today: Today? = nil) {
    self.review = review
    self.isWhole = isWhole
    self.today = today
  }

  /// Writes all of it.
  func append(to page: inout TextPage) {
    appendVerdict(to: &page)
    appendWaysOut(to: &page)
    // Somebody who gives a hundred devices away sees what that costs without turning pages.
    let isLong = page.lineCount + review.rows.count + 2 > Self.firstLines
    if isLong { appendLosses(to: &page) }
    ReviewTable(review.rows, width: page.width).append(to: &page)
    if !isLong { appendLosses(to: &page) }
    page.line(StyledText(Self.figures(of: review)), hanging: 2)
  }

  /// Writes what can be done next, in lines that are broken between one thing and the next.
  static func appendNext(_ review: PlanReview, to page: inout TextPage) {
    let trial = review.isProposal ? "--simulate" : "--check"
    var line = "next:"
    for part in [
      "--steps shows the program,", "--why the reasons;", "-o plan.json saves it;",
      "vfioplan apply plan.json \(trial) tries it",
    ] {
      if line.count + 1 + part.count > page.width {
        page.line("\(line, .faint)")
        line = "     "
      }
      line += " " + part
    }
    page.line("\(line, .faint)")
  }

  private func appendVerdict(to page: inout TextPage) {
    let verdict = review.verdict
    let role: Screen.Role = verdict.coherence == .coherent && !verdict.isByOrder ? .good : .warning
    let start = today.map { " today, as \($0.title)" } ?? ""
    page.line(
      "\(review.vm, .strong)\(start): " + StyledText(verdict.sentence, role), hanging: 2)
    if let remark = today?.remark { page.line(StyledText(remark), indent: 2, hanging: 2) }
    let shown = isWhole ? verdict.reasons.count : Self.mostReasons
    for clause in verdict.clauses.prefix(shown) { page.line(StyledText(clause), indent: 2) }
    let more = verdict.reasons.count - shown
    if more > 0 { page.line("and for \(counted(more, "more reason")) (--why)", indent: 2) }
  }

  /// The heading of every form's ways out.
  static let waysOut = "ways out"

  /// What stands above the ways out, or instead of them; `nil` if none are looked for.
  static func heading(ofWaysOf review: PlanReview) -> String? {
    guard review.verdict.coherence != .coherent || review.verdict.isByOrder else { return nil }
    let remark = review.waysOut.remark.map { " (\($0))" } ?? ""
    if !review.waysOut.ways.isEmpty { return waysOut + remark }
    let found = review.waysOut.tried == 0 ? "not looked for" : "none of those that were tried"
    return "\(waysOut): \(found)\(remark)"
  }

  private func appendWaysOut(to page: inout TextPage) {
    guard let heading = Self.heading(ofWaysOf: review) else { return }
    page.line(StyledText(heading), hanging: 2)
    let ways = review.waysOut.ways
    let shown = isWhole ? ways[...] : notable(ways)
    for (index, way) in shown.enumerated() {
      let label: StyledText = "\(index + 1, .strong)  "
      page.line("\(way.text): \(way.outcome)", indent: 2, label: label)
      if let command = way.command {
        page.line("\(command, .good)", indent: 2 + label.columns, hanging: 2)
      }
    }
    if ways.count > shown.count {
      page.line("\("and \(ways.count - shown.count) more (--why)", .faint)", indent: 2)
    }
  }

  /// The first ways; where one leads to a coherent VM, none that helps a few of many devices.
  private func notable(_ ways: [WayOut]) -> ArraySlice<WayOut> {
    let whole = ways.prefix { $0.isWhole }
    let isOfMany = review.verdict.devices.count > Self.fewDevices
    return (whole.isEmpty || !isOfMany ? ways[...] : whole).prefix(Self.mostWays)
  }

  private func appendLosses(to page: inout TextPage) {
    if review.losses.isEmpty {
      return page.line("host loses nothing: the devices are on VFIO or have no driver")
    }
    let drivers = review.losses.map { loss in
      let count = loss.devices.count == 1 ? [] : [grouped(loss.devices.count) + " devices"]
      let remarks = (count + loss.uses).joined(separator: "; ")
      return loss.driver + (remarks.isEmpty ? "" : " (\(remarks))")
    }
    page.line("host loses until the VM ends: \(nameList(drivers, limit: 8), .warning)", hanging: 2)
  }

  /// What is locked, what there is, and for which kernel.
  static func figures(of review: PlanReview) -> String {
    let locked = review.locked
    let limit = locked.limit.map { " of " + grouped($0.count) } ?? ""
    let kernel = review.release.isEmpty ? "" : ", Linux " + review.release
    let memory =
      locked.isKnown
      ? "locks \(byteSizeText(locked.bytes)), \(counted(locked.mappings, "mapping"))\(limit)"
      : "memory is left out"
    return "\(memory); "
      + "\(counted(review.pageTables, "page table")), \(counted(review.rows.count, "device")), "
      + "\(counted(review.steps, "step")); "
      + (review.isProposal
        ? "\(review.target), which no kernel has: for the simulator"
        : "\(review.target) of \(review.host)\(kernel)")
  }
}

/// A number with a comma before each three digits from the right.
func grouped(_ number: Int) -> String {
  let digits = String(number)
  return digits.enumerated().reduce(into: "") { text, digit in
    if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text.append(",") }
    text.append(digit.element)
  }
}
