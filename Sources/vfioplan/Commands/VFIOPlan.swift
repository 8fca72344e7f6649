import ArgumentParser

/// The tool.
struct VFIOPlan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vfioplan",
    abstract: "Plan which devices of a VM share which I/O page table, and what KVM is told.",
    discussion: """
      A description says what each device may do; vfioplan decides, says why, and writes the exact \
      program of system calls that carries the decision out.
      """,
    version: "0.1.0",
    subcommands: [CompileCommand.self, ApplyCommand.self, DiffCommand.self, ExplainCommand.self])
}
