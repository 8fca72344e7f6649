import Executor
import Parser
import Planner

/// One row of a difference: what something is about, what becomes of it, and why.
struct ConsequenceRow: Hashable {
  /// What kind of change it is.
  enum Mark: String, Hashable {
    case worse = "!"
    case comes = "+"
    case goes = "-"
    case other = "~"
    case same = "="
  }

  var mark: Mark
  var subject: String
  var text: String
  /// What the files say otherwise, a line each.
  var causes: [String] = []

  /// The cells of the row; causes stand below, under the text.
  var cells: [[StyledText]] {
    let first = [sign, "\(subject, .strong)", StyledText(text)]
    return [first] + causes.map { ["", "", "\($0, .faint)"] }
  }

  private var sign: StyledText {
    let role: Screen.Role =
      switch mark {
      case .worse, .goes: .error
      case .comes: .good
      case .other: .warning
      case .same: .faint
      }
    return StyledText(mark.rawValue, role)
  }

  /// Rows that say the same of more than three devices as one row that names them.
  static func folded(_ rows: [ConsequenceRow]) -> [ConsequenceRow] {
    let groups = Dictionary(grouping: rows, by: \.sameness)
    var written: Set<Sameness> = []
    return rows.flatMap { row -> [ConsequenceRow] in
      let group = groups[row.sameness] ?? []
      guard group.count > 3 else { return [row] }
      guard written.insert(row.sameness).inserted else { return [] }
      var one = row
      one.subject = "\(group.count) devices"
      one.causes = Array(group.lazy.flatMap(\.causes).prefix(1))
      let causes = group.reduce(0) { $0 + $1.causes.count }
      if causes > 1 { one.causes.append("and \(counted(causes - 1, "more place"))") }
      one.causes.insert(nameList(group.map(\.subject), limit: 8), at: 0)
      return [one]
    }
  }

  /// What rows have to have in common to be one.
  private struct Sameness: Hashable {
    var mark: Mark
    var text: String
  }

  private var sameness: Sameness { Sameness(mark: mark, text: text) }
}
