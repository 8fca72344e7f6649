// The configuration space of a PCI function (`linux/pci_regs.h`; the PCI specification fixes it).

/// Where registers of the header are, in bytes.
enum PCIRegister {
  static let vendor = 0x00
  static let device = 0x02
  static let command = 0x04
  static let status = 0x06
  static let classCode = 0x09
  static let cacheLine = 0x0c
  static let windows = 0x10
  static let subsystemVendor = 0x2c
  static let subsystem = 0x2e
  static let capabilities = 0x34
  static let interruptLine = 0x3c
  static let interruptPin = 0x3d
  /// The end of the header.
  static let headerEnd = 0x40
  /// Where extended capabilities begin.
  static let extended = 0x100
  /// The end of the space of a conventional function.
  static let conventionalEnd = 0x100
  /// The end of the space of a function of PCI Express.
  static let expressEnd = 0x1000
  /// How many windows there are.
  static let windowCount = 6
}

/// Bits of the command register.
enum PCICommand {
  static let memory: UInt16 = 0x2
  static let master: UInt16 = 0x4
  static let intxDisable: UInt16 = 0x400
  /// The bits that a function has, as a rule.
  static let writable: UInt16 = 0x547
}

/// The bit of the status register that says that there are capabilities.
enum PCIStatus { static let hasCapabilities: UInt16 = 0x10 }

/// Bits of a window's register.
enum PCIWindowBits {
  static let is64Bit: UInt32 = 4
  static let isPrefetchable: UInt32 = 8
  static let isPort: UInt32 = 1
}

/// The numbers of capabilities that something here depends on.
enum PCICapability: UInt8 {
  case powerManagement = 0x01
  case vitalProductData = 0x03
  case msi = 0x05
  case vendorSpecific = 0x09
  case express = 0x10
  case msix = 0x11
  case advancedFeatures = 0x13

  /// Those that vfio-pci shows (`pci_cap_length`, §2.29.2).
  static let shown: Set<UInt8> = [
    0x01, 0x02, 0x03, 0x05, 0x07, 0x08, 0x09, 0x10, 0x11, 0x12, 0x13,
  ]
  /// Those of the extended ones that it shows (`pci_ext_cap_length`).
  static let shownExtended: Set<UInt16> = [
    0x01, 0x02, 0x03, 0x04, 0x08, 0x09, 0x0b, 0x0d, 0x0e, 0x0f, 0x10, 0x12, 0x13, 0x15, 0x16, 0x17,
    0x18, 0x23,
  ]
}

/// Power management, from its capability's start.
enum PCIPower {
  static let capabilities = 2
  static let control = 4
  static let length = 8
  static let supportsPME: UInt16 = 0xf800
  static let controlPME: UInt16 = 0x8100
  static let state: UInt16 = 0x3
  static let keepsState: UInt16 = 0x8
}

/// MSI, from its capability's start.
enum PCIMessages {
  static let control = 2
  static let address = 4
  static let enable: UInt16 = 0x1
  static let mostShift: UInt16 = 1
  static let most: UInt16 = 0xe
  static let usedShift: UInt16 = 4
  static let used: UInt16 = 0x70
  static let is64Bit: UInt16 = 0x80
  static let canMask: UInt16 = 0x100
}

/// MSI-X, from its capability's start.
enum PCIMessageTable {
  static let control = 2
  static let table = 4
  static let pending = 8
  static let length = 12
  static let size: UInt16 = 0x7ff
  static let enable: UInt16 = 0x8000
  /// The bits of a place that say in which BAR it is.
  static let window: UInt32 = 7
  /// How many bytes a vector takes.
  static let entryBytes: UInt64 = 16
}

/// PCI Express, from its capability's start.
enum PCIExpress {
  static let type = 2
  static let deviceCapabilities = 4
  static let deviceControl = 8
  static let deviceControl2 = 40
  static let length = 60
  static let canReset: UInt32 = 1 << 28
  static let reset: UInt16 = 0x8000
  static let noSnoop: UInt16 = 0x800
  /// Everything but the reset, phantom functions and power of the slot.
  static let controlBits: UInt16 = 0x79ff
  static let control2Bits: UInt16 = 0x041f
  /// Version 2, an endpoint; one on a root bus.
  static let endpoint: UInt16 = 0x02
  static let integratedEndpoint: UInt16 = 0x92
}

/// Advanced features of a conventional function, from their capability's start.
enum PCIAdvancedFeatures {
  static let capabilities = 3
  static let control = 4
  static let canReset: UInt8 = 0x3
  static let reset: UInt8 = 0x1
}
