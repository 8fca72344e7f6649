import Parser
import Planner

/// What is wrong with the files that say what a machine has, and what it does with devices: codes
/// VP402x and VP403x.
public enum InventoryDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    notPCI, malformedFact, diskInUse, networkInUse, consoleInUse, fewHugePages, lowLockLimit,
  ]

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

  static let diskInUse = DiagnosticCode(
    "VP4030", .error, "a disk of this machine is behind the device",
    """
    A file system is mounted from a disk of the device, or pages are swapped to it. Taking the \
    device from its driver takes the disk away at once: the driver does not refuse, and what was \
    not written is lost. Unmount the file system or switch the swap off, or give the VM another \
    device.
    """)

  static let networkInUse = DiagnosticCode(
    "VP4031", .error, "the default route goes through the device",
    """
    Taking the device from its driver cuts the machine off, and with it whoever is logged in. \
    Move the default route to another interface first, or give the VM another device.
    """)

  static let consoleInUse = DiagnosticCode(
    "VP4032", .warning, "the console is on the device",
    """
    The firmware set this graphics device up as the console (boot_vga in sysfs). Once its driver \
    is gone the screen shows nothing more, and some devices can't be given back without a \
    restart. See that there is another way into the machine.
    """)

  static let fewHugePages = DiagnosticCode(
    "VP4033", .error, "there are not enough huge pages",
    """
    Guest memory on huge pages comes from the kernel's pool of that size, which has too few free \
    ones. Pages of 2 MiB can be added while the machine runs, as long as memory is not too \
    fragmented; those of 1 GiB are best set aside at boot (hugepagesz=, hugepages=).
    """)

  static let lowLockLimit = DiagnosticCode(
    "VP4034", .error, "the plan locks more memory than the process may",
    """
    All memory that devices can reach is pinned, and counts against RLIMIT_MEMLOCK, once for every \
    address space that maps it. The kernel would refuse the map with ENOMEM. Raise the limit \
    (`ulimit -l`, LimitMEMLOCK= of a systemd unit), or run with CAP_IPC_LOCK, which root has.
    """)

  static func hugePages(
    _ bytes: UInt64, needed: UInt64, available: UInt64, pool: String, _ origin: SourceSpan?
  ) -> Diagnostic {
    Diagnostic(
      fewHugePages,
      "the plan needs \(needed) huge pages of \(byteSizeText(bytes)), \(available) can be had",
      at: origin, help: "write a number to \(pool)/nr_hugepages, or reserve them at boot")
  }

  static func lockLimit(_ limit: UInt64, needed: UInt64, _ origin: SourceSpan?) -> Diagnostic {
    Diagnostic(
      lowLockLimit,
      "the plan locks \(byteSizeText(needed)), RLIMIT_MEMLOCK is \(byteSizeText(limit))",
      at: origin, help: "raise the limit with 'ulimit -l' or LimitMEMLOCK=, or run as root")
  }

  static func inUse(_ device: PlannedDevice, _ use: DeviceUse.Use) -> Diagnostic {
    let name = "device '\(device.name)' (\(device.address))"
    return switch use {
    case .mounted(let place):
      Diagnostic(
        diskInUse, "\(name) has the disk that \(place) is mounted from", at: device.origin,
        help: "unmount it first")
    case .swap(let path):
      Diagnostic(
        diskInUse, "\(name) has the disk of \(path), which is swapped to", at: device.origin,
        help: "run 'swapoff' first")
    case .defaultRoute(let interface):
      Diagnostic(
        networkInUse, "the default route goes through \(name), interface \(interface)",
        at: device.origin, help: "route through another interface first")
    case .console:
      Diagnostic(
        consoleInUse, "\(name) is this machine's console", at: device.origin,
        help: "see that there is another way in")
    }
  }

  static func noPCI(_ path: String) -> Diagnostic {
    Diagnostic(
      notPCI, "there is no \(path)", at: nil,
      help: "mount sysfs, or name the directory above 'sys' with --root")
  }

  static func malformed(_ path: String, _ expected: String) -> Diagnostic {
    Diagnostic(malformedFact, "\(path) does not hold \(expected)", at: nil)
  }
}
