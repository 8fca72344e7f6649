import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan import`: a VM description from what other programs have.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", _superCommandName: "vfioplan",
    abstract: "Make a VM description from a configuration of libvirt, QEMU and others.",
    discussion: """
      Reads a libvirt domain, QEMU arguments (a line, a script, JSON, a file of -readconfig), \
      cloud-hypervisor arguments or its JSON, or a file of Proxmox VE. Comments say what was not \
      taken over. compile, apply, diff and check read such files directly, too.
      """)

  @Argument(help: "The configuration; - reads standard input.", completion: .file())
  var input: String?

  @Option(
    help: ArgumentHelp("What the file is, if that is not told by what is in it.", valueName: "kind")
  )
  var from: ImportKind?

  @Option(
    help: "Import a running QEMU or cloud-hypervisor instead of a file.",
    completion: .shellCommand("pgrep qemu"))
  var pid: Int32?

  @Option(
    help: "A host description: comments then say what the devices are.", completion: .file())
  var host: String?

  @Option(
    name: [.short, .customLong("output")], help: "Write the description to a file.",
    completion: .file())
  var output: String?

  @OptionGroup var options: OutputOptions

  func validate() throws {
    guard (input == nil) != (pid == nil) else {
      throw ValidationError("Name a configuration, or a process with --pid.")
    }
    let inputs = [input, host].compactMap { $0 }
    try PlanOptions.checkStandardInput(of: inputs)
    for input in inputs {
      if let output, FileOutput.isSameFile(output, input) {
        throw ValidationError("'\(output)' is an input; -o would overwrite it.")
      }
    }
  }

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let read = try loaded()
      findings.add(read.warnings, files: [read.file])
      let host = try self.host.map { (path) throws(CommandFailure) in
        try Inputs.read(path, .host, DescriptionReader.host).get()
      }
      let yaml = DescriptionYAML(read.value, from: read.file, on: host?.value)
      let destination = Destination(path: output)
      try destination.write(bytes: Array(yaml.text().utf8))
      if let path = destination.path {
        var page = TextPage(options.style.screen(for: Destination.standard))
        for line in yaml.summary(of: path) { page.line(StyledText(line), hanging: 2) }
        try Destination.standard.write(page)
      }
      return .done
    }
  }

  private func loaded() throws(CommandFailure) -> Loaded<ImportedVM> {
    if let pid { return try ProcessInput(pid).loaded(from: from?.kind) }
    let file = try Inputs.file(input ?? FileInput.standardInput, .vm).get()
    guard let kind = from?.kind ?? ImportReader.kind(of: file) else {
      throw CommandFailure(DiagnosticsError([Self.unknown(file)]), files: [file])
    }
    return try Inputs.imported(file, from: kind).get()
  }

  /// A VM of KubeVirt is known, and can't be imported.
  private static func unknown(_ file: SourceFile) -> Diagnostic {
    var sink = DiagnosticSink()
    if let tree = try? DescriptionReader.tree(of: file, into: &sink),
      let finding = ImportReader.clusterFinding(tree)
    {
      return finding
    }
    return ImportDiagnostics.unknownKind(of: file)
  }
}

/// A kind of configuration, by name.
struct ImportKind: ExpressibleByArgument {
  /// The kind.
  let kind: VMMClause.Kind

  static var allValueStrings: [String] { VMMClause.Kind.allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { kind.rawValue }

  init?(argument: String) {
    guard let found = VMMClause.Kind(rawValue: argument) else { return nil }
    kind = found
  }
}
