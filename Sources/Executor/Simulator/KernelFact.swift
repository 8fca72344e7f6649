import Parser

/// A way of kernels that came with a release: the simulator's own knowledge of releases.
///
/// The planner has a table of its own (`KernelRules`), which is not read here: two statements that
/// tests find in disagreement. No other file of the simulator compares releases.
struct KernelFact: Hashable, Sendable {
  /// How it is known that a release does so: seen on a running kernel, or in its source.
  enum Evidence { case measured, read }

  /// Its name, by which a host may state that its kernel differs from others of its release.
  let name: String
  /// The first release that does so; by then at the latest where neighbours only were read.
  let since: KernelVersion
  /// How it is known.
  let evidence: Evidence
  /// The file that does it, below `drivers` unless it says otherwise, or the commit.
  let source: String
  /// The stable kernels of older releases that do so as well, by the third number of the first.
  let backports: [KernelVersion: Int]

  private init(
    _ name: String, _ major: Int, _ minor: Int, _ evidence: Evidence, _ source: String,
    backports: [KernelVersion: Int] = [:]
  ) {
    self.name = name
    since = KernelVersion(major, minor)
    self.evidence = evidence
    self.source = source
    self.backports = backports
  }

  // Containers, groups and KVM.

  /// Devices are asked for features.
  static let deviceFeatures = Self("deviceFeatures", 5, 6, .read, "vfio/pci/vfio_pci.c")
  /// A virtual function of a function on vfio-pci is opened with a token.
  static let vfTokens = Self("vfTokens", 5, 7, .read, "vfio/pci/vfio_pci.c")
  /// GET_INFO of type1 tells of dirty pages.
  static let type1TellsMigration = Self("type1TellsMigration", 5, 8, .read, "vfio_iommu_type1.c")
  /// GET_INFO of type1 tells how many more mappings there may be.
  static let type1TellsRoom = Self("type1TellsRoom", 5, 10, .read, "vfio_iommu_type1.c")
  /// type1 unmaps everything at once, and gives mappings another source.
  static let type1UnmapsAll = Self("type1UnmapsAll", 5, 12, .read, "vfio_iommu_type1.c")
  /// `/dev/kvm` has attributes, none of them in a group of KVM's VFIO device.
  static let systemHasAttributes = Self("systemHasAttributes", 5, 17, .read, "kvm/x86.c")
  /// Intel's driver knows nothing of type1's nesting (EINVAL, no longer ENODEV).
  static let intelForgotNesting = Self("intelForgotNesting", 5, 18, .read, "iommu/intel/iommu.c")
  /// type1 asks each page table whether it enforces, no longer the bus.
  static let type1EnforcesByTable = Self(
    "type1EnforcesByTable", 5, 19, .read, "vfio_iommu_type1.c, intel/iommu.c")
  /// A group's DMA is claimed when it joins; before, drivers are looked at when a device is opened.
  static let groupsAreClaimed = Self("groupsAreClaimed", 5, 19, .read, "iommu/iommu.c")
  /// KVM keeps the file of a group; before, the group itself, in a container with a driver.
  static let kvmKeepsFiles = Self("kvmKeepsFiles", 5, 19, .read, "virt/kvm/vfio.c")
  /// A process unmaps what another one mapped by type1.
  static let type1UnmapsOthers = Self("type1UnmapsOthers", 6, 0, .read, "vfio_iommu_type1.c")
  /// A device is let sleep, and woken.
  static let devicesSleep = Self("devicesSleep", 6, 1, .read, "vfio/pci/vfio_pci_core.c")
  /// SET_CONTAINER looks at the file's number before it looks at the group's state.
  static let containerNumberFirst = Self(
    "containerNumberFirst", 6, 1, .measured, "vfio/vfio_main.c")
  /// KVM asks the devices of a group, no longer its container.
  static let kvmAsksDevices = Self("kvmAsksDevices", 6, 2, .measured, "vfio/group.c")
  /// The kvm-vfio device ends with its file; before, with its VM.
  static let kvmVFIOEndsWithFile = Self(
    "kvmVFIOEndsWithFile", 6, 2, .measured, "virt/kvm/vfio.c", backports: [KernelVersion(6, 1): 12])
  /// There is an iommufd, also in the place of a container.
  static let iommufd = Self("iommufd", 6, 2, .read, "iommu/iommufd")
  /// UPDATE_VADDR is asked of a container with a driver only.
  static let updateNeedsDriver = Self("updateNeedsDriver", 6, 3, .read, "vfio_iommu_type1.c")
  /// Vectors of MSI-X come one by one.
  static let vectorsComeSingly = Self("vectorsComeSingly", 6, 5, .read, "6c8017c6a58d")
  /// GET_INFO of a device pads its structure.
  static let deviceInfoIsPadded = Self(
    "deviceInfoIsPadded", 6, 6, .read, "vfio/pci/vfio_pci_core.c")
  /// GET_INFO pads its structure and aligns its capabilities.
  static let type1AlignsInfo = Self("type1AlignsInfo", 6, 6, .measured, "vfio_iommu_type1.c")
  /// A `direct` region refuses a device whatever its IOMMU; before, Intel's attach did.
  static let directRegionsRefuse = Self("directRegionsRefuse", 6, 6, .read, "a48ce36e2786")
  /// Devices have files of their own, which KVM takes, HWPT_ALLOC and GET_HW_INFO.
  static let vfioCdevs = Self("vfioCdevs", 6, 6, .measured, "vfio/device_cdev.c")
  /// type1 has no nesting.
  static let type1ForgotNesting = Self(
    "type1ForgotNesting", 6, 13, .measured, "vfio_iommu_type1.c")
  /// PASIDs in ATTACH, DETACH and HWPT_ALLOC, and VEVENTQ_ALLOC.
  static let pasids = Self("pasids", 6, 15, .read, "vfio/device_cdev.c")
  /// BIND knows a token, and looks at what lies beyond its 16 bytes.
  static let bindKnowsTokens = Self("bindKnowsTokens", 6, 17, .measured, "86624ba3b522")
  /// A range that wraps is EOVERFLOW for type1.
  static let wrapsAreOverflows = Self("wrapsAreOverflows", 6, 18, .read, "vfio_iommu_type1.c")
  /// BIND reads the token, too.
  static let bindReadsTokens = Self(
    "bindReadsTokens", 6, 19, .read, "vfio/device_cdev.c", backports: [KernelVersion(6, 18): 5])

