import ArgumentParser
import Executor
import Glibc
import Parser
import Planner

/// `vfioplan emulate`: runs a program on a simulated machine.
struct EmulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emulate", _superCommandName: "vfioplan",
    abstract: "Run a program on a simulated host: VFIO, iommufd and KVM's VFIO device.",
    discussion: """
      COMMAND and all it starts find the host's devices, groups, IOMMUs and drivers, and a kernel \
      of its release that answers as real ones do; nothing of this machine is touched, and it \
      need not have an IOMMU. It takes no root where user namespaces are allowed. At the end \
      standard error says what page tables there were, who was on them, what KVM was told and \
      what is wrong with it. COMMAND's status passes through.
      """)

  @Option(
    help: ArgumentHelp(
      "A host description, an archive of 'host --capture' or a copy of a sysfs; without it a small "
        + "machine of four devices. Of a folder of them and without a command, their names."),
    completion: .file())
  var host: String?

  @Option(
    help: "A VM description or saved plan for that host: status 1 if the program does otherwise.",
    completion: .file())
  var plan: String?

  @Option(
    help: "Behave like this Linux release, for example 6.12.",
    completion: ReleaseOption.completion, transform: ReleaseOption.reading)
  var release: ReleaseOption?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Let a request fail without making it, for example IOMMU_IOAS_MAP#2=ENOMEM: the second of "
        + "its name, or all without a number. May be repeated.",
      valueName: "request=errno"),
    transform: EmulatedFault.reading)
  var fail: [EmulatedFault] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Have a device do DMA into the program's memory before that is let go: "
        + "0000:01:00.0,0x1000,read=16 reads 16 bytes, write=c0ffee writes three. May be repeated.",
      valueName: "device,address,deed"),
    transform: EmulatedDMA.reading)
  var dma: [EmulatedDMA] = []

  @Option(
    help: "Write every call that is answered to a file; - is standard error.",
    completion: .file())
  var log: String?

  @Flag(help: "Simulate KVM, too, even if there is one here; no guest runs in it.")
  var simulateKVM = false

  @Flag(
    help: ArgumentHelp(
      "Answer IOMMU_TEST_CMD, as kernels with CONFIG_IOMMUFD_TEST do for their own tests."))
  var iommufdTest = false

  @Option(
    name: .shortAndLong, help: "Write the report to a file, not to standard error.",
    completion: .file())
  var output: String?

  @Option(help: "text, json or html.")
  var format = EmulationFormat.text

  @Argument(parsing: .postTerminator, help: "After --: what is run, with its arguments.")
  var command: [String] = []

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if command.isEmpty, host.flatMap(EmulatedHost.names) == nil {
      throw ValidationError("Name a command after --.")
    }
    if plan != nil, host == nil { throw ValidationError("--plan is for the host of --host.") }
    try PlanOptions.checkStandardInput(of: [plan, host].compactMap(\.self))
  }

  func run() {
    options.style.runCommand { (findings) throws(CommandFailure) -> Int32 in
      if command.isEmpty, let names = host.flatMap(EmulatedHost.names) {
        let lines = names.map { $0 + "\n" }.joined()
        try Destination.standard.write(bytes: Array(lines.utf8))
        return ExitCode.done.rawValue
      }
      // What is wrong with it is said after what is wrong with the files.
      let begun = Result { () throws(CommandFailure) in
        try EmulationRun(command, waitsAtEnds: !dma.isEmpty)
      }
      let host = try EmulatedHost.load(host, release: release, &findings)
      let plan = try loadPlan(&findings)
      let run = try begun.get()
      let kernel = SimulatedKernel(
        host.description, release: release.flatMap { HostKernel(release: $0.text).version })
      kernel.hasMock = iommufdTest
      let log = try log.map { (path) throws(CommandFailure) in try EmulationLog(path) }
      let page = format == .html ? EmulationLines() : nil
      let outcome = try run.run(
        on: host, kernel, faults: fail, dma: dma, log: EmulationLines.writer(log, page),
        simulatesKVM: simulateKVM)
      log?.flush()
      let found = EmulationFindings(outcome.record, plan: plan, of: kernel)
      let report = EmulationReport(
        command: command, status: outcome.status, record: outcome.record, host: host.description,
        release: kernel.release.description, findings: found.all,
        mismatches: plan == nil ? nil : found.mismatches, lines: page)
      try show(report)
      findings.add(found.all)
      let isOtherwise = outcome.status == 0 && !found.mismatches.isEmpty
      return isOtherwise ? ExitCode.cannotCompile.rawValue : outcome.status
    }
  }

  private func loadPlan(_ findings: inout Findings) throws(CommandFailure) -> IOASIDPlan? {
    guard let plan else { return nil }
    let inputs = try Inputs.load(plan, host: host, policy: nil).on(release: release)
    let compiled = try inputs.compiled(target: nil, objective: nil)
    findings.add(compiled.diagnostics, files: inputs.files)
    return compiled.plan
  }

  private func show(_ report: EmulationReport) throws(CommandFailure) {
    let bytes: [UInt8]
    switch format {
    case .json: bytes = EmulationJSON(report).bytes()
    case .html: bytes = EmulationReview(report).html()
    case .text:
      let screen =
        output.map { options.style.screen(for: Destination(path: $0)) }
        ?? options.style.screen(for: .error)
      bytes = EmulationText(report.record, host: report.host).page(screen).bytes
    }
    if let output { return try Destination(path: output).write(bytes: bytes) }
    do throws(SystemError) { try FileOutput.error.write(bytes) } catch {
      throw .unwritable("standard error", error)
    }
  }
}

/// The form of the report.
enum EmulationFormat: String, CaseIterable, ExpressibleByArgument {
  /// For people.
  case text
  /// One object, for programs.
  case json
  /// A page that opens from disk.
  case html
}
