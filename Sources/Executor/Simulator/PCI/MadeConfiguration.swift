import Parser

/// A function's configuration space where nobody has read it: made from what a host description
/// says, and what a function of its class has as a rule.
///
/// It is one of PCI Express with power management, MSI and, if a window has room for the table,
/// MSI-X; it can be reset by itself.
struct MadeConfiguration {
  /// The bytes, as the host would see them.
  private(set) var bytes: [UInt8]
  /// The memory windows.
  let windows: [PCIWindow]

  private static let power = 0x50
  private static let messages = 0x58
  private static let express = 0x70
  private static let table = 0xb0
  /// The largest table that is made.
  private static let mostVectors: UInt64 = 32

  /// Makes one; virtual functions have no pin and no MSI.
  init(of device: HostDevice, isOnRootBus: Bool, isVirtual: Bool) {
    let bars = device.bars ?? Self.windows(ofClass: device.classCode)
    windows = bars.map { PCIWindow(bar: $0, address: Self.address(of: $0, device.address)) }
    bytes = [UInt8](repeating: 0, count: PCIRegister.expressEnd)
    setHeader(of: device)
    var next = Self.power
    var last = PCIRegister.capabilities
    func link(_ place: Int, _ capability: PCICapability) {
      bytes[last] = UInt8(place)
      bytes[place] = capability.rawValue
      last = place + 1
    }
    link(next, .powerManagement)
    set(0x3, at: next + PCIPower.capabilities, width: 2)
    set(UInt64(PCIPower.keepsState), at: next + PCIPower.control, width: 2)
    if !isVirtual {
      bytes[PCIRegister.interruptPin] = device.address.function % 4 + 1
      next = Self.messages
      link(next, .msi)
      set(UInt64(PCIMessages.is64Bit), at: next + PCIMessages.control, width: 2)
    }
    link(Self.express, .express)
    setExpress(of: device, isOnRootBus: isOnRootBus)
    if let window = Self.tableWindow(bars) {
      link(Self.table, .msix)
      setTable(in: window)
    }
  }

  private mutating func setHeader(of device: HostDevice) {
    set(UInt64(device.vendor), at: PCIRegister.vendor, width: 2)
    set(UInt64(device.device), at: PCIRegister.device, width: 2)
    set(UInt64(PCIStatus.hasCapabilities), at: PCIRegister.status, width: 2)
    set(UInt64(device.classCode), at: PCIRegister.classCode, width: 3)
    set(UInt64(device.subsystem?.vendor ?? 0), at: PCIRegister.subsystemVendor, width: 2)
    set(UInt64(device.subsystem?.device ?? 0), at: PCIRegister.subsystem, width: 2)
    for window in windows {
      let width = window.bar.is64Bit && window.bar.index < 5 ? 8 : 4
      set(window.address, at: PCIRegister.windows + 4 * window.bar.index, width: width)
    }
  }

  private mutating func setExpress(of device: HostDevice, isOnRootBus: Bool) {
    let place = Self.express
    let type = isOnRootBus ? PCIExpress.integratedEndpoint : PCIExpress.endpoint
    set(UInt64(type), at: place + PCIExpress.type, width: 2)
    set(UInt64(PCIExpress.canReset), at: place + PCIExpress.deviceCapabilities, width: 4)
    let control = device.noSnoopCapable == .no ? 0 : PCIExpress.noSnoop
    set(UInt64(control), at: place + PCIExpress.deviceControl, width: 2)
  }

  private mutating func setTable(in window: BAR) {
    let vectors = min(Self.mostVectors, window.size / 4 / PCIMessageTable.entryBytes)
    let place = Self.table
    set(vectors - 1, at: place + PCIMessageTable.control, width: 2)
    set(window.size / 2 | UInt64(window.index), at: place + PCIMessageTable.table, width: 4)
    set(window.size / 4 * 3 | UInt64(window.index), at: place + PCIMessageTable.pending, width: 4)
  }

  private mutating func set(_ value: UInt64, at place: Int, width: Int) {
    bytes.setLittleEndian(value, at: place, width: width)
  }

  /// The smallest window that has a page for the table, within the reach of its place.
  private static func tableWindow(_ bars: [BAR]) -> BAR? {
    bars.filter { 16 << 10...1 << 31 ~= $0.size }.min {
      ($0.size, $0.index) < ($1.size, $1.index)
    }
  }

  /// Where a window lies: a multiple of its size, in a place of its device's own.
  private static func address(of bar: BAR, _ device: BDF) -> UInt64 {
    let number = UInt64(device.bus) << 8 | UInt64(device.device) << 3 | UInt64(device.function)
    let start =
      bar.is64Bit
      ? 1 << 42 | number << 32 | UInt64(bar.index) << 28
      : 0x8000_0000 | number << 20 & 0x3fff_ffff | UInt64(bar.index) << 14
    let size = max(bar.size, 1)
    return max(start / size * size, size)
  }

  /// What functions of a class have as a rule, where nothing is known of the windows.
  private static func windows(ofClass code: UInt32) -> [BAR] {
    switch code >> 16 {
    case 0x01: [BAR(index: 0, size: 16 << 10)]
    case 0x02: [BAR(index: 0, size: 128 << 10), BAR(index: 2, size: 16 << 10)]
    case 0x03, 0x12:
      [
        BAR(index: 0, size: 16 << 20, is64Bit: false),
        BAR(index: 1, size: 256 << 20, isPrefetchable: true),
        BAR(index: 3, size: 32 << 20, isPrefetchable: true),
      ]
    default: [BAR(index: 0, size: 64 << 10)]
    }
  }
}
