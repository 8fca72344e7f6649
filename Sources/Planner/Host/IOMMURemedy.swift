import Parser

/// What to do about devices that are behind no IOMMU: what was seen on the machine itself counts
/// more than what can be said of all machines of its kind.
enum IOMMURemedy {
  /// For a machine without any in use.
  static func ofMachine(_ host: HostDescription) -> String {
    if let advice = host.observations.iommuAdvice { return advice }
    let rest = "; if it is on there, look at the kernel's parameters: 'vfioplan host' on it says "
    switch (host.architecture, host.kernel.processor.vendor) {
    case (.arm?, _):
      return "see that the firmware describes the SMMU (IORT or device tree) and that the kernel "
        + "has its driver (CONFIG_ARM_SMMU_V3)"
    case (.riscv?, _):
      return "see that the firmware describes the IOMMU and that the kernel has its driver "
        + "(CONFIG_RISCV_IOMMU)"
    case (.s390?, _), (.other?, _):
      return "see that the machine has one and that the kernel has its driver"
    case (_, .intel?): return "switch VT-d on in the firmware's setup" + rest + "which"
    case (_, .amd?): return "switch AMD-Vi (IOMMU) on in the firmware's setup" + rest + "which"
    default:
      return "switch it on in the firmware's setup (VT-d, AMD-Vi or IOMMU)" + rest + "which"
    }
  }

  /// For Intel's integrated graphics, which has a unit of its own.
  static func ofGraphics(on host: HostDescription) -> String {
    host.observations.graphicsAdvice
      ?? "boot with 'intel_iommu=on', without 'igfx_off': else kernels such as Debian's leave the "
      + "unit of the integrated graphics off (CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF)"
  }

  /// For others of a machine that has IOMMUs in use.
  static func ofDevices(on host: HostDescription) -> String {
    host.architecture == .arm
      ? "see whether the firmware puts it behind the SMMU (IORT or device tree)"
      : "functions of the chipset may have none; for others see whether the firmware's tables name "
        + "the bus"
  }
}

extension HostDevice {
  /// Whether it is Intel's integrated graphics.
  var isIntegratedGraphics: Bool {
    vendor == 0x8086 && classCode >> 16 == 0x03 && address.bus == 0
  }
}
