import ArgumentParser
import Executor
import Parser

/// `vfioplan hook`: what libvirt and Proxmox VE call when a VM starts and ends.
struct HookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hook", _superCommandName: "vfioplan",
    abstract: "Answer a hook of libvirt or Proxmox VE: refuse a start, take and give back devices.",
    discussion: """
      Before a VM starts, its configuration is compiled for this machine: a start that can't go \
      well, harms the machine or breaks the policy is refused with one line of reason. Devices \
      whose driver nobody else changes are given to VFIO, written down in a journal that is the \
      VM's, and given back when it has ended. docs/hooks.md says how it is installed.
      """,
    subcommands: [LibvirtHookCommand.self, ProxmoxHookCommand.self])
}

/// `vfioplan hook libvirt`.
struct LibvirtHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "libvirt", _superCommandName: "vfioplan hook",
    abstract: "Answer a hook of libvirt's QEMU driver, with the domain on standard input.",
    discussion: """
      Acts in 'prepare begin' and 'release end'. Every other operation ends with status 0 at once \
      and nothing on standard output, which to libvirt means that nothing is to be changed.
      """)

  @Argument(help: "What libvirt says: NAME OPERATION SUBOPERATION EXTRA. Write -- before it.")
  var words: [String] = []

  @OptionGroup var hook: HookOptions

  @OptionGroup var options: OutputOptions

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let operation = words.dropFirst().prefix(2).joined(separator: " ")
      guard let name = words.first, ["prepare begin", "release end"].contains(operation) else {
        return .done
      }
      let run = HookRun(
        try HookOptions.owner(.libvirt, name), hook, FileInput.standardInput)
      return try run.answer(isStart: operation == "prepare begin", options.style, &findings)
    }
  }
}

/// `vfioplan hook proxmox`.
struct ProxmoxHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxmox", _superCommandName: "vfioplan hook",
    abstract: "Answer a hookscript of Proxmox VE.",
    discussion: """
      Acts in the phases 'pre-start' and 'post-stop'; every other one ends with status 0 at once. \
      The VM is read from its file in /etc/pve/qemu-server.
      """)

  @Argument(help: "What Proxmox VE says: VMID PHASE. Write -- before it.")
  var words: [String] = []

  @Option(
    help: "The VM's configuration, if it is not in /etc/pve/qemu-server.", completion: .file())
  var configuration: String?

  @OptionGroup var hook: HookOptions

  @OptionGroup var options: OutputOptions

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let phase = words.dropFirst().first ?? ""
      guard let number = words.first, ["pre-start", "post-stop"].contains(phase) else {
        return .done
      }
      let owner = try HookOptions.owner(.proxmox, number)
      let path = configuration ?? "/etc/pve/qemu-server/\(number).conf"
      let run = HookRun(owner, hook, path)
      return try run.answer(isStart: phase == "pre-start", options.style, &findings)
    }
  }

  func validate() throws {
    guard let number = words.first, configuration == nil else { return }
    guard number.isDecimal, number.utf8.count <= 9 else {
      throw ValidationError("A VM of Proxmox VE has a number.")
    }
  }
}

/// The options that all hooks have.
struct HookOptions: ParsableArguments {
  /// The policy of hooks, if none is named and this is there.
  static let usualPolicy = "/etc/vfioplan/policy.yaml"

  @Option(
    help:
      "The policy that starts are under; without it \(HookOptions.usualPolicy), if it is there.",
    completion: .file())
  var policy: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Start in spite of a finding: \(ForceOption.names). May be repeated.", valueName: "code"))
  var force: [ForceOption] = []

  @OptionGroup var patience: UnbindOptions

  /// The path of the policy; `nil` if there is none.
  var policyPath: String? {
    if let policy { return policy }
    return FileInput.exists(Self.usualPolicy) ? Self.usualPolicy : nil
  }

  /// Whose devices they are.
  static func owner(
    _ kind: JournalOwner.Kind, _ name: String
  ) throws(CommandFailure) -> JournalOwner {
    if let owner = JournalOwner(kind, name) { return owner }
    throw .wrongUsage("\(QuotedText.quote(name)) can't be the name of a VM.", "")
  }
}
