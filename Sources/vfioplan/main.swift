import ArgumentParser

/// The tool.
struct VFIOPlan: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "vfioplan")
}

VFIOPlan.main()
