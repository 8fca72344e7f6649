import Parser

/// What a plan takes more of than there is: codes VP3050 and on, VP4050 and on.
public enum BudgetDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    windowsBeyondWidth, pagesByRegion, guestTooNarrow, tooManyMappings, repeatedBAR,
  ]

  static let windowsBeyondWidth = DiagnosticCode(
    "VP3050", .warning, "BARs have no room in the addresses of an IOMMU",
    """
    VMMs on a VFIO container map the BARs of devices beside guest memory, at the addresses that \
    the guest gives them, so that devices reach each other. BARs of 64 bits lie above memory, and \
    there the IOMMU has no addresses for them: the map fails with EINVAL. QEMU then warns that \
    peer-to-peer DMA may not work, cloud-hypervisor does not start unless it is told \
    'vfio_p2p_dma=off'. The plan itself maps memory only and is not hurt.
    """)

  static let pagesByRegion = DiagnosticCode(
    "VP3051", .warning, "a VMM's configuration has one size of pages for all memory",
    """
    The description gives regions of memory pages of different sizes. The VMM makes one piece of \
    all of it, with pages of one size: the largest that the description names and all memory is a \
    multiple of. The pool of huge pages has to have enough of them for all of it.
    """)

  static let guestTooNarrow = DiagnosticCode(
    "VP3052", .warning, "memory and BARs have no room in a guest's addresses",
    """
    A guest's physical addresses have no more bits than those of the host's CPUs (cpuAddressBits \
    under 'kernel'). Guest memory lies in them, and above it the BARs of 64 bits of the devices. \
    What has no room there the VMM refuses, or the guest's firmware leaves the device without the \
    BAR. Give the guest less memory, keep it lower, or make a BAR smaller (resizable BARs).
    """)

  static let tooManyMappings = DiagnosticCode(
    "VP4050", .error, "an address space has more mappings than type1 takes",
    """
    A container of type1 takes as many mappings as its module's parameter dma_entry_limit says, \
    65535 unless it was set, and refuses more with ENOSPC. It may be written while the module is \
    loaded and counts for containers that are opened later. Where the host description does not \
    state it (dmaEntryLimit under 'kernel') this is a warning. iommufd has no such limit.
    """)

  static let repeatedBAR = DiagnosticCode(
    "VP4051", .error, "a host device has a BAR twice",
    """
    A device has at most six base address registers, each with a window of one size; 'index' tells \
    them apart. One of 64 bits takes two numbers, the lower of which is its 'index'. The file \
    'resource' of the device in sysfs has a line for each number.
    """)

  /// What a decision takes too much of.
  static func findings(
    of plan: IOASIDPlan, for vm: ResolvedVM, on host: HostDescription
  ) -> [Diagnostic] {
    let budget = PlanBudget(plan, of: vm, on: host)
    var findings = repeatedBARs(of: host)
    if let finding = mappings(budget, plan, host) { findings.append(finding) }
    if let finding = widths(budget, plan) { findings.append(finding) }
    if let finding = guest(budget, vm) { findings.append(finding) }
    return findings
  }

  /// What is wrong with the BARs of a host.
  static func repeatedBARs(of host: HostDescription) -> [Diagnostic] {
    host.devices.compactMap(repeated)
  }

  private static func repeated(_ device: HostDevice) -> Diagnostic? {
    guard let bars = device.bars,
      let pair = zip(bars, bars.dropFirst()).first(where: { $0.index == $1.index })
    else { return nil }
    return Diagnostic(
      repeatedBAR, "\(device.address) has BAR \(pair.0.index) twice", at: device.span,
      help: "give each of its BARs once")
  }

  private static func mappings(
    _ budget: PlanBudget, _ plan: IOASIDPlan, _ host: HostDescription
  ) -> Diagnostic? {
    guard let limit = budget.mappingLimit, budget.largestSpace > limit.count,
      let space = plan.addressSpaces.first(where: { $0.mappings.count > limit.count })
    else { return nil }
    let finding = Diagnostic(
      tooManyMappings,
      "address space \(PlannerDiagnostics.quote(space.name)) has \(space.mappings.count) "
        + "mappings, a container takes \(limit.count) (dma_entry_limit"
        + (limit.isStated ? ")" : ", unless it was set)"),
      at: space.origin, notes: [.init("the host's kernel is described here", host.kernel.span)],
      help: "join regions that lie side by side, write a larger number to "
        + "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit, or use target 'iommufd'")
    return limit.isStated ? finding : finding.asWarning
  }

  /// Only where VMMs map BARs whatever they are asked.
  private static func widths(_ budget: PlanBudget, _ plan: IOASIDPlan) -> Diagnostic? {
    guard budget.mapsBARs == .yes, plan.dialect?.registersGroups == true,
      budget.fitsIOMMU == .no, let unit = budget.narrowest, budget.windows.last != nil
    else { return nil }
    let device = plan.devices.first { $0.iommu == unit.name }
    return Diagnostic(
      windowsBeyondWidth,
      "memory and the BARs of 64 bits above it need addresses of \(budget.guestBits) bits, IOMMU "
        + "\(PlannerDiagnostics.quote(unit.name)) has \(unit.addressBits): a VMM can't map all",
      at: device?.origin,
      notes: [.init("\(PlannerDiagnostics.quote(unit.name)) is described here", unit.span)],
      help: "tell cloud-hypervisor 'vfio_p2p_dma=off'; QEMU goes on without peer-to-peer DMA")
  }

  private static func guest(_ budget: PlanBudget, _ vm: ResolvedVM) -> Diagnostic? {
    guard budget.fitsGuest == .no, let bits = budget.processorBits else { return nil }
    let what = budget.windows.last == nil ? "memory needs" : "memory and the BARs of 64 bits need"
    let highest = vm.memory.max { $0.gpa &+ $0.size < $1.gpa &+ $1.size }
    return Diagnostic(
      guestTooNarrow,
      "\(what) guest-physical addresses of \(budget.guestBits) bits, the host's CPUs have "
        + "\(bits)",
      at: highest?.span ?? vm.$name, help: "give the guest less memory, or keep it lower")
  }

  /// What a configuration of a VMM can't say of the pages of memory.
  public static func pages(of vm: ResolvedVM) -> Diagnostic? {
    let pages = GuestPages(vm)
    if pages.isExact { return nil }
    let other = vm.memory.first { $0.hugePageBytes != pages.bytes }
    let chosen = pages.bytes.map(byteSizeText) ?? "the CPU's size"
    return Diagnostic(
      pagesByRegion, "the configuration makes all memory of pages of \(chosen), this region, too",
      at: other?.span,
      help: "give every region pages of one size, of which it is a multiple")
  }
}
