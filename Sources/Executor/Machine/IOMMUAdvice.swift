import Parser

/// Why a machine has no IOMMU in use, and what to do.
public struct IOMMUAdvice: Sendable {
  /// In words.
  public let text: String
  /// Why the integrated graphics can't be given away; `nil` if nothing is known to be in the way.
  public let graphics: String?

  /// Looks for the firmware's tables: DMAR is Intel's, IVRS AMD's, IORT Arm's.
  ///
  /// What the kernel was told at boot counts more.
  public init(_ tree: SysfsTree, _ kernel: KernelFacts) {
    let tables = "/sys/firmware/acpi/tables/"
    graphics = Self.graphics(kernel)
    if let off = Self.off(by: kernel) {
      text = "the kernel was booted with \(off)=off: boot without it"
    } else if tree.exists(tables + "DMAR") {
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
        "switch it on in the firmware's setup (\(Self.name(on: kernel.processor))); in a virtual"
        + " machine give it one"
    }
  }

  /// The parameter that switches the IOMMUs off: each maker's driver has its own, of which
  /// `intel_iommu` knows on as well, so that the last word counts (`intel_iommu_setup`,
  /// `parse_amd_iommu_options`; `iommu_setup` of x86, 5.4 to 7.3).
  private static func off(by kernel: KernelFacts) -> String? {
    let processor = kernel.processor
    let words = kernel.settings(of: "intel_iommu").filter { ["on", "off"].contains($0) }
    if words.last == "off", ![.amd, .other].contains(processor.vendor) { return "intel_iommu" }
    if kernel.settings(of: "amd_iommu").contains("off"), processor.vendor != .intel {
      return "amd_iommu"
    }
    let isX86 = processor.architecture ?? .x86 == .x86
    return isX86 && kernel.settings(of: "iommu").contains("off") ? "iommu" : nil
  }

  /// Why Intel's integrated graphics is behind no IOMMU though others are: it has one of its own.
  private static func graphics(_ kernel: KernelFacts) -> String? {
    let settings = kernel.settings(of: "intel_iommu")
    if settings.contains("igfx_off") {
      return
        "the kernel was booted with intel_iommu=igfx_off: the integrated graphics is behind no "
        + "IOMMU; boot without it"
    }
    let option = "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF"
    guard kernel.isBuilt(with: option) == true, !settings.contains("on") else { return nil }
    return "the kernel leaves the integrated graphics' IOMMU off (\(option)): boot with "
      + "intel_iommu=on"
  }

  /// What firmware calls it.
  private static func name(on processor: HostProcessor) -> String {
    switch (processor.architecture, processor.vendor) {
    case (.arm?, _): "SMMU"
    case (_, .intel?): "VT-d"
    case (_, .amd?): "AMD-Vi or IOMMU"
    default: "VT-d, AMD-Vi or IOMMU"
    }
  }
}
