import Parser
import Planner

/// What a run on a real kernel has to say besides failed calls: codes VP5006 and on.
public enum KernelDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    interrupted, journalFailed, deviceInUse, leftBehind, notRestored, missingFeature,
    notPermitted, journalUnreadable, unusable,
  ]

  static let interrupted = DiagnosticCode(
    "VP5006", .error, "a signal ended the run",
    """
    SIGINT, SIGTERM, SIGHUP or SIGQUIT came before all steps were made. The step that was under \
    way was finished, no further one was begun, and everything done was undone in reverse \
    order. The process then ends by that signal. SIGKILL can't be answered: after it, `vfioplan \
    restore` gives drivers back, and the kernel itself frees everything else.
    """)

  static let journalFailed = DiagnosticCode(
    "VP5007", .error, "the journal of drivers can't be kept",
    """
    Before the first driver is changed, vfioplan writes down which driver each device has, in \
    /var/lib/vfioplan, so that `vfioplan restore` can give them back if the run is killed. Without \
    that nothing is touched. The directory must be the user's own, closed to the writes of others, \
    and no link may lead to it. Make it writable, and see that its file system has space; root is \
    needed to change drivers anyway.
    """)

  static let deviceInUse = DiagnosticCode(
    "VP5008", .error, "another run has this device",
    """
    A running vfioplan, or a command it started, has taken the device from its driver and will \
    give it back; or a hook has, for a libvirt domain or a Proxmox VM. Two of them can't share a \
    device. End the other one first; nothing was touched.
    """)

  static let leftBehind = DiagnosticCode(
    "VP5009", .error, "an interrupted run left this device's driver changed",
    """
    A run that was killed took the device from its driver and could not give it back. To go on \
    from there would lose what the driver was. Run `vfioplan restore` first; nothing was touched.
    """)

  static let notRestored = DiagnosticCode(
    "VP5010", .error, "a device could not be given back",
    """
    `vfioplan restore` brings each device back to the driver and the driver_override that the \
    journal has, and goes on when one fails. It leaves alone what somebody else has changed since: \
    a device is taken only from the driver that the run gave it to. The journal is kept until all \
    are given back, so the command can be repeated: load the driver's module, and try again. If \
    the device is to stay as it is, remove the journal.
    """)

  static let missingFeature = DiagnosticCode(
    "VP5011", .error, "this machine's kernel lacks something the plan needs",
    """
    The plan was compiled for a host that has this interface, but the machine it was to run on \
    does not have it now. The message names the kernel option and the release that brought it; it \
    may also be a module that is not loaded. Nothing was touched.
    """)

  /// The code of what may not be used.
  public static let notPermitted = DiagnosticCode(
    "VP5012", .error, "not permitted",
    """
    The files that VFIO and KVM are reached by, and the attributes that change drivers, belong to \
    root unless udev rules say otherwise. Nothing was touched. Run as root, or give the user \
    access to the named file.
    """)

  static let journalUnreadable = DiagnosticCode(
    "VP5013", .error, "a journal can't be read",
    """
    The file is in the place of a journal, but it is not one that vfioplan wrote and that nobody \
    else could change. Nobody knows which devices it has, so it stays, and no run changes drivers \
    until it is gone. Find out what became of it, give the devices it was about back by hand, and \
    remove it. A journal that was cut off while it was written is not an error: nothing had been \
    changed yet.
    """)

  static let unusable = DiagnosticCode(
    "VP5014", .error, "a file of the kernel can't be used",
    """
    The device node or attribute is there, and the rights to it are not what is missing: the call \
    that looked at it failed for the reason that the message names, such as EROFS where /sys is \
    mounted read-only, as in many containers. Nothing was touched.
    """)

  static func missing(_ path: String, _ need: String, _ origin: SourceSpan?) -> Diagnostic {
    Diagnostic(
      missingFeature, "this machine has no \(path)", at: origin, help: "it needs \(need)")
  }

  /// A file that can't be opened, for want of rights or another reason.
  static func denied(_ path: String, _ errno: Errno, _ origin: SourceSpan?) -> Diagnostic {
    guard errno.isDenial else {
      return Diagnostic(unusable, "\(path) can't be used: \(errno)", at: origin)
    }
    return Diagnostic(
      notPermitted, "\(path) can't be read and written: \(errno)", at: origin,
      help: "run as root" + (udevRule(for: path).map { ", or add the udev rule " + $0 } ?? ""))
  }

  /// What gives the group `kvm` access to a node; drivers are changed by root only.
  static func udevRule(for path: String) -> String? {
    let match: String
    switch path {
    case "/dev/iommu", "/dev/kvm": match = #"KERNEL=="\#(path.dropFirst(5))""#
    case _ where path.hasPrefix("/dev/vfio/devices/"): match = #"SUBSYSTEM=="vfio-dev""#
    case _ where path.hasPrefix("/dev/vfio/"): match = #"SUBSYSTEM=="vfio""#
    default: return nil
    }
    return match + #", GROUP="kvm", MODE="0660""#
  }

  /// Why no journal can be kept; `name` gives the user's name of a device.
  public static func diagnostic(
    of failure: DriverJournal.Failure, _ device: (BDF) -> (name: String, origin: SourceSpan?)
  ) -> Diagnostic {
    switch failure {
    case .inUse(let address, let process):
      let (name, origin) = device(address)
      return Diagnostic(
        deviceInUse, "'\(name)' (\(address)) is in use by another run, process \(process)",
        at: origin, help: "end that run first")
    case .owned(let address, let owner):
      let (name, origin) = device(address)
      return Diagnostic(
        deviceInUse, "'\(name)' (\(address)) is in use by \(owner.text)", at: origin,
        help: "shut it down first; if it is gone, run 'vfioplan restore'")
    case .leftBehind(let address):
      let (name, origin) = device(address)
      return Diagnostic(
        leftBehind, "an interrupted run left the driver of '\(name)' (\(address)) changed",
        at: origin, help: "run 'vfioplan restore' first")
    case .unreadable(let path, let reason):
      return Diagnostic(
        journalUnreadable, "'\(path)' can't be read as a journal: \(reason)", at: nil,
        help: "give its devices back by hand, then remove it")
    case .untrusted(let path, let reason):
      return Diagnostic(
        journalFailed, "journals can't be kept in '\(path)': \(reason)", at: nil,
        help: "it must be a directory of the user's own that others can't write to")
    case .unusable(let path, let errno):
      return Diagnostic(
        journalFailed, "'\(path)' can't be used for a journal: \(errno)", at: nil)
    case .unknown(let path, let errno):
      return Diagnostic(
        journalFailed, "what a journal is to say can't be read from '\(path)': \(errno)", at: nil)
    case .interrupted(let path):
      return Diagnostic(
        interrupted, "a signal came while another process had the lock of '\(path)'", at: nil)
    }
  }

  /// Why somebody who is not root can't restore.
  public static let restoreNeedsRoot = Diagnostic(
    notPermitted, "'restore' changes drivers, which needs root", at: nil, help: "run as root")

  /// What could not be given back, or not be looked at; empty if everything was given back.
  public static func diagnostics(of restoration: DriverRestoration) -> [Diagnostic] {
    restoration.failures.map { diagnostic(of: $0) { ($0.description, nil) } }
      + restoration.outcomes.compactMap { outcome in
        outcome.obstacle.map { diagnostic(of: $0, outcome) }
      }
  }

  private static func diagnostic(
    of obstacle: DriverRestoration.Obstacle, _ outcome: DriverRestoration.Outcome
  ) -> Diagnostic {
    let record = outcome.record
    let wanted = record.driver.map { "driver '\($0)'" } ?? "no driver"
    let message = "\(record.address) could not be given back to \(wanted): "
    let leaving = "to leave it so, remove '\(outcome.journal)'"
    switch obstacle {
    case .failed(.etimedout):
      return Diagnostic(
        notRestored, message + "its driver does not answer, or waits for a process", at: nil,
        help: "end what has the device open, then try again")
    case .failed(let errno):
      return Diagnostic(
        notRestored, message + "\(errno)", at: nil,
        help: "see which driver has it in /sys/bus/pci/devices/\(record.address), then try again")
    case .driver(let driver):
      return Diagnostic(
        notRestored,
        message + "\(QuotedText.quote(driver)) has it, to which the run did not give it", at: nil,
        help: leaving)
    case .override(let bytes):
      let text = QuotedText.quote(String(decoding: bytes, as: UTF8.self))
      return Diagnostic(
        notRestored, message + "its driver_override is \(text), which the run did not set",
        at: nil, help: leaving)
    case .held(let holder):
      return MachineDiagnostics.held("\(record.address)", by: holder, nil)
    case .groupInUse: return MachineDiagnostics.held("\(record.address)", by: nil, nil)
    }
  }
}
