/// What is wrong with the files that say what a machine has: codes VP402x.
public enum SysfsDiagnostics {
  /// Every code of this file, in order.
  public static let all = [notPCI, malformedFact]

  static let notPCI = DiagnosticCode(
    "VP4020", .error, "there are no PCI devices to read",
    """
    The facts of a machine are read from /sys, or below the directory of --root, which must hold a \
    copy of it: sys/bus/pci/devices at least. Mount sysfs, or see that --root names the directory \
    above `sys`.
    """)

  static let malformedFact = DiagnosticCode(
    "VP4021", .error, "a file in sysfs does not say what it should",
    """
    The kernel writes these files itself, so a file that is empty, cut off or something else \
    means a copy that is not complete, or a device that went away meanwhile. What the file was to \
    say is left out, and the device with it if it is nothing without. Make the copy again, or run \
    the command again.
    """)

  static func noPCI(_ path: String) -> Diagnostic {
    Diagnostic(
      notPCI, "there is no \(path)", at: nil,
      help: "mount sysfs, or name the directory above 'sys' with --root")
  }

  static func malformed(_ path: String, _ expected: String) -> Diagnostic {
    Diagnostic(malformedFact, "\(path) does not hold \(expected)", at: nil)
  }
}
