import Parser

/// The table: every rule, by release. docs/kernel-rules.md §7 has the sources at length.
extension KernelRules {
  /// A driver can be chosen for one device.
  public static let driverOverride = KernelRule(
    "driverOverride", since: KernelVersion(3, 16),
    before: "a driver takes every device of an id", meaning: "a device of PCI has driver_override",
    source: "drivers/pci/pci-sysfs.c", whenUnknown: false)

  /// A group hands out virtual functions of a function on vfio-pci with their token.
  ///
  /// Before, a physical function with virtual ones could not be on vfio-pci.
  public static let vfTokens = KernelRule(
    "vfTokens", since: KernelVersion(5, 7),
    before: "VFIO_GROUP_GET_DEVICE_FD knows no token of a virtual function",
    meaning: "VFIO_GROUP_GET_DEVICE_FD takes the token of a virtual function",
    source: "drivers/vfio/pci/vfio_pci.c", whenUnknown: false)

  /// Type1 asks each page table whether it enforces; before, it asked the bus.
  ///
  /// Intel's driver then answered yes only if every active unit had snoop control, Arm's always.
  public static let type1EnforcesByTable = KernelRule(
    "type1EnforcesByTable", since: KernelVersion(5, 19),
    before: "one Intel unit without snoop control: type1 enforces for no device",
    meaning: "type1 enforces snoop wherever a device's own IOMMU can",
    source: "drivers/vfio/vfio_iommu_type1.c, drivers/iommu/intel/iommu.c", whenUnknown: false)

  /// KVM asks what a device's IOMMU can do; before, it asked the container of its group.
  public static let kvmAsksDevices = KernelRule(
    "kvmAsksDevices", since: KernelVersion(6, 2),
    before: "KVM asks the container of a group, when a file is added or removed",
    meaning: "KVM asks for each device what its IOMMU can do",
    source: "virt/kvm/vfio.c, drivers/vfio/group.c", whenUnknown: false)

  /// There is an iommufd.
  public static let iommufd = KernelRule(
    "iommufd", since: KernelVersion(6, 2), before: "there is no /dev/iommu",
    meaning: "/dev/iommu, if it was built in", source: "drivers/iommu/iommufd", whenUnknown: false)

  /// Devices of VFIO have files of their own, outside their groups.
  public static let vfioCdevs = KernelRule(
    "vfioCdevs", since: KernelVersion(6, 6), before: "VFIO has nodes of groups only",
    meaning: "devices of VFIO have nodes in /dev/vfio/devices, if they were built in",
    source: "drivers/vfio/device_cdev.c", whenUnknown: false)

  /// Memory that firmware wants mapped for a device keeps it from being given away.
  public static let directRegionsRefuse = KernelRule(
    "directRegionsRefuse", since: KernelVersion(6, 6),
    before: "only Intel's driver refuses a device with a direct region; others leave it out",
    meaning: "a device with a direct region can't be given away",
    source: "drivers/iommu/iommu.c (a48ce36e2786)", whenUnknown: true)

  /// A device that could be enforced may join a page table that does not enforce.
  public static let attachKeepsTables = KernelRule(
    "attachKeepsTables", since: KernelVersion(6, 7),
    before: "an attach makes the table enforce or fails, so that nothing can be borrowed",
    meaning: "a device that can be enforced may be put on a table that does not enforce",
    source: "drivers/iommu/iommufd/device.c (2ccabf81ddff)", whenUnknown: false)

  /// The page tables of Arm's SMMUv3 are whole before a device is attached.
  public static let smmuTablesAreWhole = KernelRule(
    "smmuTablesAreWhole", since: KernelVersion(6, 11),
    before: "a table of an SMMUv3 has no addresses until a device is attached",
    meaning: "IOMMU_HWPT_ALLOC gives a page table of an SMMUv3 its addresses",
    source: "drivers/iommu/arm/arm-smmu-v3 (327e10b47ae9), drivers/iommu/iommufd (26a581606fab)",
    whenUnknown: false)

  /// Non-coherent mode makes the guest's PAT count and nothing else.
  public static let onlyPATCounts = KernelRule(
    "onlyPATCounts", since: KernelVersion(6, 11),
    before: "on Intel the guest's MTRRs and CR0.CD count in non-coherent mode as well",
    meaning: "on Intel only the guest's PAT counts in non-coherent mode",
    source: "arch/x86/kvm/vmx/vmx.c, arch/x86/kvm/mtrr.c", whenUnknown: false)

