import ArgumentParser
import CRelease
import Parser

/// The tool.
struct VFIOPlan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vfioplan",
    abstract: "Plan which devices of a VM share which page table, and what KVM is told.",
    discussion: """
      A description says what each device may do; vfioplan decides, says why, and writes the exact \
      program of system calls that carries the decision out.
      """,
    version: version,
    subcommands: [
      HostCommand.self,
      InitCommand.self, StatusCommand.self, HookCommand.self,
      CompileCommand.self, ApplyCommand.self, RestoreCommand.self,
      DiffCommand.self, CheckCommand.self, ExplainCommand.self, SchemaCommand.self,
      ImportCommand.self, EmulateCommand.self,
    ])

  /// The release's number, and the commit that it was built from if the build says:
  /// `0.1.0 (8b9e3f6453be)`.
  private static var version: String {
    let commit = String(cString: vfioplan_commit())
    return commit.isEmpty ? Version.text : "\(Version.text) (\(commit))"
  }

  /// Runs a command line, the tool's own name left out; throws what is wrong with it.
  static func run(_ words: [String]) throws {
    if words.first == CompileCommand.name,
      let request = CompileRequest(plain: Array(words.dropFirst()))
    {
      request.run()
    }
    var command = try command(of: words)
    try command.run()
  }

  /// Reads a command line.
  ///
  /// One that is well-formed is read by the command that it names: going down from the tool's own
  /// options takes longer than compiling a small description. All else is left to the whole tool,
  /// which knows what to say.
  static func command(of words: [String]) throws -> any ParsableCommand {
    let named = configuration.subcommands
      .first { $0.configuration.commandName == words.first }
    if let named {
      let rest = Array(words.dropFirst())
      if let command = PlainLine.command(named, of: rest) { return command }
      if let command = try? named.parseAsRoot(rest), type(of: command) == named { return command }
    }
    try checkName(in: words)
    return try parseAsRoot(words)
  }

  /// Says which command may have been meant by one that does not exist.
  private static func checkName(in words: [String]) throws {
    let word = words.first == "help" ? words.dropFirst().first : words.first
    let names = configuration.subcommands.compactMap { $0.configuration.commandName }
    guard let word, !word.hasPrefix("-"), word != "help", !names.contains(word) else { return }
    let near = Spelling.nearest(to: word, among: names).map { "; did you mean '\($0)'" } ?? ""
    throw ValidationError(
      "There is no command \(QuotedText.quote(word))\(near)\(near.isEmpty ? "." : "?") "
        + "The commands are \(names.joined(separator: ", ")).")
  }
}
