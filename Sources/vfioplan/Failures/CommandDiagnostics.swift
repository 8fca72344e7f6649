import Parser

/// The findings of the command line itself.
enum CommandDiagnostics {
  /// An input could not be read.
  static let unreadableInput = DiagnosticCode(
    "VP1901", .error, "an input can't be read",
    """
    The named file does not exist, is a directory, may not be read, or is larger than 1 GiB. \
    vfioplan reads each input whole before it looks at it. Check the name and the rights of the \
    file; `-` reads standard input, which only one of the inputs can be. The exit status is 66.
    """)

  /// There is nothing to check.
  static let noVM = DiagnosticCode(
    "VP1902", .error, "no VM description is among the files",
    """
    `vfioplan check` looks at the files that are named, and in folders, recursively, at those that \
    end in .yaml or .yml. None of them describes a VM. A check of nothing would pass, so it fails. \
    The exit status is 66.
    """)

  /// The command line is wrong.
  static let wrongUsage = DiagnosticCode(
    "VP1910", .error, "the command line is wrong",
    """
    A command, an option or a value is not known, or does not go with the others. The message says \
    which one; `vfioplan help COMMAND` lists what a command takes. Nothing was read or done. The \
    exit status is 64. As text the message comes without this code.
    """)

  /// `explain` was asked about something else.
  static let nothingKnown = DiagnosticCode(
    "VP1911", .error, "nothing is known by that name",
    """
    explain knows the codes of vfioplan's findings, requests of iommufd, VFIO and KVM by name or \
    number, the rules that kernels differ in, and lines that the kernel, QEMU and libvirt print \
    about devices that are given away. What stands before or behind such a line does not matter. \
    `vfioplan explain` lists the codes, with --requests the requests, `explain rules` the rules. \
    The exit status is 64.
    """)

  /// A saved plan was to be compiled for another target or objective.
  static let fixedPlan = DiagnosticCode(
    "VP3901", .error, "a saved plan has its target and its objective",
    """
    A saved plan is the result of a compilation: it is for one target and optimal in one \
    objective. --target, --objective, --release and --policy apply to VM descriptions. Compile \
    the description again; --require asks a saved plan, too.
    """)

  /// A program was given where only a description or a plan will do.
  static let programAlone = DiagnosticCode(
    "VP3902", .error, "a program on its own is only simulated, listed and compared",
    """
    The text of a program says what is done, not what for: no description says which devices are \
    meant, and no fact of a host holds it up. It is checked against the laws that every program \
    keeps, and anybody may have changed it. So it goes to the simulator, never to a kernel, and \
    nothing is compiled from it. For the rest take the description, or a plan saved with -o. The \
    exit status is 64.
    """)

  /// A simulated program was told to fail at a step it does not have.
  static let noSuchStep = DiagnosticCode(
    "VP5901", .error, "a fault is asked for at a step that does not exist",
    """
    --fail and --fail-undo take the number of a step as the plan's text shows it, starting at 1, \
    and an errno by name: --fail 4=EINVAL.
    """)

  /// An output could not be written.
  static let unwritableOutput = DiagnosticCode(
    "VP5902", .error, "an output can't be written",
    """
    A new file is written before it gets its name, and a file of your own is replaced by a new \
    one, so that it is either whole or as it was; the directory must exist. Anything else is \
    written to as a shell's `>` does: a link, another user's file, a file of several names, a \
    device. The disk, or standard output, may be full, or standard output closed. The exit status \
    is 73.
    """)

  /// A command could not be started.
  static let commandNotStarted = DiagnosticCode(
    "VP5903", .error, "the command can't be started",
    """
    After `--` comes a command, as in a shell but without one: a path, or a name that is looked \
    for in PATH. The kernel is asked before anything is touched whether it would run it: not if it \
    is a folder, has no right to be executed, or lacks the interpreter of its first line. The exit \
    status is 127 if there is no such command and 126 if it can't be executed. It is 71 if there \
    was neither a process nor a descriptor left for it; then everything was undone.
    """)

  /// An argument of a command names what the program does not make.
  static let unknownPlaceholder = DiagnosticCode(
    "VP5904", .error, "a placeholder stands for nothing",
    """
    In the arguments of a command, `{name}` becomes the number of an open file, or the id of an \
    IOAS, an HWPT or a bound device, by the names that the plan's program has for them. Braces \
    around anything that can't be such a name are left alone; `{{name}}` stands for `{name}` itself.
    """)

  /// An iommufd is to be sent or received, and the program has none.
  static let noIOMMUFD = DiagnosticCode(
    "VP5905", .error, "the plan has no iommufd",
    """
    --send-iommufd and --iommufd-from are about the file that /dev/iommu gives, which only plans \
    for target 'iommufd' with at least one device have. Nothing was touched. Compile for that \
    target; --send-fds hands over the files of any plan. The exit status is 69.
    """)