  /// Devices that are not of PCI Express have an interrupt for errors, too.
  static let errorsOfAllDevices = Self(
    "errorsOfAllDevices", 7, 3, .read, "vfio/pci/vfio_pci_core.c")

  // Requests of an iommufd and what they check.

  /// An attach leaves the table as it is; before, it makes the table enforce, or is EINVAL.
  static let attachKeepsTables = Self("attachKeepsTables", 6, 7, .measured, "2ccabf81ddff")
  /// Dirty tracking, and page tables with flags and data.
  static let dirtyTracking = Self("dirtyTracking", 6, 7, .measured, "iommufd/hw_pagetable.c")
  /// HWPT_INVALIDATE; data needs a length.
  static let invalidation = Self("invalidation", 6, 8, .read, "iommufd/hw_pagetable.c")
  /// Fault queues, on nested page tables at first.
  static let faultQueues = Self("faultQueues", 6, 11, .read, "iommufd/fault.c")
  /// A mapping has to be readable or writeable.
  static let mappingsAreUsable = Self(
    "mappingsAreUsable", 6, 11, .measured, "996dc53ac289", backports: [KernelVersion(6, 6): 49])
  /// Addresses are chosen by 2 MiB at most.
  static let alignmentEnds = Self(
    "alignmentEnds", 6, 11, .read, "8f6887349b2f", backports: [KernelVersion(6, 6): 44])
  /// MAP_FILE, CHANGE_PROCESS, VIOMMU_ALLOC and VDEVICE_ALLOC.
  static let fileMappings = Self("fileMappings", 6, 13, .measured, "iommufd/ioas.c")
  /// Addresses of memory are added before its length is looked at.
  static let sumsComeFirst = Self("sumsComeFirst", 6, 13, .measured, "iommufd/pages.c")
  /// Any page table may have a fault queue, and nesting is a driver's operation of its own.
  static let faultsOfTables = Self("faultsOfTables", 6, 13, .read, "iommufd/hw_pagetable.c")
  /// A driver of an IOMMU is not shown that a table is to have a fault queue.
  static let driversSeeNoFaults = Self(
    "driversSeeNoFaults", 6, 14, .read, "iommufd/hw_pagetable.c")
  /// A hole for an automatic address has more than one byte, and no sum wraps.
  static let holesAreLarge = Self(
    "holesAreLarge", 6, 17, .read, "b42497e3c0e7",
    backports: [KernelVersion(6, 6): 103, KernelVersion(6, 12): 43, KernelVersion(6, 16): 2])
  /// HW_QUEUE_ALLOC, and an input type of GET_HW_INFO.
  static let hardwareQueues = Self("hardwareQueues", 6, 17, .measured, "iommufd/viommu.c")
  /// A container's UNMAP_DMA of what is not mapped succeeds, where iommufd answers.
  static let compatUnmapsNothing = Self(
    "compatUnmapsNothing", 6, 18, .measured, "afb47765f923",
    backports: [KernelVersion(6, 6): 117, KernelVersion(6, 12): 59, KernelVersion(6, 17): 9])
  /// MAP_FILE looks at its numbers before it looks for the file.
  static let fileNumbersFirst = Self("fileNumbersFirst", 6, 19, .read, "iommufd/io_pagetable.c")
  /// IOAS_NOIOMMU_GET_PA.
  static let withoutIOMMU = Self("withoutIOMMU", 7, 2, .measured, "iommufd/main.c")

