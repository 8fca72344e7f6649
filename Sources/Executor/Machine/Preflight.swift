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
    let openFiles = OpenFiles()
    let findings =
      KernelPreflight.findings(for: plan.program, receivingIOMMUFD: receivingIOMMUFD)
      + MemoryPreflight().findings(for: plan)
      + DeviceUse(openFiles: openFiles).findings(for: plan)
      + ResetScope().findings(for: plan)
      + DeviceHolders(openFiles: openFiles).findings(for: plan)
    return findings.map { $0.code.canBeForced && forced.contains($0.code) ? $0.asWarning : $0 }
  }
}