  /// Arm's SMMUv3 can enforce where firmware says CANWBS.
  public static let smmuEnforcesByCANWBS = KernelRule(
    "smmuEnforcesByCANWBS", since: KernelVersion(6, 13),
    before: "an SMMUv3 enforces for no device", meaning: "an SMMUv3 with CANWBS enforces snoop",
    source: "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c", whenUnknown: false)

  /// Intel's driver looks at widths before it puts a device on a page table.
  ///
  /// Before, it looked at the addresses that are mapped already, and cut the table to the unit's
  /// levels (`prepare_domain_attach_device`; read in 6.2, 6.6, 6.11, 6.12; from 6.13 on
  /// `paging_domain_compatible`, read in 6.13, 6.14, 6.18, 6.19).
  public static let narrowerTablesFit = KernelRule(
    "narrowerTablesFit", notUntil: KernelVersion(6, 12), since: KernelVersion(6, 13),
    before: "a page table of Intel's is put to use on units of any width that has its addresses",
    meaning: "a unit of Intel's takes page tables that are not wider than it, of other units too",
    source: "drivers/iommu/intel/iommu.c", whenUnknown: true)

  /// Intel's driver takes tables with fewer sizes of pages than a unit has.
  ///
  /// From 6.13 on it compares the largest page (`iommu_superpage`, read in 6.14); later it asks
  /// whether the unit has each of the table's (`paging_domain_compatible_second_stage`).
  public static let intelTakesFewerPages = KernelRule(
    "intelTakesFewerPages", since: KernelVersion(6, 17),
    before: "a unit of Intel's takes page tables with the sizes of pages that it has only",
    meaning: "a unit of Intel's takes page tables with fewer sizes of pages than it has",
    source: "drivers/iommu/intel/iommu.c", whenUnknown: true)

  /// VFIO gets AMD's second format of page tables where the driver uses it.
  public static let amdSecondFormat = KernelRule(
    "amdSecondFormat", since: KernelVersion(6, 13),
    before: "AMD's driver gives VFIO tables of the first format always",
    meaning: "with amd_iommu=pgtbl_v2 VFIO gets tables of the second format",
    source: "drivers/iommu/amd/iommu.c", whenUnknown: true)

  /// User domains are first-stage tables in Intel's scalable mode.
  public static let intelFirstStage = KernelRule(
    "intelFirstStage", since: KernelVersion(6, 13),
    before: "user domains of Intel's units are second stage",
    meaning: "in scalable mode user domains of Intel's units are first stage",
    source: "drivers/iommu/intel/iommu.c", whenUnknown: true)

  /// A VMM can switch off that KVM ignores the guest's PAT.
  public static let guestPATQuirk = KernelRule(
    "guestPATQuirk", notUntil: KernelVersion(6, 14), since: KernelVersion(6, 16),
    before: "KVM ignores the guest's PAT in a coherent VM on Intel",
    meaning: "KVM_X86_QUIRK_IGNORE_GUEST_PAT can be switched off",
    source: "arch/x86/kvm/vmx/vmx.c", whenUnknown: false)

  /// The page tables of virtio-iommu are whole before a device is attached.
  ///
  /// Before, one that IOMMU_HWPT_ALLOC makes takes no address at all: the driver fills in the width
  /// at the first attach, and iommufd asks for it earlier.
  public static let virtioTablesAreWhole = KernelRule(
    "virtioTablesAreWhole", since: KernelVersion(6, 16),
    before: "a table of virtio-iommu has no addresses until a device is attached",
    meaning: "IOMMU_HWPT_ALLOC gives a page table of virtio-iommu its width",
    source: "drivers/iommu/virtio-iommu.c, drivers/iommu/iommufd/hw_pagetable.c",
    whenUnknown: false)

  /// The width of AMD's host tables follows from the unit's features (HATS); before, the driver
  /// gave them all 64 bits.
  public static let amdTableWidthByHATS = KernelRule(
    "amdTableWidthByHATS", notUntil: KernelVersion(6, 14), since: KernelVersion(6, 17),
    before: "AMD's host tables take 64 bits",
    meaning: "the levels of AMD's host tables limit I/O virtual addresses",
    source: "drivers/iommu/amd/iommu.c", whenUnknown: true)

