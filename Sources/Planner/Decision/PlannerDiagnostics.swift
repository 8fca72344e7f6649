import Parser

/// Every message of this module: codes here, factories in the extensions beside it.
public enum PlannerDiagnostics {
  /// Every code of this module, by number.
  public static let all: [DiagnosticCode] = semantics + intents + hostLimits + kernels + relations

  static let semantics = [
    duplicateDeviceName, duplicateDeviceAddress, unknownAddressSpace, duplicateAddressSpace,
    unusedAddressSpace, overlappingMemory, overlappingWindows, unbackedWindow,
    groupInTwoSpaces, groupOnTwoClasses, memoryInReservedRegion, memoryBeyondWidth,
    misalignedMemory, duplicateHostAddressCode, duplicateIOMMUCode, unknownIOMMUCode,
    tooManyMappings, unknownRule, noSuchHugePages,
  ]

  static let intents = [
    unknownTarget, requiredAndForbidden, requiredButNever, requiredButIncapable,
    forbiddenUnblockable, forbiddenByMate, notExpressible, alwaysWithoutProof,
    neverButUnblockable, needlessAlways, autoFallback, frontTooLarge, alwaysWithoutMode,
    requiredButUnknown, requiredButUncertain,
  ]

  static let hostLimits = [
    deviceNotOnHost, deviceWithoutIOMMU, deviceWithoutGroup, deviceIsBridge, groupNotViable,
    msiNotIsolated, directRegion, interfaceMissing, noKVM, alwaysWithoutKVM, mateHoldsBack,
    unexpectedDevice, nothingSelected, severalSelected, driverNotVFIO,
  ]
}

// MARK: - VP2xxx: names, groups, memory

extension PlannerDiagnostics {
  static let duplicateDeviceName = DiagnosticCode(
    "VP2001", .error, "two devices of the VM have the same name",
    """
    Every device of a VM needs its own name: plans, programs and messages refer to devices by it. \
    Rename one of the two.
    """)
  static let duplicateDeviceAddress = DiagnosticCode(
    "VP2002", .error, "two devices of the VM have the same address",
    """
    A PCI device can be given to a VM once. A second entry with the same address would bind and \
    attach it twice, which the kernel refuses. Remove one entry or correct its address.
    """)
  static let unknownAddressSpace = DiagnosticCode(
    "VP2003", .error, "a device names an address space that is not declared",
    """
    'addressSpace' is 'gpa', which is guest-physical memory and always there, or the name of an \
    entry of 'addressSpaces'. Declare the address space or correct the name.
    """)
  static let duplicateAddressSpace = DiagnosticCode(
    "VP2004", .error, "two address spaces have the same name",
    """
    Devices refer to address spaces by name, so a name may be declared once. Rename one of the \
    two, or move the windows of both into one entry.
    """)
  static let unusedAddressSpace = DiagnosticCode(
    "VP2006", .warning, "no device uses an address space",
    """
    An address space without devices needs no page table and leaves no trace in the plan. Either a \
    device's 'addressSpace' was forgotten, or the entry can go.
    """)
  static let overlappingMemory = DiagnosticCode(
    "VP2007", .error, "two memory regions overlap",
    """
    Each guest-physical address is backed by one piece of host memory. Two regions that overlap \
    would map the same I/O virtual address twice, which the kernel refuses with EEXIST. Move or \
    shrink one of them.
    """)
  static let overlappingWindows = DiagnosticCode(
    "VP2008", .error, "two windows of an address space overlap",
    """
    Each I/O virtual address of an address space reaches one guest-physical address. Windows may \
    reach the same guest memory, but their 'iova' ranges must not overlap: the kernel refuses the \
    second map with EEXIST. Move or shrink one of them.
    """)
  static let unbackedWindow = DiagnosticCode(
    "VP2009", .error, "a window reaches guest memory that does not exist",
    """
    A window of an address space gives a device access to guest-physical memory, so every byte of \
    it must lie in an entry of 'memory'. A window may span adjacent entries, but no hole. Shrink \
    the window, or describe the memory.
    """)
  static let groupInTwoSpaces = DiagnosticCode(
    "VP2010", .error, "an IOMMU group is split between address spaces",
    """
    The hardware can't tell the devices of one IOMMU group apart, so all of them go through one \
    page table and therefore one address space. Give the devices the same 'addressSpace', or leave \
    one of them out.
    """)
  static let groupOnTwoClasses = DiagnosticCode(
    "VP2011", .error, "an IOMMU group lies behind incompatible IOMMUs",
    """
    Linux attaches an IOMMU group to one page table as a whole, with the members that nobody \
    assigned, and a page table is shared only between IOMMUs of equal type, address width and page \
    sizes. Such a group can't be given to a VM. Check the host description: on real machines all \
    devices of a group are behind one IOMMU.
    """)
  static let memoryInReservedRegion = DiagnosticCode(
    "VP2012", .error, "memory overlaps a region that a device must not use",
    """
    Some I/O virtual addresses never reach memory: the interrupt window of x86 at 0xfee00000, and \
    whatever else the host lists as reserved for a device or for a device in its IOMMU group. The \
    kernel refuses to map them. Leave a hole in the memory of the address space, as PC firmware \
    does below 4 GiB.
    """)
  static let memoryBeyondWidth = DiagnosticCode(
    "VP2013", .error, "memory lies beyond the address width of an IOMMU",
    """
    An IOMMU translates I/O virtual addresses of a limited width; memory at or above two to that \
    power can't be mapped for the devices behind it. Move the memory down, or give the device an \
    address space of its own with lower 'iova' addresses.
    """)
  static let misalignedMemory = DiagnosticCode(
    "VP2014", .error, "memory is not aligned to the smallest page of an IOMMU",
    """
    An IOMMU maps whole pages. Start and length of every piece of an address space must be \
    multiples of the smallest page size of every IOMMU in it, and of the CPUs' page (64 KiB on \
    some Arm machines), in which memory comes; type1 refuses others with EINVAL. Align the memory.
    """)
  static let duplicateHostAddressCode = DiagnosticCode(
    "VP2015", .error, "two devices of the host have the same address",
    """
    A PCI address names one device. The host description lists it twice, so its facts are \
    ambiguous. Remove one entry.
    """)
  static let duplicateIOMMUCode = DiagnosticCode(
    "VP2016", .error, "two IOMMUs of the host have the same name",
    """
    Devices refer to their IOMMU by name, so a name may be listed once. Rename or remove one \
    of the two.
    """)
  static let unknownIOMMUCode = DiagnosticCode(
    "VP2017", .error, "a host device names an IOMMU that is not listed",
    """
    'iommu' of a host device is the name of an entry of 'iommus'. Without that entry nobody knows \
    what the unit can do. Add it or correct the name.
    """)
  static let tooManyMappings = DiagnosticCode(
    "VP2018", .error, "the address spaces need too many mappings",
    """
    A window is mapped in one piece per memory region it spans; all address spaces together may \
    need 1,048,576 pieces. The kernel would need a request and an entry for each. Use fewer, \
    larger memory regions or windows.
    """)
}

