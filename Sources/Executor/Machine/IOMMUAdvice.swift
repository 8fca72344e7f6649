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
  public init(_ tree: SysfsTree, _ kernel: Parser.KernelFacts) {
    let tables = "/sys/firmware/acpi/tables/"
    graphics = Self.graphics(kernel)
    let off = ["intel_iommu", "amd_iommu", "iommu"].first {
      kernel.settings(of: $0).contains("off")
    }
    if let off {
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

  /// Why Intel's integrated graphics is behind no IOMMU though others are: it has one of its own.
  private static func graphics(_ kernel: Parser.KernelFacts) -> String? {
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
