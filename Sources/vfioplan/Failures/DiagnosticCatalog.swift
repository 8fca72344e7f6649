import Executor
import Parser
import Planner

/// Every code there is.
enum DiagnosticCatalog {
  /// The codes of all modules, by name.
  static let all: [DiagnosticCode] =
    (ParserDiagnostics.all + ScopeDiagnostics.all + SysfsDiagnostics.all + ProgramDiagnostics.all
    + PlannerDiagnostics.all + PolicyDiagnostics.all + VMMDiagnostics.all
    + ClashDiagnostics.all + BudgetDiagnostics.all + SavedPlanDiagnostics.all
    + ExecutorDiagnostics.all + KernelDiagnostics.all + MachineDiagnostics.all
    + CommandDiagnostics.all + ImportDiagnostics.all + FleetDiagnostics.all
    + EmulationDiagnostics.all)
    .sorted { $0.name < $1.name }

  /// The code of a name, in either case, with or without `VP`.
  static func code(named name: String) -> DiagnosticCode? {
    let wanted = name.uppercased()
    return all.first { $0.name == wanted || $0.name.dropFirst(2) == wanted }
  }

  /// At most three codes whose numbers are nearest to the digits of a name that is not a code.
  static func codes(near name: String) -> [DiagnosticCode] {
    let wanted = Int(String(name.filter(\.isWholeNumber).prefix(6))) ?? 0
    func distance(_ code: DiagnosticCode) -> Int {
      abs((Int(code.name.dropFirst(2)) ?? 0) - wanted)
    }
    let nearest = all.sorted { (distance($0), $0.name) < (distance($1), $1.name) }.prefix(3)
    return nearest.sorted { $0.name < $1.name }
  }
}