  // Drivers of IOMMUs.

  /// HWPT_ALLOC's table of an SMMUv3 has its addresses at once.
  static let smmuTablesAreWhole = Self("smmuTablesAreWhole", 6, 11, .read, "26a581606fab")
  /// HWPT_ALLOC's table of Intel's has the width of its unit at once, no longer 57 bits.
  static let intelTablesHaveWidth = Self(
    "intelTablesHaveWidth", 6, 12, .measured, "iommu/intel/iommu.c")
  /// An SMMUv3 enforces where the firmware says CANWBS.
  static let smmuEnforcesByCANWBS = Self(
    "smmuEnforcesByCANWBS", 6, 13, .read, "iommu/arm/arm-smmu-v3/arm-smmu-v3.c")
  /// AMD's driver tells the sizes of pages that fit into 52 bits, no longer every one.
  static let amdTellsPages = Self("amdTellsPages", 6, 12, .measured, "iommu/amd")
  /// AMD's second format is for VFIO, too, where the driver uses it.
  static let amdSecondFormat = Self("amdSecondFormat", 6, 13, .read, "iommu/amd/iommu.c")
  /// Intel's tables in scalable mode are first stage.
  static let intelFirstStage = Self("intelFirstStage", 6, 13, .read, "iommu/intel/iommu.c")
  /// Intel's driver tells the sizes of pages that a unit has, no longer every one from 4 KiB.
  static let intelTellsPages = Self("intelTellsPages", 5, 15, .measured, "iommu/intel/iommu.c")
  /// Intel's units refuse tables with other pages or more levels; before, levels were cut off.
  static let narrowerTablesFit = Self("narrowerTablesFit", 6, 13, .read, "iommu/intel/iommu.c")
  /// HWPT_ALLOC's table of virtio-iommu has its addresses at once.
  static let virtioTablesAreWhole = Self("virtioTablesAreWhole", 6, 16, .measured, "virtio-iommu.c")
  /// Intel's units accept tables with fewer sizes of pages than they have.
  static let intelTakesFewerPages = Self(
    "intelTakesFewerPages", 6, 17, .read, "iommu/intel/iommu.c")
  /// Intel's first stage: snoop control is not checked at attach.
  static let firstStageIsUnchecked = Self(
    "firstStageIsUnchecked", 6, 19, .read, "iommu/intel/iommu.c")

