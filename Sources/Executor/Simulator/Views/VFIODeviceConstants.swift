// The constants of `linux/vfio.h` for device files (§1.3).

/// The flags of `struct vfio_device_info`.
struct DeviceInfoFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DEVICE_FLAGS_RESET`.
  static let reset = DeviceInfoFlags(rawValue: 1)
  /// `VFIO_DEVICE_FLAGS_PCI`.
  static let pci = DeviceInfoFlags(rawValue: 2)
}

/// The flags of `struct vfio_region_info`.
struct RegionFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_REGION_INFO_FLAG_READ`.
  static let read = RegionFlags(rawValue: 1)
  /// `VFIO_REGION_INFO_FLAG_WRITE`.
  static let write = RegionFlags(rawValue: 2)
  /// `VFIO_REGION_INFO_FLAG_MMAP`.
  static let mmap = RegionFlags(rawValue: 4)
  /// `VFIO_REGION_INFO_FLAG_CAPS`.
  static let caps = RegionFlags(rawValue: 8)
}

/// The flags of `struct vfio_irq_info`.
struct IRQInfoFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_IRQ_INFO_EVENTFD`.
  static let eventfd = IRQInfoFlags(rawValue: 1)
  /// `VFIO_IRQ_INFO_MASKABLE`.
  static let maskable = IRQInfoFlags(rawValue: 2)
  /// `VFIO_IRQ_INFO_AUTOMASKED`.
  static let automasked = IRQInfoFlags(rawValue: 4)
  /// `VFIO_IRQ_INFO_NORESIZE`.
  static let noresize = IRQInfoFlags(rawValue: 8)
}

/// The flags of `struct vfio_irq_set`.
struct IRQSetFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_IRQ_SET_DATA_NONE`.
  static let dataNone = IRQSetFlags(rawValue: 1)
  /// `VFIO_IRQ_SET_DATA_BOOL`.
  static let dataBool = IRQSetFlags(rawValue: 2)
  /// `VFIO_IRQ_SET_DATA_EVENTFD`.
  static let dataEventfd = IRQSetFlags(rawValue: 4)
  /// `VFIO_IRQ_SET_ACTION_MASK`.
  static let mask = IRQSetFlags(rawValue: 8)
  /// `VFIO_IRQ_SET_ACTION_UNMASK`.
  static let unmask = IRQSetFlags(rawValue: 16)
  /// `VFIO_IRQ_SET_ACTION_TRIGGER`.
  static let trigger = IRQSetFlags(rawValue: 32)
  /// `VFIO_IRQ_SET_DATA_TYPE_MASK`.
  static let data: IRQSetFlags = [.dataNone, .dataBool, .dataEventfd]
  /// `VFIO_IRQ_SET_ACTION_TYPE_MASK`.
  static let actions: IRQSetFlags = [.mask, .unmask, .trigger]
}

/// The flags of `struct vfio_pci_hot_reset_info`.
struct HotResetInfoFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_PCI_HOT_RESET_FLAG_DEV_ID`.
  static let deviceIDs = HotResetInfoFlags(rawValue: 1)
  /// `VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED`.
  static let owned = HotResetInfoFlags(rawValue: 2)
}

/// The flags of `struct vfio_pci_hot_reset`: none so far.
struct HotResetFlags: Flags { let rawValue: UInt32 }

/// The flags of `struct vfio_device_ioeventfd`: how many bytes are written.
struct IOEventFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DEVICE_IOEVENTFD_SIZE_MASK`.
  static let sizes = IOEventFlags(rawValue: 15)
}

/// The flags of `struct vfio_device_feature`, the feature's number among them.
struct FeatureFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DEVICE_FEATURE_GET`.
  static let get = FeatureFlags(rawValue: 1 << 16)
  /// `VFIO_DEVICE_FEATURE_SET`.
  static let set = FeatureFlags(rawValue: 1 << 17)
  /// `VFIO_DEVICE_FEATURE_PROBE`.
  static let probe = FeatureFlags(rawValue: 1 << 18)
  /// `VFIO_DEVICE_FEATURE_MASK`.
  static let numbers = FeatureFlags(rawValue: 0xffff)
  /// Every bit that means something.
  static let known: FeatureFlags = [.get, .set, .probe, .numbers]

  /// The feature, if vfio-pci may have it.
  var feature: DeviceFeature? { DeviceFeature(rawValue: intersection(.numbers).rawValue) }
}

/// What `VFIO_DEVICE_FEATURE` is asked about, as far as vfio-pci knows it.
enum DeviceFeature: UInt32 {
  /// `VFIO_DEVICE_FEATURE_PCI_VF_TOKEN`.
  case token = 0
  /// `VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY`.
  case lowPowerEntry = 3
  /// `VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP`.
  case lowPowerEntryWithWakeup = 4
  /// `VFIO_DEVICE_FEATURE_LOW_POWER_EXIT`.
  case lowPowerExit = 5

  /// `sizeof(struct vfio_device_low_power_entry_with_wakeup)`.
  static let wakeupBytes = 8
}

/// The interrupts of a PCI device by their indices (`VFIO_PCI_*_IRQ_INDEX`).
enum PCIInterrupt: UInt32, CaseIterable, Sendable {
  /// The pin.
  case intx = 0
  /// Messages.
  case msi = 1
  /// Messages with a table.
  case msix = 2
  /// The device reported an error.
  case error = 3
  /// The host asks for the device.
  case request = 4
}

/// The regions of a PCI device by their indices (`VFIO_PCI_*_REGION_INDEX`).
enum PCIRegionIndex {
  /// BARs 0 to 5.
  static let bars: Range<UInt32> = 0..<6
  /// The expansion ROM.
  static let rom: UInt32 = 6
  /// Configuration space.
  static let configuration: UInt32 = 7
  /// The addresses that every VGA card has.
  static let vga: UInt32 = 8
  /// `VFIO_PCI_NUM_REGIONS`.
  static let count: UInt32 = 9
  /// `VFIO_PCI_OFFSET_SHIFT`.
  static let shift: UInt64 = 40
  /// The size of the VGA region in bytes.
  static let vgaSize: UInt64 = 0xc0000
}

/// What stands for a device's id where it has none (`VFIO_PCI_DEVID_*`).
enum DependentDeviceID {
  /// Not bound, but its group is this iommufd's.
  static let owned: UInt32 = 0
  /// Somebody else's.
  static let notOwned: UInt32 = .max
}

/// The flags of `struct vfio_iommu_type1_dirty_bitmap`.
struct DirtyPagesFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_IOMMU_DIRTY_PAGES_FLAG_START`.
  static let start = DirtyPagesFlags(rawValue: 1)
  /// `VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP`.
  static let stop = DirtyPagesFlags(rawValue: 2)
  /// `VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP`.
  static let getBitmap = DirtyPagesFlags(rawValue: 4)
}
