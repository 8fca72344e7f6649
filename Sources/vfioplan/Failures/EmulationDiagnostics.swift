import Executor
import Parser

/// Why a program can't be run on an emulated machine.
enum EmulationDiagnostics {
  /// The kernel gives no user namespace, or no mounts in it.
  static let noNamespace = DiagnosticCode(
    "VP5801", .error, "this machine gives no namespaces to emulate in",
    """
    The emulated machine's /dev and /sys are shown to the program alone, in a mount namespace of \
    its own. Root may make one, and others where user namespaces are allowed: \
    user.max_user_namespaces is not 0, Debian's kernel.unprivileged_userns_clone is 1, Ubuntu's \
    kernel.apparmor_restrict_unprivileged_userns is 0. Set them with sysctl, or run vfioplan as \
    root. Containers need --privileged, or --cap-add SYS_ADMIN and security profiles that let \
    mounts through. The exit status is 69.
    """)

  /// The kernel lets nobody listen to system calls.
  static let noListener = DiagnosticCode(
    "VP5802", .error, "this kernel does not let a program's system calls be answered",
    """
    emulate answers the program's calls by seccomp's user notification, which takes Linux 5.14 or \
    later. A container's profile may refuse it. Only one listener may be in a chain of processes: \
    emulate does not run inside emulate, nor in a container whose manager listens itself. The exit \
    status is 69.
    """)

  /// Something that a process takes is not to be had.
  static let notRun = DiagnosticCode(
    "VP5803", .error, "the emulated program could not be run",
    """
    The system lacked memory, processes or files to run the program, or the first process of the \
    namespace was killed. The message names what the system said. The exit status is 69.
    """)

  /// A VM does DMA with devices that KVM does not know.
  static let notTold = DiagnosticCode(
    "VP5804", .warning, "KVM was not told of a device",
    """
    The program made a VM and told KVM of some devices, but not of this one, although it is \
    attached. KVM asks only the devices it knows whether their DMA may bypass caches, so it may \
    ignore WBINVD although the guest needs it. Add the device's file or group with \
    KVM_DEV_VFIO_FILE_ADD.
    """)

  /// An enforcing unit's device is on a table that does not enforce.
  static let trapped = DiagnosticCode(
    "VP5805", .warning, "the order of devices cost one of them its enforced snoop",
    """
    The IOMMU of this device can enforce snoop, but the device was attached to a page table that \
    was made for another one, whose IOMMU can't. Programs that use the first page table that \
    accepts a device end so when the device that can't comes first. Another order, or a page table \
    of its own (IOMMU_HWPT_ALLOC), keeps the device's no-snoop DMA from memory.
    """)

  /// A user may not lock what was mapped.
  static let overLimit = DiagnosticCode(
    "VP5806", .warning, "the mappings lock more memory than this user may",
    """
    On a real kernel mapped memory is pinned and counts against RLIMIT_MEMLOCK of the user, unless \
    the process has CAP_IPC_LOCK. The emulated kernel sets no limit. There the mapping would fail \
    with ENOMEM: raise the limit with `ulimit -l`, limits.conf or systemd's LimitMEMLOCK.
    """)

  /// The state is not what a plan says.
  static let differs = DiagnosticCode(
    "VP5807", .error, "the program did not do what the plan says",
    """
    What the program made of the emulated host was compared with the plan of --plan: which \
    devices' no-snoop DMA reaches memory, and whether KVM carries out WBINVD. The message says \
    what differs. `vfioplan compile --as` shows what a VMM makes of a description, and the order \
    of devices that leads to the plan. The exit status is 1, unless the program failed by itself.
    """)

  /// A device's DMA does not get through.
  static let dmaFault = DiagnosticCode(
    "VP5808", .warning, "DMA that a device was to do failed",
    """
    --dma has a device read or write through the page table it is on, at the moments when the \
    program is about to let something go, and at its end. The IOMMU would refuse this access: \
    nothing is mapped at the address, it is mapped for reading only, or the device is on no page \
    table. Memory that the program has unmapped, or that ended with it, can't be reached either.
    """)

  /// Something is open after the command.
  static let leftOpen = DiagnosticCode(
    "VP5809", .warning, "files were still open when the program had ended",
    """
    A process that the program has started, and that did not end with it, had files of VFIO, \
    iommufd or KVM. On a real host its devices stay in use and its memory pinned. Here everything \
    ends with the program.
    """)

  /// A device has another driver than at the start.
  static let notGivenBack = DiagnosticCode(
    "VP5810", .warning, "a device was not given back to its driver",
    """
    The program has taken a device from its driver, and when it ended the device did not have that \
    driver again. On a real host it stays so. If that is wanted, the finding can be ignored; \
    `vfioplan apply` gives devices back at its end.
    """)

  /// All of them.
  static let all = [
    noNamespace, noListener, notRun, notTold, trapped, overLimit, differs, dmaFault, leftOpen,
    notGivenBack,
  ]

  /// What is said of a failure.
  static func finding(of failure: EmulationFailure) -> Diagnostic {
    switch failure {
    case .namespaces(let error), .mounts(let error):
      return Diagnostic(
        noNamespace, "can't make namespaces: \(SystemError(errno: error).message)", at: nil,
        help: help)
    case .listener(let error) where error == busy:
      return Diagnostic(
        noListener, "another process answers system calls here already", at: nil,
        help: "emulate does not run inside emulate, nor where a container's manager listens")
    case .listener(let error):
      return Diagnostic(
        noListener, "can't listen to system calls: \(SystemError(errno: error).message)", at: nil,
        help: "it takes Linux 5.14 or later, and a security profile that allows seccomp")
    case .addition:
      return Diagnostic(
        noListener, "this kernel can't hand files to a program", at: nil,
        help: "it takes Linux 5.14 or later")
    case .execution(let error), .system(let error):
      return Diagnostic(
        notRun, "the program could not be run: \(SystemError(errno: error).message)", at: nil)
    }
  }

  private static let busy: Int32 = 16

  /// The settings that refuse user namespaces to others than root, as far as this kernel has them.
  private static var help: String {
    let settings = [
      ("kernel/unprivileged_userns_clone", "0"), ("user/max_user_namespaces", "0"),
      ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ]
    let found = settings.filter { name, value in
      let bytes = try? FileInput.bytes(of: "/proc/sys/" + name)
      return bytes.map { String(decoding: $0.prefix { $0 != 10 }, as: UTF8.self) } == value
    }
    guard let (name, value) = found.first else { return "run vfioplan as root" }
    let setting = name.split(separator: "/").joined(separator: ".")
    return "\(setting) is \(value); set it to \(value == "0" ? "1 or more" : "0"), or run vfioplan "
      + "as root"
  }
}