  /// The socket that files are to be fetched from could not be made.
  static let notListening = DiagnosticCode(
    "VP5906", .error, "the socket can't be made",
    """
    --send-fds and --send-iommufd make a unix socket before the plan's first step, and remove it \
    again. What is at the path already is left alone, even a socket that nobody serves any more: \
    remove it if that is so. The directory must exist and be writable. Nothing was touched. The \
    exit status is 73.
    """)

  /// Nobody took the files.
  static let notSent = DiagnosticCode(
    "VP5907", .error, "the files were not handed over",
    """
    The process that connects to the socket of --send-fds answers with one byte when it has all \
    files, and keeps the connection open for as long as it needs them; the one that --send-iommufd \
    is for has 60 seconds to connect. This one did not come or went away before. Everything was \
    undone; the exit status is 71.
    """)

  /// It is unknown whether the iommufd was taken.
  static let notAcknowledged = DiagnosticCode(
    "VP5908", .warning, "it was not said that the iommufd has arrived",
    """
    The process that fetches the file of --send-iommufd answers with one byte. It was sent, but \
    no answer came within 60 seconds, or the connection was closed first. The plan stays in force \
    all the same, as KubeVirt's own plugins go on then.
    """)

  /// No iommufd came.
  static let notReceived = DiagnosticCode(
    "VP5909", .error, "no iommufd was received",
    """
    --iommufd-from connects to a unix socket, from which one message with exactly one file has to \
    come within 60 seconds: an open /dev/iommu of this machine. Anything else is closed again and \
    nothing is touched. Such servers often serve one client only, once. The exit status is 69.
    """)

  /// Somebody who was asked did not say yes.
  static let notConfirmed = DiagnosticCode(
    "VP5910", .error, "the run was not confirmed",
    """
    On a terminal, apply asks before it takes the device that the console, the last keyboard or \
    the default route depends on. Only 'y' or 'yes' goes on. Nothing was touched. With --yes it \
    does not ask; nor does it where standard input or standard error is not a terminal. The exit \
    status is 77.
    """)

  /// A stream was closed when the process started, and nothing could be opened in its place.
  static let streamNotOccupied = DiagnosticCode(
    "VP5915", .error, "a closed standard stream can't be replaced",
    """
    Standard input, output or error was closed when vfioplan started. The next file that it opens \
    would get that number, and what is meant for the stream would go into the file, so /dev/null \
    is opened in its place first. That failed: there is no /dev/null, or no file may be opened. \
    Nothing was touched. Start vfioplan with its streams open. The exit status is 71.
    """)

  /// Words pick no device of a host.
  static let noSuchDevice = DiagnosticCode(
    "VP4029", .error, "no device of the host fits the words",
    """
    Words after 'vfioplan host' or 'vfioplan init' pick devices; all of them have to fit one. A \
    word fits by the class ('display', also 'gpu'), a part of the name or of the driver ('nvme', \
    'nouveau'), the beginning of the address ('01:00'), vendor and device id ('10de', \
    '10de:1d01') or the number of the IOMMU group ('14'). Nothing of this host fits. Without words \
    every device is shown, with --all bridges as well. The exit status is 69.
    """)

  /// Words pick several cards of a host.
  static let severalCards = DiagnosticCode(
    "VP1920", .error, "several devices of the host fit the words",
    """
    `vfioplan init` writes a description for one card: a device with all that has to go with it. \
    The notes list those that fit, with what tells them apart. Say more words, such as a name, a \
    driver or the address, or take all that can be given with --all. Nothing was written. The exit \
    status is 1.
    """)

  /// No card that fits can be given away.
  static let noCardToGive = DiagnosticCode(
    "VP4056", .error, "what fits the words can't be given to a VM",
    """
    Devices of one IOMMU group go to a VM together or not at all, and some can't go at all. The \
    notes say for each that fits what is in the way; `vfioplan host` shows all groups with the \
    same answers. Nothing was written. The exit status is 69.
    """)

  /// A hook could not change a driver.
  static let driverNotChanged = DiagnosticCode(
    "VP5911", .error, "a driver could not be changed for a VM",
    """
    A hook of libvirt or Proxmox VE gives the VM's devices to VFIO before it starts. A write to \
    the kernel's attributes of a device failed: its driver does not let it go, or vfio-pci does \
    not take it. What was changed before was given back, so the VM does not start. The exit status \
    is 71, or 74 if something could not be given back; `vfioplan status` shows it.
    """)

  /// Every code, in order.
  static let all = [
    unreadableInput, noVM, wrongUsage, nothingKnown, fixedPlan, programAlone, noSuchStep,
    unwritableOutput, commandNotStarted, unknownPlaceholder, noIOMMUFD, notListening, notSent,
    notAcknowledged, notReceived, notConfirmed, streamNotOccupied, noSuchDevice,
    severalCards, noCardToGive, driverNotChanged,
  ]
}
