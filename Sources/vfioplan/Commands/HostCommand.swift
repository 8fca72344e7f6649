import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan host`: what this machine has.
struct HostCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "host", _superCommandName: "vfioplan",
    abstract: "Show the devices of this machine, or of a copy of its sysfs.",
    discussion: """
      As text, a table by IOMMU group that says what each device means for a VM. As yaml or json, \
      the host description that --host reads. Run it as root: others can't read whether devices \
      may no-snoop.
      """)

  /// How it is shown.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case yaml
    case json
  }

  @Argument(
    help:
      "As text, only these: words for classes, such as display, addresses, or numbers of groups.")
  var wanted: [String] = []

  @Option(help: "A directory with a copy of another machine's /sys, or an archive of --capture.")
  var root: String?

  @Option(help: "text for people, yaml or json for --host.")
  var format = Format.text

  @Option(help: "Show the host as if it ran this Linux release, for example 7.3.")
  var release: ReleaseOption?

  @Option(help: "Write a tar archive of the files that the facts come from, for --root.")
  var capture: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Find out by a write to its configuration whether a device may no-snoop; for one that no "
        + "driver has. May be repeated.",
      valueName: "address"), transform: Self.address)
  var testNoSnoop: [BDF] = []

  @OptionGroup var options: OutputOptions

  private static func address(_ text: String) throws -> BDF {
    guard let address = BDF(text) else { throw ValidationError("it is no PCI address") }
    return address
  }

  func validate() throws {
    if !testNoSnoop.isEmpty, root != nil || capture != nil {
      throw ValidationError("--test-no-snoop is for devices of this machine.")
    }
    if capture != nil, format != .text || !wanted.isEmpty {
      throw ValidationError("--capture writes the facts as they are, in no form and all of them.")
    }
    if capture != nil, release != nil {
      throw ValidationError("--capture writes the facts of the kernel that there is.")
    }
    if format != .text, !wanted.isEmpty {
      throw ValidationError("A host description has all devices; only text can be filtered.")
    }
    for word in wanted where !HostText.isFilter(word) {
      throw ValidationError(
        "'\(word)' is no address, no group's number and no class: "
          + HostText.classWords.joined(separator: ", ") + "."
      )
    }
  }

  func run() {
    options.run { (findings) throws(CommandFailure) in
      let recorder = capture.map { _ in FactRecorder() }
      let tree = try tree(recorder)
      let inventory = HostInventory(tree, tested: try testedDevices(), release: release?.text)
      findings.add(inventory.findings)
      if let recorder {
        _ = IOMMUAdvice(tree, inventory.kernelFacts)
        try Destination(path: capture).write(bytes: recorder.archive())
        return inventory.isComplete ? .done : .inputUnreadable
      }
      switch format {
      case .yaml:
        try Destination.standard.write(bytes: Array(HostYAML(inventory).text().utf8))
      case .json: try Destination.standard.write(HostJSON.document(inventory.description))
      case .text:
        let names = PCINames(for: inventory.description, in: tree)
        let text = HostText(
          inventory, names: names, advice: IOMMUAdvice(tree, inventory.kernelFacts),
          filters: wanted)
        try Destination.standard.write(text.page(options.screen(for: Destination.standard)))
      }
      return inventory.isComplete ? .done : .inputUnreadable
    }
  }

  /// The files that are read.
  private func tree(_ recorder: FactRecorder?) throws(CommandFailure) -> SysfsTree {
    guard let root else { return .machine(recorder: recorder) }
    do throws(TreeError) {
      return try SysfsTree(root: root, recorder: recorder)
    } catch {
      throw CommandFailure([SysfsDiagnostics.noTree(root, error)], .inputUnreadable)
    }
  }

  /// What the wanted tests have found.
  private func testedDevices() throws(CommandFailure) -> [BDF: NoSnoopFact] {
    var facts: [BDF: NoSnoopFact] = [:]
    for address in testNoSnoop {
      do throws(NoSnoopTest.Failure) {
        facts[address] = try NoSnoopTest.run(on: address)
      } catch {
        throw CommandFailure([error.finding], error.isDenied ? .notPermitted : .hostUnable)
      }
    }
    return facts
  }
}