// MARK: - VP3xxx: intents and targets

extension PlannerDiagnostics {
  static let unknownTarget = DiagnosticCode(
    "VP3001", .error, "there is no target of that name",
    """
    A target is a kernel interface that plans are lowered to: 'iommufd' (Linux 6.6 and later), \
    'type1' (the VFIO container), 'ioasid' (the proposal of 2021, on the simulator only), or \
    'auto', which takes iommufd where the host has it and type1 elsewhere.
    """)
  static let requiredAndForbidden = DiagnosticCode(
    "VP3002", .error, "one IOMMU group is required to no-snoop and forbidden to",
    """
    The devices of one IOMMU group share one page table, and the page table decides for all of \
    them whether no-snoop requests get through. So one device can't be 'required' while another \
    that can no-snoop is 'forbidden'. Change one of the two, or leave one device out.
    """)
  static let requiredButNever = DiagnosticCode(
    "VP3003", .error, "no-snoop is required of a device, but KVM must never allow it",
    """
    Where a device's no-snoop DMA works, the guest reads stale data unless KVM carries out its \
    WBINVD. 'kvm: {incoherentDMA: never}' rules that out, so no device may be effective. Use \
    'auto', or take the 'required' back.
    """)
  static let requiredButIncapable = DiagnosticCode(
    "VP3004", .error, "no-snoop is required of a device that can't do it",
    """
    'required' promises that the device's no-snoop DMA works. The host says that this device never \
    sends no-snoop requests, so there is nothing to allow. Use 'allowed', or correct \
    'noSnoopCapable' in the host description.
    """)
  static let forbiddenUnblockable = DiagnosticCode(
    "VP3005", .error, "no-snoop is forbidden to a device whose IOMMU can't enforce snoop",
    """
    Box 3: the device can send no-snoop requests and its IOMMU has no way to ignore the attribute, \
    so nothing can keep its DMA coherent. Use 'allowed', put the device behind another IOMMU, or \
    switch off its Enable No Snoop bit and say so in the host description.
    """)
  static let forbiddenByMate = DiagnosticCode(
    "VP3006", .error, "no-snoop is forbidden to a device whose group can't be enforced",
    """
    The devices of one IOMMU group share one page table. If the IOMMU of one of them can't enforce \
    snoop, the table can't enforce it for any of them, and the forbidden device's no-snoop \
    requests get through. Use 'allowed', or leave the other device out.
    """)
  static let notExpressible = DiagnosticCode(
    "VP3007", .error, "the target can't let this device no-snoop",
    """
    On iommufd and type1 the kernel enforces snoop wherever the IOMMU can. Only iommufd has a way \
    around it, from Linux 6.7 on: the device shares the page table of a device whose IOMMU can't \
    enforce, in the same address space and behind a compatible IOMMU; KVM must then hold that \
    device's file, because it looks at capabilities and not at page tables. Without such a device, \
    and before 6.7, 'required' can't be kept. Use another target, or 'allowed'. For a kernel to \
    which its vendor brought that change state the rule 'attachKeepsTables'.
    """)
  static let alwaysWithoutProof = DiagnosticCode(
    "VP3008", .error, "KVM is to allow non-coherent DMA, but no device proves the right to it",
    """
    KVM carries out WBINVD only for a VM that owns a device which may need it. On iommufd and \
    type1 that is one whose IOMMU can't enforce snoop; on ioasid one that can no-snoop. This VM \
    has none. Use 'auto'.
    """)
  static let neverButUnblockable = DiagnosticCode(
    "VP3009", .error, "KVM must never allow non-coherent DMA, but a device can't be kept from it",
    """
    The device can send no-snoop requests and no page table it could use ignores the attribute. If \
    KVM then ignored WBINVD, the guest would read stale data. Use 'auto', or leave the device out.
    """)
  static let needlessAlways = DiagnosticCode(
    "VP3010", .warning, "KVM is to allow non-coherent DMA although no device needs it",
    """
    With 'kvm: {incoherentDMA: always}' KVM carries out the guest's WBINVD, on every CPU that the \
    vCPU ran on: it empties caches that the host and its other guests use. No device of this plan \
    does no-snoop DMA that reaches memory, so nothing is gained. Use 'auto'.
    """)
  static let autoFallback = DiagnosticCode(
    "VP3011", .warning, "'auto' would require or forbid no-snoop, but it can't be had",
    """
    The table of kinds of devices, or a policy, says that this device wants no-snoop DMA, or must \
    not have it. The target can't express it for this device, the device can't do it, its group \
    can't be enforced, or something that was said before rules it out: the opposite for a device \
    in the same IOMMU group, or 'incoherentDMA: never'. 'auto' is a default guess and gives way, \
    so it became 'allowed'. State what you mean.
    """)
  static let frontTooLarge = DiagnosticCode(
    "VP3012", .error, "the Pareto front is too large to list",
    """
    Every number of effective devices that can be reached is a plan of its own on the front. For \
    this VM listing them all would take too much time or memory, and a part of the front would be \
    misleading. Compile for the objectives you are interested in.
    """)
}

