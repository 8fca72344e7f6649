/// What is not taken over, or only the host can tell.
extension ImportDiagnostics {
  static let notTaken = DiagnosticCode(
    "VP1608", .warning, "a device that is not taken over",
    """
    The VM gets something of the host that goes through an IOMMU or VFIO in a way that is not \
    planned here: a mediated device, which its parent's driver serves and which has no address; a \
    channel of s390; vDPA, which maps the guest's memory by itself. What is said of the VM does \
    not hold for it.
    """)

  static func notTaken(_ what: String, _ reason: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(notTaken, "\(what) is not taken over: \(reason)", at: span)
  }

  static func mediated(_ name: String, at span: SourceSpan) -> Diagnostic {
    notTaken(
      "the mediated device \(QuotedText.quote(name))",
      "its parent's driver serves it, and it has no PCI address", at: span)
  }

  static func otherFile(_ path: SourceWord) -> Diagnostic {
    notTaken(
      "what \(QuotedText.quote(path.text)) holds",
      "only this file is read; import the other one by itself", at: path.span)
  }

  static let severalInterfaces = DiagnosticCode(
    "VP1609", .warning, "devices on type1 and on iommufd",
    """
    QEMU can attach one device by a container of type1 and another one by an iommufd. The page \
    tables are then made apart. What is said of the VM here counts for all of them on iommufd. Put \
    all devices on one interface: 'iommufd' at each of them, or at none.
    """)

  static func severalInterfaces(_ type1: [String], at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      severalInterfaces, "\(nameList(type1, limit: 4)) stays on type1 while others use iommufd",
      at: span, help: "say it for all devices, or for none")
  }

  static let mapping = DiagnosticCode(
    "VP1610", .error, "a device by a name that only the host knows",
    """
    Proxmox VE can name devices in '/etc/pve/mapping/pci.cfg', with an address for each node of \
    the cluster. The configuration of the VM has the name only. Look the address up there, in the \
    line 'map' of this node, and write it in place of 'mapping=NAME'.
    """)

  static func mapping(_ name: SourceWord) -> Diagnostic {
    Diagnostic(
      mapping, "the mapping \(QuotedText.quote(name.text)) does not tell the device's address",
      at: name.span, help: "'/etc/pve/mapping/pci.cfg' tells it for each node")
  }

  static let cluster = DiagnosticCode(
    "VP1611", .error, "a VM of KubeVirt, whose node picks the devices",
    """
    A VirtualMachine of KubeVirt names resources, such as 'nvidia.com/GP102GL', and the node that \
    it is started on picks the devices. So its addresses are the node's, and differ from start to \
    start. On the node, `vfioplan import --pid N` reads the QEMU that runs in the pod.
    """)

  static func cluster(_ resources: [String], at span: SourceSpan) -> Diagnostic {
    let names = resources.isEmpty ? "" : ": " + nameList(resources, limit: 6)
    return Diagnostic(
      cluster, "a VM of KubeVirt names resources, not devices\(names)", at: span,
      help: "on its node use 'vfioplan import --pid N' with the process ID of its QEMU")
  }

  static let variable = DiagnosticCode(
    "VP1612", .error, "a value that only the shell knows",
    """
    Scripts are read, not run. Variables and arrays that the script itself sets are put in; what \
    comes from the environment, from arguments or from other commands is not known. Write the \
    value in its place, or import the running process with `--pid`.
    """)

  static func variable(_ word: SourceWord) -> Diagnostic {
    Diagnostic(
      variable, "\(QuotedText.quote(word.text)) is known only when the script runs", at: word.span,
      help: "write the value in its place, or use 'vfioplan import --pid N' while the VM runs")
  }

  static let layout = DiagnosticCode(
    "VP1613", .warning, "a machine whose memory layout is not known",
    """
    Where the VMM puts guest memory depends on the machine. Known are QEMU's q35, pc and, on Arm, \
    virt, and cloud-hypervisor on x86. For another one 'memory' is left out: what does not need it \
    works, everything else says so. Write the regions as the guest sees them, in /proc/iomem.
    """)

  static func layout(_ machine: SourceWord) -> Diagnostic {
    Diagnostic(
      layout,
      "where machine \(QuotedText.quote(machine.text)) has its memory is not known; "
        + "'memory' is left out", at: machine.span)
  }

  static let memoryLeftOut = DiagnosticCode(
    "VP1614", .error, "the description says nothing of memory",
    """
    'memory' may be left out where only devices matter: 'compile' as text or with --as, 'apply \
    --hand-over', 'check'. What is said then holds, but nothing is known of mappings and limits. A \
    program maps the memory for the devices, so everything that writes or runs one needs it: \
    'memory: 16GiB' for the layout of QEMU's q35, other layouts with 'machine', or a list of \
    regions.
    """)

  /// Says that there is no memory; an error where it is needed.
  public static func memoryLeftOut(of vm: DescribedVM<some DevicePlace>, isNeeded: Bool)
    -> Diagnostic?
  {
    guard vm.memory.isEmpty else { return nil }
    let finding = Diagnostic(
      memoryLeftOut,
      isNeeded
        ? "'memory' is left out, and this needs it"
        : "'memory' is left out: nothing is said of mappings, locked memory and limits",
      at: vm.$name, help: "add for example 'memory: 16GiB'")
    return isNeeded ? finding : finding.asWarning
  }

  static let process = DiagnosticCode(
    "VP1615", .error, "a process whose VM can't be read",
    """
    `vfioplan import --pid N` reads the command line of a running QEMU or cloud-hypervisor from \
    '/proc/N/cmdline', and which devices its open files are from '/proc/N/fd'. There is no such \
    process, it is another program, or its files may be read by root only.
    """)

  /// Says why a process can't be read.
  public static func process(_ number: Int32, _ reason: String) -> Diagnostic {
    Diagnostic(process, "process \(number): \(reason)", at: nil)
  }
}
