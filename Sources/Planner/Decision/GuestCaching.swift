import Parser

/// What KVM on x86 makes of a guest's cache attributes: by vendor, release and quirk (§3.7).
public struct GuestCaching: Sendable {
  private let vendor: HostProcessor.Vendor?
  private let countsMTRRs: Bool
  private let canSwitchQuirk: Bool

  /// Concludes from what is said of a host's CPUs and kernel.
  public init(_ host: HostDescription) {
    let processor = host.kernel.processor
    let rules = host.kernel.rules
    vendor = processor.vendor ?? Self.vendor(of: host.iommus)
    countsMTRRs = !rules.holds(KernelRules.onlyPATCounts)
    let hasQuirk = processor.guestPATQuirk.or(rules.answer(KernelRules.guestPATQuirk))
    canSwitchQuirk = hasQuirk == .yes && processor.selfSnoop != .no
  }

  /// Whose CPUs have IOMMUs of such types.
  private static func vendor(of units: [HostIOMMU]) -> HostProcessor.Vendor? {
    let types = units.lazy.map(\.type)
    if types.contains(HostIOMMU.intel) { return .intel }
    return types.contains(HostIOMMU.amd) ? .amd : nil
  }

  /// Which attributes count, in one clause.
  public func attributes(inIncoherentMode isIncoherent: Bool) -> String {
    let intel = isIncoherent ? intelIncoherent : intelCoherent
    let amd = "the guest's PAT is honoured, as in every VM"
    return switch vendor {
    case .intel: intel
    case .amd: amd
    case .other, nil: "on Intel \(intel); on AMD \(amd)"
    }
  }

  private var intelIncoherent: String {
    countsMTRRs
      ? "the guest's PAT, MTRRs and CR0.CD are honoured; changing them empties its page tables "
        + "(EPT)"
      : "the guest's PAT is honoured"
  }

  private var intelCoherent: String {
    let ignored = "the guest's cache attributes are ignored"
    return canSwitchQuirk
      ? ignored + ", unless the VMM switches KVM_X86_QUIRK_IGNORE_GUEST_PAT off" : ignored
  }
}
