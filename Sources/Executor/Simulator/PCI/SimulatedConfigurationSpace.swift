import Parser
import Planner

/// A window of a function's memory, and where it lies.
struct PCIWindow: Hashable, Sendable {
  /// What its register says.
  var bar: BAR
  /// Its address in the machine.
  var address: UInt64

  /// What the lowest bits of its register say of it.
  fileprivate var kind: UInt32 {
    (bar.isPrefetchable ? PCIWindowBits.isPrefetchable : 0)
      | (bar.is64Bit ? PCIWindowBits.is64Bit : 0)
  }
}

/// A function's configuration space as VFIO shows it to its user: a value (§2.29).
///
/// Reads give the bytes as they are. A write changes the bits that may be written; what the kernel
/// then puts right (sizes of windows, messages, a reset) is put right at once, not by the next
/// read.
struct SimulatedConfigurationSpace: Hashable, Sendable {
  /// What a read gives.
  private(set) var bytes: [UInt8]
  /// The bits that a write changes.
  private(set) var writable: [UInt8]
  /// The memory windows, by ascending index.
  let windows: [PCIWindow]
  /// Where the capabilities are that something depends on.
  let places: [PCICapability: Int]
  /// The interrupts that are on: MSI is switched on for the user, who sees what was written.
  private var active: PCIInterrupt?
  /// How many messages there may be, as a power of two.
  private var mostMessages: UInt16 = 0
  /// Whether the user has asked for a reset since the last time that was asked.
  private var asksForReset = false

  /// Takes a function's own bytes, as the host sees them.
  ///
  /// A virtual function shows its ids in place of ones, has no pin, and memory is always on.
  init(_ raw: [UInt8], of device: HostDevice, windows: [PCIWindow], isVirtual: Bool) {
    var shown = ConfigurationView(raw, of: device, isVirtual: isVirtual)
    shown.hideCapabilities()
    bytes = shown.bytes
    places = shown.places
    self.windows = windows
    writable = WritableBits(of: bytes, at: places, device: device, windows: windows).bits
    fitWindows()
  }

  /// How many bytes it has.
  var size: Int { bytes.count }

  /// Whether it is a function of PCI Express.
  var isExpress: Bool { places[.express] != nil }

  /// Whether memory can be reached.
  var hasMemoryOn: Bool { word(PCIRegister.command) & PCICommand.memory != 0 }

  /// Whether the function may send requests, messages among them.
  var isMaster: Bool { word(PCIRegister.command) & PCICommand.master != 0 }

  /// Whether the user has switched the pin off.
  var disablesPin: Bool { word(PCIRegister.command) & PCICommand.intxDisable != 0 }

  /// Whether it has an interrupt pin.
  var hasPin: Bool { bytes[PCIRegister.interruptPin] != 0 }

  /// How many messages it can send.
  var messages: Int {
    guard let place = places[.msi] else { return 0 }
    return 1 << Int((word(place + PCIMessages.control) & PCIMessages.most) >> PCIMessages.mostShift)
  }

  /// How many messages its table has.
  var tableSize: Int {
    guard let place = places[.msix] else { return 0 }
    return Int(word(place + PCIMessageTable.control) & PCIMessageTable.size) + 1
  }

  /// The window that has the table, and where the table is in it.
  var table: (window: Int, range: Range<UInt64>)? {
    guard let place = places[.msix] else { return nil }
    let position = double(place + PCIMessageTable.table)
    let start = UInt64(position & ~PCIMessageTable.window)
    let length = UInt64(tableSize) * PCIMessageTable.entryBytes
    return (Int(position & PCIMessageTable.window), start..<(start + length))
  }

  /// Whether the function can be reset by itself (FLR, or by its power state).
  var canReset: Bool {
    if let place = places[.express],
      double(place + PCIExpress.deviceCapabilities) & PCIExpress.canReset != 0
    {
      return true
    }
    if let place = places[.advancedFeatures],
      byte(place + PCIAdvancedFeatures.capabilities) & PCIAdvancedFeatures.canReset
        == PCIAdvancedFeatures.canReset
    {
      return true
    }
    guard let place = places[.powerManagement] else { return false }
    return word(place + PCIPower.control) & PCIPower.keepsState == 0
  }