  /// A bind asks for the token of a virtual function; before, nobody checked who opens it there.
  public static let bindKnowsTokens = KernelRule(
    "bindKnowsTokens", since: KernelVersion(6, 17),
    before: "VFIO_DEVICE_BIND_IOMMUFD opens virtual functions without asking for their token",
    meaning: "VFIO_DEVICE_BIND_IOMMUFD asks for the token of a virtual function",
    source: "drivers/vfio/device_cdev.c (86624ba3b522)", whenUnknown: true)

  /// A bind reads the token of a virtual function.
  ///
  /// From 6.17 on it asks for one, but copies too little to read it; stable kernels of 6.18 have
  /// the remedy from 6.18.5 on (2f03f21fe752).
  public static let bindReadsTokens = KernelRule(
    "bindReadsTokens", since: KernelVersion(6, 19), backports: [KernelVersion(6, 18): 5],
    before: "VFIO_DEVICE_BIND_IOMMUFD takes no token of a virtual function",
    meaning: "VFIO_DEVICE_BIND_IOMMUFD takes the token of a virtual function",
    source: "drivers/vfio/device_cdev.c", whenUnknown: false)

  /// Devices export BARs as dma-bufs, which iommufd maps; as memory it refuses them.
  public static let barsAsDMABufs = KernelRule(
    "barsAsDMABufs", since: KernelVersion(6, 19),
    before: "iommufd maps no BAR, so that devices do not reach each other",
    meaning: "iommufd maps BARs that VFIO exports as dma-bufs, if that was built in",
    source: "drivers/vfio/pci/vfio_pci_dmabuf.c, drivers/iommu/iommufd/pages.c",
    whenUnknown: false)

  /// Intel's driver looks at snoop control when a device is put on a second-stage table only.
  public static let firstStageIsUnchecked = KernelRule(
    "firstStageIsUnchecked", since: KernelVersion(6, 19),
    before: "a device that can't be enforced is refused on an enforced table of either stage",
    meaning: "a first-stage table takes a device that can't be enforced, whatever it enforces",
    source: "drivers/iommu/intel/iommu.c", whenUnknown: true)

  /// RISC-V's driver says that its requests are coherent, without which VFIO takes no device.
  public static let riscvIsCoherent = KernelRule(
    "riscvIsCoherent", since: KernelRule.never,
    before: "VFIO refuses every device behind a RISC-V IOMMU",
    meaning: "devices behind a RISC-V IOMMU can be given away",
    source: "drivers/iommu/riscv/iommu.c, drivers/vfio/vfio_main.c", whenUnknown: false)

  /// Every rule, by release.
  public static let all = [
    driverOverride, vfTokens, type1EnforcesByTable, kvmAsksDevices, iommufd, vfioCdevs,
    directRegionsRefuse, attachKeepsTables, smmuTablesAreWhole, onlyPATCounts,
    smmuEnforcesByCANWBS, narrowerTablesFit, amdSecondFormat, intelFirstStage, guestPATQuirk,
    virtioTablesAreWhole, amdTableWidthByHATS, intelTakesFewerPages, bindKnowsTokens,
    bindReadsTokens, barsAsDMABufs, firstStageIsUnchecked, riscvIsCoherent,
  ]
}

extension KernelRules {
  /// The names that may be stated of a kernel: rules, and requests that a kernel may lack.
  static let names = (all + ofRequests).map(\.name)

  /// Requests that a kernel of any release may have or lack, in the form of rules.
  public static let ofRequests = RequestRegistry.all.filter(\.mayBeMissing).map { request in
    KernelRule(
      request.name, since: request.since ?? KernelRule.never,
      before: "there is no such request", meaning: "the kernel has the request",
      source: request.header, whenUnknown: false)
  }
}

extension HostKernel {
  /// What this kernel does.
  public var rules: KernelRules { KernelRules(of: self) }

  /// What messages call it: `Linux 6.12.41`, or `this kernel` if it has no name.
  var title: String { release.isEmpty ? "this kernel" : "Linux \(release.visible)" }
}
