import Parser
import Planner

/// What a machine does with devices that are to be taken from it: codes VP403x and VP404x.
public enum MachineDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    diskInUse, networkInUse, consoleInUse, fewHugePages, lowLockLimit,
    notResettable, heldElsewhere, untestable, nodeInUse, nodeWaitedFor, inputInUse,
    lastKeyboardInUse,
    interfaceInUse, notLetGo,
  ]

  static let diskInUse = DiagnosticCode(
    "VP4030", .error, "a disk of this machine is behind the device",
    """
    Taking the device from its driver takes its disks away at once: the driver does not refuse, \
    and what was not written is lost. A disk is free if it can be opened for one user alone, which \
    mounts, swap, volumes, arrays and pools prevent, and if no process has it open, as a VMM does. \
    Where either can't be found out the disk counts as used. Stop what uses it, or give the VM \
    another device.
    """)

  static let networkInUse = DiagnosticCode(
    "VP4031", .error, canBeForced: true, "the default route goes through the device",
    """
    Taking the device from its driver cuts the machine off, and with it everybody who is logged \
    in. Move the default route to another interface first, or give the VM another device. With \
    --force apply goes on; on a terminal it asks first, unless --yes is given.
    """)

  static let consoleInUse = DiagnosticCode(
    "VP4032", .warning, "the console is on the device",
    """
    The firmware set this graphics device up as the console (boot_vga in sysfs), or the kernel's \
    first framebuffer is on it. Once its driver is gone the screen shows nothing more, and some \
    devices can't be given back without a restart. On a terminal apply asks before it goes on, \
    unless --yes is given. See that there is another way into the machine.
    """)

  static let fewHugePages = DiagnosticCode(
    "VP4033", .error, canBeForced: true, "there are not enough huge pages",
    """
    Guest memory on huge pages comes from the kernel's pool of that size, which has too few free \
    ones. Pages of 2 MiB can be added while the machine runs, as long as memory is not too \
    fragmented; those of 1 GiB are best set aside at boot (hugepagesz=, hugepages=).
    """)

  static let lowLockLimit = DiagnosticCode(
    "VP4034", .error, canBeForced: true, "the plan locks more memory than the process may",
    """
    All memory that devices can reach is pinned, and counts against RLIMIT_MEMLOCK, once for every \
    address space that maps it. The kernel would refuse the map with ENOMEM. Raise the limit \
    (`ulimit -l`, LimitMEMLOCK= of a systemd unit), or run with CAP_IPC_LOCK, which root has.
    """)

  static let notResettable = DiagnosticCode(
    "VP4035", .warning, "a device can't be reset by itself",
    """
    VFIO resets a device when it is opened and closed, so that the guest finds it fresh and leaves \
    nothing of its own to the next user. The kernel knows no way to do so for this device alone. \
    It keeps its state, or the VMM resets the whole bus, which needs every device on it to be the \
    VM's. Give the neighbours to the VM, too, or see that the next user can be trusted.
    """)

  static let heldElsewhere = DiagnosticCode(
    "VP4036", .error, canBeForced: true, "another process has the device",
    """
    A device, or another one of its IOMMU group, is open in another process: a VMM that runs, or \
    another vfioplan. The kernel gives a group to one user at a time, so the plan would fail with \
    EBUSY. End that process first. One that only keeps the file of a device open, without having \
    bound it, is in nobody's way: then go on with --force.
    """)

  static let untestable = DiagnosticCode(
    "VP4037", .error, "a device can't be tested for no-snoop",
    """
    The write test sets a bit of the device's configuration for a moment, so it is for devices \
    that no driver has: unbind the device first. A virtual function can't be tested at all: its \
    bit is reserved, and that of its physical function decides, so test that one. Or leave the \
    device out: what it says without a test is shown anyway.
    """)

  static let nodeInUse = DiagnosticCode(
    "VP4038", .warning, "a process has the device open",
    """
    Taking the device from its driver pulls it from under the process, which loses what it shows, \
    plays or reads, and may fail. Some drivers don't stand that well. End the process first, or at \
    least have it close the device: a display manager, a sound server, a program that computes on \
    the card.
    """)

  static let nodeWaitedFor = DiagnosticCode(
    "VP4039", .error, canBeForced: true, "the device's driver would wait for a process",
    """
    The driver lets the device go only when the last process has closed it: NVIDIA's own does so, \
    and sound cards and I2C buses do. Until then the write to `unbind` does not return, and no \
    signal ends it. End the process first, such as a display manager, nvidia-persistenced or a \
    sound server.
    """)

  static let inputInUse = DiagnosticCode(
    "VP4040", .warning, "a keyboard or mouse is behind the device",
    """
    Everything behind a USB controller goes with it, and comes back when the controller is given \
    back. See that there is another way in.
    """)

  static let lastKeyboardInUse = DiagnosticCode(
    "VP4055", .warning, "the last keyboard is behind the device",
    """
    Everything behind a USB controller goes with it. This machine has no other keyboard, so nobody \
    can type on its console until the controller is given back. On a terminal apply asks before it \
    goes on, unless --yes is given. See that there is another way in.
    """)

  /// What apply asks about before it goes on, if there is somebody to ask: the ways into a machine.
  public static let waysIn: Set<DiagnosticCode> = [networkInUse, consoleInUse, lastKeyboardInUse]

  static let interfaceInUse = DiagnosticCode(
    "VP4041", .warning, "a network interface of the device is in use",
    """
    The interface is connected, or has an address, itself or through a bridge or the like that is \
    built on it. It goes when the device is taken from its driver, with its addresses and routes, \
    which do not come back with it. Make sure that nothing of this machine needs them.
    """)

  static let notLetGo = DiagnosticCode(
    "VP4042", .error, "a driver does not let a device go",
    """
    The write that takes the device from its driver, or gives it another one, did not come back in \
    time, which mostly means that the driver waits for a process that has the device open. No \
    signal ends such a write; until it is over the device can't be given back either. So the \
    journal stays: end the process, and run `vfioplan restore`. --unbind-timeout gives slow \
    devices more time.
    """)

  /// `nil` stands for a process that can't be seen from here.
  static func held(
    _ name: String, by holder: DeviceHolders.Holder?, _ origin: SourceSpan?
  ) -> Diagnostic {
    let process = holder.map(\.text)
    return Diagnostic(
      heldElsewhere,
      "\(name), or one of its group, is open in \(process ?? "another process")", at: origin,
      help: "end that process first")
  }

  static func driven(_ address: BDF, by driver: String) -> Diagnostic {
    Diagnostic(
      untestable, "driver '\(driver)' has \(address)", at: nil,
      help: "unbind it first, or leave it out")
  }

  static func virtual(_ address: BDF, of physical: BDF) -> Diagnostic {
    Diagnostic(
      untestable, "\(address) is a virtual function; its physical function \(physical) decides",
      at: nil, help: "use '--test-no-snoop \(physical)'")
  }

  static func noReset(_ device: PlannedDevice, taking neighbours: [BDF]) -> Diagnostic {
    Diagnostic(
      notResettable,
      neighbours.isEmpty
        ? "device '\(device.name)' (\(device.address)) can't be reset by itself"
        : "device '\(device.name)' (\(device.address)) can only be reset with its bus, which takes "
          + nameList(neighbours.map(\.description), limit: 4) + " along", at: device.origin)
  }

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
}
