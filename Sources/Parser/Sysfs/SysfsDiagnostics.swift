/// What is wrong with the files that say what a machine has: codes VP402x.
public enum SysfsDiagnostics {
  /// Every code of this file, in order.
  public static let all = [notPCI, malformedFact, unreadableFact, noTree]

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

  static let unreadableFact = DiagnosticCode(
    "VP4022", .error, "a file in sysfs can't be read",
    """
    It is there, and what it says is not known: the device went away meanwhile, or the copy has a \
    pipe, a device node or links in a circle in its place, which are never opened. What it was to \
    say is left out. Where only another user may read it, this is a warning: run the command as \
    root to know more.
    """)

  static let noTree = DiagnosticCode(
    "VP4023", .error, "--root names no copy that can be read",
    """
    --root takes a directory with a copy of /sys in it, or an archive that 'vfioplan host \
    --capture' has written, as it is or compressed by gzip. An archive is read whole before \
    anything is concluded: one that is cut off, larger than 64 MiB, or has a name twice says \
    nothing. The exit status is 66.
    """)

  static func noPCI(_ path: String) -> Diagnostic {
    Diagnostic(
      notPCI, "there is no \(path)", at: nil,
      help: "mount sysfs, or name the directory above 'sys' with --root")
  }

  static func malformed(_ path: String, _ expected: String) -> Diagnostic {
    Diagnostic(malformedFact, "\(path) does not hold \(expected)", at: nil)
  }

  static func unreadable(_ path: String, _ error: TreeError) -> Diagnostic {
    let finding = Diagnostic(
      unreadableFact, "\(path) can't be read: \(error.reason)", at: nil,
      help: error.isDenied ? "run the command as root" : nil)
    return error.isDenied ? finding.asWarning : finding
  }

  /// The finding about a tree that is none.
  public static func noTree(_ path: String, _ error: TreeError) -> Diagnostic {
    Diagnostic(
      noTree, "\(QuotedText.quote(path)) can't be read: \(error.reason)", at: nil,
      help: "name a directory above 'sys', or an archive of 'vfioplan host --capture'")
  }
}
