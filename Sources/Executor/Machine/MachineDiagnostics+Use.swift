import Parser
import Planner

/// The words for what a machine does with a device.
extension MachineDiagnostics {
  static func inUse(_ name: String, _ use: DeviceUse.Use, _ origin: SourceSpan) -> Diagnostic {
    switch use {
    case .mounted, .swap, .volume, .claimed, .opened: disk(name, use, origin)
    case .unknown(let blindness): perhapsInUse(name, blindness, origin)
    case .defaultRoute(let interface):
      Diagnostic(
        networkInUse, "the default route goes through \(name), interface \(interface.visible)",
        at: origin, help: "route through another interface first")
    case .unknownRoute(let blindness):
      Diagnostic(
        networkInUse,
        "can't tell whether the default route goes through \(name): \(blindness.text)",
        at: origin, help: "see that the file can be read")
    case .interface(let interface):
      Diagnostic(
        interfaceInUse, "interface \(interface.visible) of \(name) is connected or has an address",
        at: origin, help: "see that this machine does not need it")
    case .nodes(let opened): open(name, opened, origin)
    case .input(let input):
      Diagnostic(
        inputInUse, "'\(input.visible)' is behind \(name)", at: origin,
        help: "see that there is another way in")
    case .lastKeyboard(let input):
      Diagnostic(
        lastKeyboardInUse,
        "'\(input.visible)' is behind \(name), and this machine has no other keyboard", at: origin,
        help: "see that there is another way in")
    case .console:
      Diagnostic(
        consoleInUse, "\(name) is this machine's console", at: origin,
        help: "see that there is another way in")
    }
  }

  private static func open(
    _ name: String, _ opened: NodeUse.Opened, _ origin: SourceSpan
  ) -> Diagnostic {
    let first = opened.paths.first ?? ""
    let what =
      "\(opened.holders.having) \(first.visible)\(andMore(opened.paths.count - 1)) of \(name) open"
    let help = opened.holders.count > 1 ? "end those processes first" : "end that process first"
    return opened.isWaitedFor
      ? Diagnostic(
        nodeWaitedFor, what + ", for which its driver waits", at: origin, help: help)
      : Diagnostic(nodeInUse, what, at: origin, help: help)
  }

  private static func disk(
    _ name: String, _ use: DeviceUse.Use, _ origin: SourceSpan
  ) -> Diagnostic {
    let (what, help) = words(for: use)
    return Diagnostic(diskInUse, "\(name) has the disk \(what)", at: origin, help: help)
  }

  /// What of a disk is said of it, and what to do.
  private static func words(for use: DeviceUse.Use) -> (what: String, help: String) {
    switch use {
    case .mounted("/"):
      ("that / is mounted from", "leave the device to this machine, which runs from it")
    case .mounted(let place): ("that \(place.visible) is mounted from", "unmount it first")
    case .swap(let path): ("of \(path.visible), which is swapped to", "run 'swapoff' first")
    case .volume(let path):
      ("that \(path.visible) is built on", "take the volume or the array down first")
    case .claimed(let path):
      (
        "\(path.visible), which the kernel has claimed: for a mount, perhaps in another namespace, "
          + "or for a member of a pool, a btrfs or an array",
        "find out what uses it, and end that first"
      )
    case .opened(let path, let holders):
      (
        "\(path.visible), which \(holders.having) open",
        holders.count > 1 ? "end those processes first" : "end that process first"
      )
    default: ("", "")
    }
  }

  /// A disk that is not known to be free.
  private static func perhapsInUse(
    _ name: String, _ blindness: OpenFiles.Blindness, _ origin: SourceSpan
  ) -> Diagnostic {
    let message = "can't tell whether a disk of \(name) is in use: \(blindness.text)"
    return blindness.isAsUser
      ? Diagnostic(KernelDiagnostics.notPermitted, message, at: origin, help: "run as root")
      : Diagnostic(
        diskInUse, message, at: origin,
        help: blindness.isOfProcess
          ? "run with CAP_SYS_PTRACE, outside of the container if this is one"
          : "see that the node is there and can be opened")
  }

  /// What is said of a device whose driver is still waited for.
  static func stuck(
    _ name: String, within seconds: Int, _ holders: [DeviceHolders.Holder], _ origin: SourceSpan?
  ) -> Diagnostic {
    let processes = holders.prefix(3).map(\.text).joined(separator: ", ")
    return Diagnostic(
      notLetGo,
      "the driver of \(name) has not answered within \(seconds) seconds"
        + (holders.isEmpty ? "" : "; \(processes) had it open"), at: origin,
      help: "end what has the device open, then run 'vfioplan restore'")
  }

  /// A device that is not known to be free.
  static func perhapsHeld(
    _ name: String, _ blindness: OpenFiles.Blindness, _ origin: SourceSpan?
  ) -> Diagnostic {
    Diagnostic(
      heldElsewhere, "can't tell whether another process has \(name) open: \(blindness.text)",
      at: origin, help: "see that no VMM has it")
  }
}

extension DeviceHolders.Holder {
  /// The process, as a finding names it.
  public var text: String { "process \(process) (\(command.visible))" }
}

extension [DeviceHolders.Holder] {
  /// The first of them and how many more there are, with `has` or `have`.
  var having: String {
    sentenceList(prefix(3).map(\.text), of: count) + (count > 1 ? " have" : " has")
  }
}

extension OpenFiles.Blindness {
  /// The place and the reason.
  var text: String { "\(path.visible): \(error.reason)" }
  /// Whether root could see it, which we are not.
  var isAsUser: Bool { error.isDenied && !SystemCalls.isRoot }
}
