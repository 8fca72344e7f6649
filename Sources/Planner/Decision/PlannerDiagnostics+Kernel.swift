import Parser

// Findings about the host's kernel: what it is not known to have, and what its release does.
extension PlannerDiagnostics {
  static let kernels = [
    unstudiedRelease, interfaceUnknown, unitRefused, mixedGroup, unitTooCoarse, contradiction,
    containerMixes, rulesOfNoKernel, unitTypeUnknown,
  ]

  static let unknownRule = DiagnosticCode(
    "VP2019", .error, "there is no such rule of kernels",
    """
    'rules' under 'kernel' states what this kernel does otherwise than others of its release, for \
    example because a vendor brought a change to it. 'vfioplan explain rules' lists the names. The \
    name of a request, such as IOMMU_IOAS_MAP_FILE, may stand there as well.
    """)

  static let noSuchHugePages = DiagnosticCode(
    "VP2020", .error, "the kernel has no huge pages of that size",
    """
    The sizes of huge pages follow from the CPUs and the kernel's own page size: 2 MiB and 1 GiB \
    on x86; on Arm 64 KiB, 2 MiB, 32 MiB and 1 GiB with pages of 4 KiB, 2 MiB, 512 MiB and 16 GiB \
    with pages of 64 KiB. memfd_create refuses any other. What a machine has is listed in \
    '/sys/kernel/mm/hugepages'.
    """)
  static let unstudiedRelease = DiagnosticCode(
    "VP4016", .warning, "the rules of this kernel's release were not studied",
    """
    What kernels do with page tables and KVM changed several times between Linux 5.4 and 7.3, the \
    releases that were read and tried. An older release is taken to do as 5.4, a newer one, or one \
    that the host description does not state, as 7.3. Compare with 'apply --check' on the machine \
    itself, which asks its kernel and undoes everything.
    """)
  static let interfaceUnknown = DiagnosticCode(
    "VP4017", .warning, "the host does not say whether it has an interface",
    """
    A key that is left out under 'kernel' is not known, and nothing is concluded from the release \
    but that an older one lacks an interface: kernels are built without parts of it, as Debian \
    13's without /dev/iommu. Target 'auto' then takes 'type1'; another target has to be named. \
    State 'iommufd', 'vfioCdev', 'type1' and 'kvm', or let 'vfioplan host' write the description.
    """)
  static let unitRefused = DiagnosticCode(
    "VP4018", .error, "VFIO gives away no device behind this kind of IOMMU",
    """
    VFIO takes a device only if the driver of its IOMMU says that requests are coherent \
    (IOMMU_CAP_CACHE_COHERENCY). The driver of RISC-V's IOMMU does not say so up to Linux 7.3: \
    every attach ends with EINVAL. State the rule 'riscvIsCoherent' for a kernel that has it.
    """)
  static let mixedGroup = DiagnosticCode(
    "VP4019", .error, "before Linux 6.7 iommufd can't attach a group whose IOMMUs differ",
    """
    Until Linux 6.6 an attach tries to make the page table enforce snoop wherever the device's \
    IOMMU can, and fails with EINVAL where the table can't. A group with one device whose IOMMU \
    can and one whose IOMMU can't is refused either way. Use target 'type1', or a later kernel.
    """)

  static let unitTooCoarse = DiagnosticCode(
    "VP4024", .error, "the smallest page of an IOMMU is larger than the CPU's",
    """
    Guest memory comes in pages of the CPU, which need not lie side by side, and an IOMMU can map \
    them one by one only if it has pages as small. iommufd refuses its page table with EINVAL \
    (IOMMU_HWPT_ALLOC), type1 the first map. Use a kernel whose pages are as large ('pageSize' \
    under 'kernel' says so), or correct 'pageSizes' of the IOMMU.
    """)

  static let contradiction = DiagnosticCode(
    "VP4025", .warning, "the host description contradicts itself",
    """
    Two facts under 'kernel' can't both be true, for example a kernel without /dev/iommu whose \
    iommufd answers /dev/vfio/vfio. What a node says counts more than a rule and the release; a \
    plan for the host may be refused by its kernel all the same. Let 'vfioplan host' write the \
    description, or correct one of the two.
    """)
  static let containerMixes = DiagnosticCode(
    "VP4026", .error, "the container of an iommufd would mix enforced and other devices",
    """
    Where iommufd answers /dev/vfio/vfio (CONFIG_IOMMUFD_VFIO_CONTAINER), each device gets the \
    first page table that takes it, and from Linux 6.19 on Intel's first-stage tables take devices \
    that can't be enforced, whatever the table does. No order of the devices keeps the two apart. \
    Target 'iommufd' makes a page table for each.
    """)

  static let rulesOfNoKernel = DiagnosticCode(
    "VP4027", .error, "no kernel has these rules together",
    """
    'rules' may say that a kernel has a rule earlier or later than its release does. Since type1 \
    enforces snoop device by device (Linux 5.19) KVM has come to ask the devices (6.2) and iommufd \
    to answer /dev/vfio/vfio. No kernel has one of these without the first, nobody knows what it \
    would do, and a plan for it could leave KVM with a false belief. Correct 'rules'.
    """)