  /// RISC-V's driver says that requests are coherent; no kernel's does so far.
  static let riscvIsCoherent = Self("riscvIsCoherent", .max, 0, .read, "iommu/riscv/iommu.c")

  /// Every fact, for tests.
  static let all = [
    deviceFeatures, devicesSleep, vectorsComeSingly, deviceInfoIsPadded, errorsOfAllDevices,
    vfTokens, type1TellsMigration, type1TellsRoom, type1UnmapsAll, systemHasAttributes,
    intelForgotNesting, type1EnforcesByTable, groupsAreClaimed, kvmKeepsFiles, type1UnmapsOthers,
    containerNumberFirst,
    kvmAsksDevices, kvmVFIOEndsWithFile, iommufd,
    updateNeedsDriver, type1AlignsInfo, directRegionsRefuse, vfioCdevs, type1ForgotNesting, pasids,
    bindKnowsTokens, wrapsAreOverflows, bindReadsTokens, attachKeepsTables, dirtyTracking,
    invalidation, faultQueues, mappingsAreUsable, alignmentEnds, fileMappings, sumsComeFirst,
    faultsOfTables, driversSeeNoFaults, holesAreLarge, hardwareQueues, fileNumbersFirst,
    withoutIOMMU, smmuTablesAreWhole, intelTellsPages, amdTellsPages, compatUnmapsNothing,
    intelTablesHaveWidth, smmuEnforcesByCANWBS,
    amdSecondFormat,
    intelFirstStage, narrowerTablesFit, virtioTablesAreWhole, intelTakesFewerPages,
    firstStageIsUnchecked, riscvIsCoherent,
  ]
}

/// What one simulated kernel does, by its release and what its host states.
struct SimulatedRelease: Sendable {
  /// The release it behaves like.
  let release: KernelVersion
  /// The third number of the release; where that does not tell, the last there was.
  private let fixes: Int
  private let stated: [String: Bool]

  /// The newest release that was studied, for a host whose kernel does not tell.
  static let newest = KernelVersion(7, 3)

  /// The facts of a host's kernel, or of it in another release.
  ///
  /// Here alone what the host states of its kernel (backports), or shows by its nodes, counts more
  /// than the number. Nodes of which neither a host nor a vendor's number tells are there, as
  /// programs that are made for such a host take them.
  init(of kernel: HostKernel, as release: KernelVersion?) {
    self.release = release ?? kernel.version ?? Self.newest
    let numbers = kernel.release.split(separator: ".", maxSplits: 2)
    let third = numbers.dropFirst(2).first.map { $0.prefix(while: \.isNumber) }
    // Debian and Ubuntu name releases by .0, whatever fixes they have.
    let number = release == nil ? third.flatMap { Int($0) } ?? 0 : 0
    fixes = number == 0 ? .max : number
    guard release == nil else {
      stated = [:]
      return
    }
    var stated = kernel.statedRules.mapValues(\.holds)
    let nodes = [(kernel.iommufd, KernelFact.iommufd), (kernel.vfioCdev, .vfioCdevs)]
    for (fact, kind) in nodes where fact == .yes || fact == .unknown && kernel.isVendorsOwn {
      stated[kind.name] = true
    }
    self.stated = stated
  }

  /// Whether the kernel does so.
  func has(_ fact: KernelFact) -> Bool {
    if let stated = stated[fact.name] { return stated }
    if let first = fact.backports[release] { return fixes >= first }
    return release >= fact.since
  }

  /// Whether the kernel has a request, which came with a fact unless all that have its file do.
  func has(_ request: String, since fact: KernelFact?) -> Bool {
    stated[request] ?? fact.map(has) ?? true
  }
}

extension SimulatedKernel {
  /// Every release with a way of its own, ascending: those at which a fact begins, the first one
  /// that was studied before them.
  public static let releases: [KernelVersion] =
    [KernelVersion(5, 4)]
    + Set(KernelFact.all.map(\.since) + [SimulatedRelease.newest]).filter {
      $0 <= SimulatedRelease.newest
    }
    .sorted()
}
