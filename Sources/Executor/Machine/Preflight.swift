import Parser
import Planner

/// Everything that can be seen on this machine before a plan touches it.
public enum Preflight {
  /// What would make the plan fail, or harm the machine; all of it at once.
  ///
  /// Errors refuse a run, except those of `forced` codes that may be forced: they become warnings.
  /// An iommufd that is received needs no node.
  public static func findings(
    for plan: CompiledPlan, receivingIOMMUFD: Bool = false, forced: Set<DiagnosticCode> = []
  ) -> [Diagnostic] {
    let findings =
      KernelPreflight.findings(for: plan.program, receivingIOMMUFD: receivingIOMMUFD)
      + MemoryPreflight().findings(for: plan)
    return forcing(findings, forced) + harm(of: plan, forced: forced)
  }

  /// What the machine or other processes would lose by a plan, no matter who carries it out.
  public static func harm(of plan: CompiledPlan, forced: Set<DiagnosticCode> = []) -> [Diagnostic] {
    let openFiles = OpenFiles()
    let findings =
      DeviceUse(openFiles: openFiles).findings(for: plan)
      + ResetScope().findings(for: plan)
      + DeviceHolders(openFiles: openFiles).findings(for: plan)
    return forcing(findings, forced)
  }

  private static func forcing(
    _ findings: [Diagnostic], _ forced: Set<DiagnosticCode>
  ) -> [Diagnostic] {
    findings.map { $0.code.canBeForced && forced.contains($0.code) ? $0.asWarning : $0 }
  }
}