  static let unitTypeUnknown = DiagnosticCode(
    "VP4028", .warning, "an IOMMU is of a type that is not known",
    """
    The types whose drivers were studied are intel-vtd, amd-vi, arm-smmu-v3, riscv-iommu and \
    virtio-iommu. From them it is concluded what an IOMMU can do and what the CPUs are; of another \
    type only what the description states is known, and without 'architecture' the CPUs are taken \
    for x86, where KVM has a non-coherent mode. Correct 'type', or state 'architecture' under \
    'kernel'.
    """)

  /// `isTold` says whether something tells what the CPUs are.
  static func unknownType(_ unit: HostIOMMU, isTold: Bool) -> Diagnostic? {
    let near =
      Spelling.nearest(to: unit.type, among: HostIOMMU.types)
      ?? HostIOMMU.types.first {
        !unit.type.isEmpty && ($0.hasPrefix(unit.type) || unit.type.hasPrefix($0))
      }
    guard near != nil || !isTold else { return nil }
    return Diagnostic(
      unitTypeUnknown,
      "IOMMU \(quote(unit.name)) is of type \(quote(unit.type)), which is not known"
        + (isTold ? "" : ": the CPUs are taken for x86"),
      at: unit.span,
      help: near.map { "did you mean \(quote($0))?" } ?? "state 'architecture' under 'kernel'")
  }

  static func unknownRule(_ name: String, at span: SourceSpan, known: [String]) -> Diagnostic {
    Diagnostic(
      unknownRule, "the kernel's rules name \(quote(name)), which is none", at: span,
      help: suggestion(for: name, among: known) ?? "see 'vfioplan explain rules'")
  }

  static func unstudiedRelease(_ host: HostDescription) -> Diagnostic {
    let kernel = host.kernel
    let rules = "\(KernelRules.oldestStudied) to \(KernelRules.newestStudied)"
    let newest = "; the rules of Linux \(KernelRules.newestStudied) are used"
    if kernel.release.isEmpty {
      return Diagnostic(
        unstudiedRelease, "host \(quote(host.name)) does not say which kernel it runs" + newest,
        at: kernel.span, help: "state 'release' under 'kernel'")
    }
    return Diagnostic(
      unstudiedRelease,
      kernel.rules.isReleaseKnown
        ? "Linux \(kernel.release) is outside of what was studied, \(rules)"
        : "the kernel's release, \(quote(kernel.release)), does not begin with a version" + newest,
      at: kernel.span,
      help: kernel.rules.isReleaseKnown
        ? "try 'vfioplan apply --check' on the machine"
        : "begin it with the version, for example '7.3.4', as 'uname -r' does")
  }

  static func interfaceUnknown(
    _ nodes: [String], target: String, isAutomatic: Bool, host: HostDescription
  ) -> Diagnostic {
    Diagnostic(
      interfaceUnknown,
      "host \(quote(host.name)) does not say whether it has \(nodes.joined(separator: ", ")); "
        + (isAutomatic
          ? "target 'auto' is \(quote(target)) here" : "target \(quote(target)) takes it as there"),
      at: host.kernel.span, help: "state it under 'kernel', or use what 'vfioplan host' writes")
  }

  static func refused(_ unit: HostIOMMU, devices: [String], at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      unitRefused,
      "IOMMU \(quote(unit.name)) is of a kind that VFIO gives no device away from: "
        + list(devices),
      at: span, notes: [.init("\(quote(unit.name)) is described here", unit.span)],
      help: "use a machine with another IOMMU")
  }

  static func tooCoarse(
    _ unit: HostIOMMU, device: ResolvedDevice, on kernel: HostKernel
  ) -> Diagnostic {
    Diagnostic(
      unitTooCoarse,
      "\(quote(device.name)) is behind IOMMU \(quote(unit.name)), whose smallest page, "
        + "\(byteSizeText(unit.pageSizes.min() ?? 0)), is larger than the CPU's, "
        + byteSizeText(kernel.pageBytes),
      at: device.$place,
      notes: [
        .init("\(quote(unit.name)) is described here", unit.span),
        .init("the host's kernel is described here", kernel.span),
      ], help: "correct 'pageSizes', or say 'pageSize' of the kernel if its pages are larger")
  }

  static func mixedGroup(
    _ device: ResolvedDevice, mate: ResolvedDevice, release: String, group: Int
  ) -> Diagnostic {
    Diagnostic(
      mixedGroup,
      "\(quote(device.name)) and \(quote(mate.name)) are in IOMMU group \(group), but only the "
        + "IOMMU of the first can enforce snoop; iommufd of Linux \(release) attaches no such "
        + "group",
      at: device.$place, notes: [.init("\(quote(mate.name)) is given here", mate.$place)],
      help: "use target 'type1', or a kernel from 6.7 on")
  }
}