// MARK: - VP4xxx: what the host can't do

extension PlannerDiagnostics {
  /// The host lacks an address that a description names.
  public static let deviceNotOnHost = DiagnosticCode(
    "VP4001", .error, "the host has no device at that address",
    """
    The address of each device must be that of a device in the host description. Addresses move \
    when cards are added or firmware settings change. 'lspci -D' lists them. Devices of the class \
    that is meant, by 'expect' or by the device's name, are listed to choose from.
    """)
  static let deviceWithoutIOMMU = DiagnosticCode(
    "VP4002", .error, "a device is not behind an IOMMU",
    """
    Without an IOMMU a device can reach all memory of the host, so VFIO does not give it to user \
    space. Switch the IOMMU on in the firmware and on the kernel's command line, then take the \
    host's snapshot again. Intel's integrated graphics has a unit of its own, which kernels such \
    as Debian's use with 'intel_iommu=on' only (CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF).
    """)
  static let deviceWithoutGroup = DiagnosticCode(
    "VP4003", .error, "a device has no IOMMU group",
    """
    VFIO gives devices to user space by IOMMU group; a device without one is not isolated. The \
    description says that the device is behind an IOMMU, so the kernel has a group for it: take \
    the host's snapshot again, or add 'group'.
    """)
  static let deviceIsBridge = DiagnosticCode(
    "VP4004", .error, "a bridge can't be given to a VM",
    """
    vfio-pci accepts devices with an ordinary configuration header only, not bridges \
    (vfio_pci_core_register_device, drivers/vfio/pci). A bridge in the group of another device \
    stays with the host. Name the device behind it.
    """)
  /// The code of a group that the host goes on using.
  public static let groupNotViable = DiagnosticCode(
    "VP4005", .error, "another device of the IOMMU group is in use by the host",
    """
    The devices of one IOMMU group can reach each other's DMA, so the kernel gives a group to user \
    space only if no member is used by a driver of the host. Members that are not assigned may \
    have no driver, a bridge driver (pcieport, pci-stub) or vfio-pci. Give such a device to \
    the VM, too, let vfioplan hold it unused ('companions: bind'), or unbind it if the host can do \
    without: not a disk that it runs from. On boards that put several slots into one group another \
    slot helps.
    """)
  static let msiNotIsolated = DiagnosticCode(
    "VP4006", .error, "an IOMMU does not isolate interrupts",
    """
    Without isolated MSI a device can raise any interrupt of the host, so the kernel refuses to \
    bind it with EPERM. Switch interrupt remapping on. Or accept the risk: with the parameter \
    allow_unsafe_interrupts, which the modules iommufd and vfio_iommu_type1 have one each of, and \
    'allowUnsafeInterrupts: true' in the host description.
    """)
  static let directRegion = DiagnosticCode(
    "VP4007", .error, "firmware insists on a mapping of its own for a device",
    """
    A 'direct' reserved region (RMRR on Intel) means that firmware goes on doing DMA through the \
    device. The kernel keeps that mapping and refuses to give the device, or any device of its \
    group, to user space. Some firmware has a setting that drops it; 'direct-relaxable' regions \
    are fine.
    """)
  static let interfaceMissing = DiagnosticCode(
    "VP4008", .error, "the host lacks the kernel interface of the target",
    """
    iommufd needs /dev/iommu and VFIO device cdevs (CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV, Linux \
    6.6); type1 needs the VFIO container. Use another target, or a kernel that has the interface. \
    Target 'ioasid' exists on the simulator only.
    """)
  static let noKVM = DiagnosticCode(
    "VP4009", .warning, "the host has no KVM",
    """
    Without /dev/kvm there is nothing to tell about non-coherent DMA, so the KVM steps are left \
    out of the program. The page tables are planned as ever.
    """)
  static let alwaysWithoutKVM = DiagnosticCode(
    "VP4010", .error, "KVM is to allow non-coherent DMA, but the host has no KVM",
    """
    'kvm: {incoherentDMA: always}' asks for something to be registered with KVM. This host has no \
    /dev/kvm. Use 'auto', or load the kvm module and take the host's snapshot again.
    """)
  static let mateHoldsBack = DiagnosticCode(
    "VP4011", .error, "a device that is not assigned keeps its IOMMU group from being enforced",
    """
    Linux attaches an IOMMU group to a page table as a whole, with the members that nobody \
    assigned. If the IOMMU of one of them can't enforce snoop, or nobody knows that it can, a page \
    table that enforces it is refused with EINVAL, or is not enforced while KVM believes that it \
    is. All devices of a group are behind one IOMMU on real hardware, so it is refused also where \
    the page table of another device could be shared: check the host description.
    """)
  static let unexpectedDevice = DiagnosticCode(
    "VP4012", .error, "the device at the address is another one than expected",
    """
    The description says with 'expect' what the device has to be: vendor, device, class, \
    subsystem, group. Something the host does not know can't be confirmed, so it is refused, too. \
    Addresses move when cards are added or firmware settings change, and groups with the kernel; \
    without this check another device would be given away. Compare with `vfioplan host`, then \
    correct the address or what is expected.
    """)
  static let driverNotVFIO = DiagnosticCode(
    "VP4015", .error, "a device is to be given to a driver that is none of VFIO's",
    """
    'driver' names the driver that hands the device to user space: vfio-pci, a variant such as \
    mlx5_vfio_pci, or the driver that has the device if that is one of VFIO's. It is called as in \
    /sys/bus/pci/drivers: with underscores, also where the file of its module has dashes.
    """)
}
