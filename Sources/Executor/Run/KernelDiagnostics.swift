import Parser
import Planner

/// What a run on a real kernel has to say besides failed calls: codes VP5006 and on.
public enum KernelDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    interrupted, journalFailed, deviceInUse, leftBehind, notRestored, missingFeature,
    notPermitted,
  ]

  static let interrupted = DiagnosticCode(
    "VP5006", .error, "a signal ended the run",
    """
    SIGINT, SIGTERM, SIGHUP or SIGQUIT came before all steps were made. The step that was under \
    way was finished, no further one was begun, and everything done was taken back in reverse \
    order. The process then ends by that signal. SIGKILL can't be answered: after it, `vfioplan \
    restore` gives drivers back, and the kernel itself frees everything else.
    """)

  static let journalFailed = DiagnosticCode(
    "VP5007", .error, "the journal of drivers can't be kept",
    """
    Before the first driver is changed, vfioplan writes down which driver each device has, in \
    /var/lib/vfioplan, so that `vfioplan restore` can give them back if the run is killed. Without \
    that nothing is touched. Make the directory writable, and see that its file system has space; \
    root is needed to change drivers anyway.
    """)

  static let deviceInUse = DiagnosticCode(
    "VP5008", .error, "another run has this device",
    """
    A running vfioplan, or a command it started, has taken the device from its driver and will \
    give it back. Two runs can't share a device. End the other one first; nothing was touched.
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
    journal has, and goes on when one fails. The journal is kept until all are given back, so the \
    command can be repeated: load the driver's module, or end what still uses the device, and try \
    again.
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

  static func missing(_ path: String, _ need: String, _ origin: SourceSpan?) -> Diagnostic {
    Diagnostic(
      missingFeature, "this machine has no \(path)", at: origin, help: "it needs \(need)")
  }

  static func denied(_ path: String, _ errno: Errno, _ origin: SourceSpan?) -> Diagnostic {
    Diagnostic(
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
    case .leftBehind(let address):
      let (name, origin) = device(address)
      return Diagnostic(
        leftBehind, "an interrupted run left the driver of '\(name)' (\(address)) changed",
        at: origin, help: "run 'vfioplan restore' first")
    case .system(let path, let errno):
      return Diagnostic(journalFailed, "\(path): \(errno)", at: nil)
    }
  }

  /// What could not be given back; empty if everything was.
  public static func diagnostics(of restoration: DriverRestoration) -> [Diagnostic] {
    restoration.outcomes.compactMap { outcome in
      guard let errno = outcome.errno else { return nil }
      let record = outcome.record
      let wanted = record.driver.map { "driver '\($0)'" } ?? "no driver"
      return Diagnostic(
        notRestored, "\(record.address) could not be given back to \(wanted): \(errno)", at: nil,
        help: "see which driver has it in /sys/bus/pci/devices/\(record.address), then try again")
    }
  }
}
