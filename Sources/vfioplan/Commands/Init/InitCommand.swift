import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan init`: a first VM description for devices of a host.
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", _superCommandName: "vfioplan",
    abstract: "Write a first VM description for devices of this host.",
    discussion: """
      Words pick devices as those of 'vfioplan host' do: 'gpu', 'nvme', '01:00.0', '10de:', \
      '10de:2684', a part of the name or of the driver. What has to go with a device comes along: \
      its IOMMU group, the rest of a graphics card. One card is written, with a comment a line \
      that says why; several are listed. The file compiles for this host as it is.
      """)

  @Argument(help: "Words that a device has to fit, all of them; none fit every device.")
  var words: [String] = []

  @Flag(help: "Take every card that fits and can be given.")
  var all = false

  @Option(
    help: "The host description; without it this machine. - reads standard input.",
    completion: .file())
  var host: String?

  @Option(
    name: [.short, .customLong("output")],
    help: "Write the description to a new file; one that is there already stays as it is.",
    completion: .file())
  var output: String?

  @OptionGroup var options: OutputOptions

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let loaded = try readHost()
      let description = loaded.value
      let names = PCINames(ofDevicesOf: description)
      let filter = HostFilter(words, names)
      let uses = host == nil ? uses(of: description) : nil
      let choice = CardChoice(HostCard.all(of: description, uses: uses), filter, names, words)
      let (cards, leftOut) = try choice.cards(isAll: all, of: description)
      var first = FirstDescription(
        cards, leftOut: leftOut, of: description, names, words: words, isAskedFor: filter.fits)
      if let schema = FirstDescription.schemas.first(where: FileInput.exists) {
        first.schema = schema
      }
      let text = first.text()
      try check(text, on: loaded)
      try write(text)
      return .done
    }
  }

  private func readHost() throws(CommandFailure) -> Loaded<HostDescription> {
    guard let host else { return try Inputs.thisMachine(.host) }
    return try Inputs.read(host, .host, DescriptionReader.host).get()
  }

  /// What this machine uses devices for, as far as that can be seen without touching them.
  private func uses(of host: HostDescription) -> [BDF: [String]] {
    var observations = HostObservations()
    observations.lookAtUses(
      of: host.devices.filter { !PCIClass.isBridge($0.classCode) && $0.group != nil }
        .map(\.address), touchingNothing: true)
    return observations.uses
  }

  /// Compiles what is to be written: what this host refuses is said now, and nothing is written.
  private func check(
    _ text: String, on host: Loaded<HostDescription>
  ) throws(CommandFailure) {
    let file = SourceFile(id: .vm, name: output ?? "<init>", bytes: Array(text.utf8))
    let vm = try Inputs.decoded(file, DescriptionReader.vm).get()
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      _ = try Compilation.compile(vm.value, on: host.value, into: &sink)
    } catch {
      let errors = error.diagnostics.filter { $0.severity == .error }
      throw CommandFailure(DiagnosticsError(errors), files: [file, host.file])
    }
  }

  private func write(_ text: String) throws(CommandFailure) {
    if let path = Destination(path: output).path {
      do throws(SystemError) { try FileOutput.writeNew(path, Array(text.utf8)) } catch {
        throw .unwritable(path, error)
      }
    } else {
      try Destination.standard.write(bytes: Array(text.utf8))
    }
    announceNext()
  }

  /// Says what to do with the file; for programs there are findings only.
  private func announceNext() {
    guard options.style.diagnostics == .text else { return }
    let file = (Destination(path: output).path ?? "vm.yaml").visible
    let other = host.map { $0 == FileInput.standardInput ? "" : " --host \($0.visible)" } ?? ""
    let saving = Destination(path: output).path == nil ? "add '-o \(file)' to save it, then " : ""
    try? FileOutput.error.write("next: \(saving)vfioplan compile \(file)\(other)\n")
  }
}
