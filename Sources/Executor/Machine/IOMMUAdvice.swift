import Parser

/// Why a machine has no IOMMU in use, and what to do.
public struct IOMMUAdvice: Sendable {
  /// In words.
  public let text: String

  /// Looks for the firmware's tables: DMAR is Intel's, IVRS AMD's, IORT Arm's.
  public init(_ tree: SysfsTree) {
    let tables = "/sys/firmware/acpi/tables/"
    if tree.exists(tables + "DMAR") {
      text =
        "the firmware describes Intel's, but the kernel does not use it: boot with"
        + " intel_iommu=on (CONFIG_INTEL_IOMMU)"
    } else if tree.exists(tables + "IVRS") {
      text =
        "the firmware describes AMD's, but the kernel does not use it: boot without"
        + " amd_iommu=off, with CONFIG_AMD_IOMMU"
    } else if tree.exists(tables + "IORT") {
      text =
        "the firmware describes Arm's, but the kernel has no driver for it (CONFIG_ARM_SMMU_V3)"
    } else {
      text =
        "switch it on in the firmware's setup (VT-d, AMD-Vi or IOMMU); in a virtual machine"
        + " give it one"
    }
  }
}
