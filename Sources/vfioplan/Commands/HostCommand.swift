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
      As text, the IOMMU groups, those that can be given to a VM first, and what comes with each \
      device. Words pick devices, such as 'gpu', 'nvme', 'nouveau', '01:00' or '10de:1d01'. As \
      yaml or json, the host description that --host reads; as nfd, labels for a Kubernetes node; \
      as cdi, what VFIO has as devices for containers. Run it as root: others can't read whether \
      devices may no-snoop.
      """)

  /// How it is shown.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case yaml
    case json
    case nfd
    case cdi
  }

  @Argument(
    help:
      "As text, only devices that every word fits by class, name, driver, address, ids or group.")
  var words: [String] = []

  @Flag(help: "As text, show bridges and the facts of each device, too.")
  var all = false

  @Option(
    help: "A directory with a copy of another machine's /sys, or an archive of --capture.",
    completion: .file())
  var root: String?

  @Option(
    help: "text for people, yaml or json for --host, nfd or cdi for a cluster's node.")
  var format = Format.text

  @Option(
    help: "Show the host as if it ran this Linux release, for example 7.3.",
    completion: ReleaseOption.completion,
    transform: ReleaseOption.reading)
  var release: ReleaseOption?

  @Option(
    help: "Write a tar archive of the files that the facts come from, for --root.",
    completion: .file())
  var capture: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Find out by a write to its configuration whether a device may no-snoop; for one that no "
        + "driver has. May be repeated.",
      valueName: "address"), completion: .shellCommand("ls /sys/bus/pci/devices"),
    transform: Self.address)
  var testNoSnoop: [BDF] = []

  @OptionGroup var options: OutputOptions

  private static func address(_ text: String) throws -> BDF {
    guard let address = BDF(text) else { throw ValidationError("it is not a PCI address") }
    return address
  }

  func validate() throws {
    if !testNoSnoop.isEmpty, root != nil || capture != nil {
      throw ValidationError("--test-no-snoop is for devices of this machine.")
    }
    if capture != nil, format != .text || !words.isEmpty {
      throw ValidationError("--capture writes the facts as they are, in no form and all of them.")
    }
    if capture != nil, release != nil {
      throw ValidationError("--capture writes the facts of the kernel that there is.")
    }
    if format != .text, !words.isEmpty || all {
      throw ValidationError("Words and --all are for text; every other form has all devices.")
    }
  }

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
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
      case .nfd:
        let labels = NodeLabels(inventory.description, uses: uses(of: inventory.description))
        try Destination.standard.write(bytes: Array(labels.text().utf8))
      case .cdi: try writeContainerDevices(of: inventory.description, tree)
      case .text: try show(inventory, tree)
      }
      return inventory.isComplete ? .done : .inputUnreadable
    }
  }

  private func show(_ inventory: HostInventory, _ tree: SysfsTree) throws(CommandFailure) {
    let names = PCINames(for: inventory.description, in: tree)
    let text = HostText(
      inventory, names: names, advice: IOMMUAdvice(tree, inventory.kernelFacts), words: words,
      isWhole: all, uses: uses(of: inventory.description))
    guard words.isEmpty || text.hasDevices else {
      throw .noSuchDevice(words, classes: HostText.classes(of: inventory.description))
    }
    try Destination.standard.write(text.page(options.style.screen(for: Destination.standard)))
  }

  /// What this machine uses the members of groups for that can be given away for all else; of a
  /// copy there is nothing to look at, which is `nil`.
  private func uses(of host: HostDescription) -> [BDF: [String]]? {
    if root != nil { return nil }
    var observations = HostObservations()
    observations.lookAtUses(
      of: host.devices.filter { !PCIClass.isBridge($0.classCode) && $0.group != nil }
        .map(\.address), touchingNothing: true)
    return observations.uses
  }

  private func writeContainerDevices(
    of host: HostDescription, _ tree: SysfsTree
  ) throws(CommandFailure) {
    let nodes = host.devices.compactMap { device in
      tree.names(in: "/sys/bus/pci/devices/\(device.address)/vfio-dev").first { name in
        // A copy may have anything there.
        name.hasPrefix("vfio") && UInt32(name.dropFirst("vfio".utf8.count)) != nil
      }.map { (device.address, $0) }
    }
    let devices = ContainerDevices(host, nodes: Dictionary(nodes) { first, _ in first })
    if devices.isEmpty { throw .nothingForContainers(on: host) }
    try Destination.standard.write(devices.document())
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