  /// Reads bytes; beyond the end EFAULT.
  func read(at offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
    let start = try place(offset, count)
    return Array(bytes[start..<(start + count)])
  }

  /// Writes bytes; beyond the end EFAULT, and nothing is written.
  mutating func write(_ content: [UInt8], at offset: UInt64) throws(Errno) {
    let start = try place(offset, content.count)
    for (index, byte) in content.enumerated() {
      let mask = writable[start + index]
      bytes[start + index] = bytes[start + index] & ~mask | byte & mask
    }
    let range = start..<(start + content.count)
    fitWindows()
    if let place = places[.msi], range.overlaps(place + 1..<place + 3) { fitMessages(place) }
    takeReset()
  }

  /// Notes which messages are on, and how many.
  mutating func activate(_ interrupt: PCIInterrupt?, vectors: Int) {
    active = interrupt
    if interrupt == .msi, vectors > 0 {
      mostMessages = UInt16(Int.bitWidth - (vectors - 1).leadingZeroBitCount)
    }
    guard let place = places[.msix] else { return }
    let control = word(place + PCIMessageTable.control) & ~PCIMessageTable.enable
    set(
      control | (interrupt == .msix ? PCIMessageTable.enable : 0),
      at: place + PCIMessageTable.control)
  }

  /// Whether the user has asked for a reset; asked once.
  mutating func asksForResetOnce() -> Bool {
    defer { asksForReset = false }
    return asksForReset
  }

  private func place(_ offset: UInt64, _ count: Int) throws(Errno) -> Int {
    guard offset < UInt64(size), count <= size - Int(offset) else { throw .efault }
    return Int(offset)
  }

  /// Windows are as large as they are, whatever was written (`vfio_bar_fixup`, §2.29.4).
  private mutating func fitWindows() {
    var registers = [UInt32](repeating: 0, count: PCIRegister.windowCount)
    for window in windows {
      let mask = ~(window.bar.size &- 1)
      let index = window.bar.index
      registers[index] = register(index) & UInt32(truncatingIfNeeded: mask) | window.kind
      guard window.bar.is64Bit, index + 1 < registers.count else { continue }
      registers[index + 1] = register(index + 1) & UInt32(truncatingIfNeeded: mask >> 32)
    }
    for (index, value) in registers.enumerated() {
      bytes.setLittleEndian(UInt64(value), at: PCIRegister.windows + 4 * index, width: 4)
    }
  }

  private func register(_ index: Int) -> UInt32 { double(PCIRegister.windows + 4 * index) }

  /// Messages are on only once their events are set, and no more than those (§2.29.5).
  private mutating func fitMessages(_ place: Int) {
    var control = word(place + PCIMessages.control)
    if active != .msi { control &= ~PCIMessages.enable }
    if (control & PCIMessages.used) >> PCIMessages.usedShift > mostMessages {
      control = control & ~PCIMessages.used | mostMessages << PCIMessages.usedShift
    }
    set(control, at: place + PCIMessages.control)
  }

  /// A request for a reset reads as zero at once.
  private mutating func takeReset() {
    if let place = places[.express] {
      let control = word(place + PCIExpress.deviceControl)
      if control & PCIExpress.reset != 0 {
        set(control & ~PCIExpress.reset, at: place + PCIExpress.deviceControl)
        let can = double(place + PCIExpress.deviceCapabilities) & PCIExpress.canReset != 0
        asksForReset = asksForReset || can
      }
    }
    guard let place = places[.advancedFeatures] else { return }
    let control = byte(place + PCIAdvancedFeatures.control)
    guard control & PCIAdvancedFeatures.reset != 0 else { return }
    bytes.setLittleEndian(
      UInt64(control & ~PCIAdvancedFeatures.reset), at: place + PCIAdvancedFeatures.control,
      width: 1)
    asksForReset = asksForReset || canReset
  }

  private func byte(_ place: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: bytes.littleEndian(at: place, width: 1))
  }

  private func word(_ place: Int) -> UInt16 {
    UInt16(truncatingIfNeeded: bytes.littleEndian(at: place, width: 2))
  }

  private func double(_ place: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: bytes.littleEndian(at: place, width: 4))
  }

  private mutating func set(_ value: UInt16, at place: Int) {
    bytes.setLittleEndian(UInt64(value), at: place, width: 2)
  }
}
