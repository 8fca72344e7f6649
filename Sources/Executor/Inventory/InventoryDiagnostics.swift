import Parser
import Planner

/// What is wrong with the files that say what a machine has, and what it does with devices: codes
/// VP402x and VP403x.
public enum InventoryDiagnostics {
  /// Every code of this file, in order.
  public static let all = [notPCI, malformedFact, diskInUse, networkInUse, consoleInUse]

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
    means a copy that is not complete, or a device that went away meanwhile. The device is left \
    out. Make the copy again, or run the command again.
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
