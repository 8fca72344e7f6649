import Executor
import Parser
import Planner

/// The part of a plan's text about limits: locked memory, mappings, BARs, widths, peer-to-peer.
struct BudgetText {
  private let budget: PlanBudget
  private let compiled: CompiledPlan

  /// Reckons up a plan.
  init(_ compiled: CompiledPlan) {
    self.compiled = compiled
    budget = PlanBudget(compiled)
  }

  /// Writes the section.
  func append(to page: inout TextPage) {
    page.heading("Budget")
    page.table(
      [
        ("locked", locked), ("mappings", mappings), ("BARs", windows), ("addresses", addresses),
        ("peer-to-peer", peerToPeer),
      ].map { [StyledText($0.0), StyledText($0.1)] })
  }

  /// How much is locked, and why it is more than the guest has.
  private var locked: String {
    let size = byteSizeText(budget.lockedBytes)
    let whom =
      switch budget.account {
      case .process: "for the process that maps it"
      case .user: "for its user, all of whose processes count together"
      }
    let text = "\(size) against RLIMIT_MEMLOCK, counted \(whom)\(otherAccount)"
    guard budget.lockedBytes > budget.guestBytes else { return text }
    return text + "; that is \(byteSizeText(budget.guestBytes)) of guest memory, counted again "
      + "in each address space that maps it"
  }

  /// Who is charged where a VMM opens the iommufd itself.
  private var otherAccount: String {
    guard budget.account == .process, compiled.plan.dialect?.hasAddressSpaceObjects == true else {
      return ""
    }
    return " (RLIMIT_MODE; a VMM that opens /dev/iommu by itself is counted by user)"
  }

  private var mappings: String {
    guard let limit = budget.mappingLimit else { return "\(budget.mappings), without a limit" }
    let most =
      budget.largestSpace == budget.mappings
      ? "\(budget.mappings)"
      : "\(budget.mappings), at most \(budget.largestSpace) in one address space,"
    return "\(most) of at most \(limit.count) in a container (dma_entry_limit"
      + (limit.isStated ? ")" : " unless it was set)")
  }

  private var windows: String {
    var parts: [String] = []
    if budget.windows.bytes > 0 { parts.append("\(Self.exact(budget.windows.bytes)) in all") }
    if !budget.windows.unknown.isEmpty {
      parts.append("unknown of \(nameList(budget.windows.unknown))")
    }
    if parts.isEmpty { parts.append("none") }
    return parts.joined(separator: ", ") + counting
  }

  /// Whether what a VMM maps of them is locked on top: pages that are not memory are not counted by
  /// type1, nor those of dma-bufs by iommufd.
  private var counting: String {
    let isNone = budget.windows.bytes == 0 && budget.windows.unknown.isEmpty
    if isNone || compiled.plan.dialect?.isProposalOnly == true { return "" }
    if budget.locksBARs == .unknown {
      return "; a vendor's kernel may let a VMM map them, and count them as locked on top"
    }
    return budget.mapsBARs == .yes ? "; what a VMM maps of them is not counted as locked" : ""
  }

  /// A sum of sizes, which is rarely a round one: `512 GiB 256 MiB`.
  private static func exact(_ bytes: UInt64) -> String {
    var (rest, parts): (UInt64, [String]) = (bytes, [])
    for shift: UInt64 in [40, 30, 20, 10, 0] where rest >> shift > 0 {
      parts.append(byteSizeText((rest >> shift) << shift))
      rest &= (1 << shift) - 1
    }
    return parts.joined(separator: " ")
  }

  /// How wide addresses have to be, and may be.
  private var addresses: String {
    let hasWindows = budget.windows.last != nil
    var text = hasWindows ? "memory and, above it, BARs of 64 bits need " : "memory needs "
    text += counted(budget.guestBits, "bit")
    if budget.fitsGuest == .no, let bits = budget.processorBits {
      text += " (the CPUs have \(bits): no guest has room for them)"
    } else if budget.guestBits > PlanBudget.usualGuest {
      text += " (QEMU gives a guest \(PlanBudget.usualGuest) unless its CPU is the host's)"
    }
    guard let unit = budget.narrowest else { return text }
    let width = "\(unit.name) has \(unit.addressBits)"
    if budget.fitsIOMMU == .no { return text + ", \(width): a VMM can't map them all" }
    text += ", \(width)"
    guard let limit = budget.guestLimit else { return text }
    return text + "; BARs of 64 bits that a VMM maps have to lie below "
      + "\(byteSizeText(1 << UInt64(limit))), too, so the guest must not have more bits"
  }

  private var peerToPeer: String {
    let begin = "none: the plan maps memory only"
    guard compiled.plan.dialect?.isProposalOnly != true else { return begin }
    let rule = KernelRules.barsAsDMABufs
    let isType1 = compiled.plan.dialect?.registersGroups == true
    switch (budget.mapsBARs, isType1) {
    case (.yes, true): return begin + "; VMMs on type1 map BARs, too, unless they are told not to"
    case (.yes, false):
      return begin + "; a VMM may map BARs as dma-bufs (CONFIG_VFIO_PCI_DMABUF), as memory they "
        + "are EFAULT"
    case (.no, true): return begin + ", and iommufd, which answers for type1, refuses BARs (EFAULT)"
    case (.no, false):
      return begin + ", and IOMMU_IOAS_MAP refuses BARs (EFAULT); from Linux \(rule.since) on a "
        + "VMM may map them as dma-bufs"
    case (.unknown, _): return begin + "; whether this kernel maps BARs for a VMM is unknown"
    }
  }
}
