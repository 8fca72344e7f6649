import Parser
import Planner

/// A region of a device: what can be read, written or mapped at offsets of its file (§1.3).
struct SimulatedRegion: Equatable, Sendable {
  /// Its number.
  let index: UInt32
  /// Its length in bytes; 0 if it is not there.
  var size: UInt64 = 0
  /// What may be done with it.
  var flags: RegionFlags = []
  /// Whether it holds the table of MSI-X, and may be mapped all the same.
  var hasTable = false

  /// Where it begins in the device's file.
  var offset: UInt64 { UInt64(index) << PCIRegionIndex.shift }
}

/// A PCI function while somebody has it open (`struct vfio_pci_core_device`).
final class SimulatedFunction {
  /// Its regions, by their numbers.
  let regions: [SimulatedRegion]
  /// Its configuration space, as its user sees it.
  private(set) var configuration: SimulatedConfigurationSpace
  /// Its interrupts.
  private(set) var interrupts: SimulatedInterrupts
  /// Whether the user lets it sleep.
  var isAsleep = false
  /// Writes that an event does.
  private(set) var doorbells: [Doorbell] = []
  /// How often it was reset, by request, with its bus, or by its own registers.
  private(set) var resets = 0

  /// A write that an event does.
  struct Doorbell: Hashable {
    /// Where.
    var offset: UInt64
    /// What.
    var data: UInt64
    /// How many bytes.
    var width: UInt64
  }

  private static let mostDoorbells = 1000  // VFIO_PCI_IOEVENTFD_MAX
  private static let vgaClass: UInt32 = 0x0300

  /// Opens a function.
  init(
    _ configuration: SimulatedConfigurationSpace, classCode: UInt32, givesMessages: Bool,
    by facts: SimulatedRelease
  ) {
    self.configuration = configuration
    regions = Self.regions(configuration, isVGA: classCode >> 8 == Self.vgaClass)
    let hasErrors = configuration.isExpress || facts.has(.errorsOfAllDevices)
    interrupts = SimulatedInterrupts(
      counts: [
        .intx: configuration.hasPin ? 1 : 0, .msi: configuration.messages,
        .msix: configuration.tableSize, .error: hasErrors ? 1 : 0, .request: 1,
      ],
      addsVectors: facts.has(.vectorsComeSingly), givesMessages: givesMessages)
  }

  private static func regions(
    _ configuration: SimulatedConfigurationSpace, isVGA: Bool
  ) -> [SimulatedRegion] {
    (0..<PCIRegionIndex.count).map { index in
      var region = SimulatedRegion(index: index)
      switch index {
      case PCIRegionIndex.configuration:
        (region.size, region.flags) = (UInt64(configuration.size), [.read, .write])
      case PCIRegionIndex.vga where isVGA:
        (region.size, region.flags) = (PCIRegionIndex.vgaSize, [.read, .write])
      default:
        guard let window = configuration.windows.first(where: { $0.bar.index == Int(index) }) else {
          break
        }
        (region.size, region.flags) = (window.bar.size, [.read, .write, .mmap])
        region.hasTable = configuration.table?.window == Int(index)
      }
      return region
    }
  }

  /// Writes into configuration space; whether the device was reset by that.
  func write(_ bytes: [UInt8], at offset: UInt64) throws(Errno) -> Bool {
    try configuration.write(bytes, at: offset)
    interrupts.setPin(off: configuration.disablesPin)
    let isReset = configuration.asksForResetOnce()
    if isReset { reset() }
    return isReset
  }

  /// Changes interrupts; what the request returns.
  func apply(_ order: InterruptOrder, in kernel: SimulatedKernel) throws(Errno) -> Int32 {
    defer {
      configuration.activate(interrupts.active, vectors: interrupts.vectors.count)
    }
    return try interrupts.apply(order, pinIsOff: configuration.disablesPin, in: kernel)
  }

  /// The device signals a vector; whether anybody hears it.
  ///
  /// A message is a write to memory: it needs a device that may send requests.
  func fire(_ vector: Int) -> Bool {
    if interrupts.active != .intx, !configuration.isMaster { return false }
    return interrupts.fire(vector)
  }

  /// The device starts anew; what VFIO keeps for the user stays.
  func reset() { resets += 1 }

  /// Adds a write that an event does, or takes it away again (`vfio_pci_ioeventfd`).
  func setDoorbell(
    _ doorbell: Doorbell, file: Int32, in kernel: SimulatedKernel
  ) throws(Errno) {
    try checkPlace(of: doorbell)
    if let index = doorbells.firstIndex(of: doorbell) {
      if file != -1 { throw .eexist }
      doorbells.remove(at: index)
      return
    }
    if file < 0 { throw .enodev }
    if doorbells.count >= Self.mostDoorbells { throw .enospc }
    _ = try kernel.event(file)
    doorbells.append(doorbell)
  }

  /// Only windows have them, and not where the table of MSI-X is.
  private func checkPlace(of doorbell: Doorbell) throws(Errno) {
    let index = UInt32(truncatingIfNeeded: doorbell.offset >> PCIRegionIndex.shift)
    let start = doorbell.offset & (1 << PCIRegionIndex.shift - 1)
    guard PCIRegionIndex.bars ~= index, start + doorbell.width <= regions[Int(index)].size else {
      throw .einval
    }
    guard let table = configuration.table, table.window == Int(index) else { return }
    if start < table.range.upperBound, table.range.lowerBound < start + doorbell.width {
      throw .einval
    }
  }
}

extension SimulatedHost {
  /// What a function's configuration space is, as far as somebody has read it.
  mutating func setConfiguration(_ bytes: [UInt8], of device: Int) {
    devices[device].configuration = bytes
  }

  /// The function of a device that somebody has open.
  mutating func function(of device: Int) -> SimulatedFunction {
    if let open = devices[device].function { return open }
    let function = SimulatedFunction(
      configuration(of: device), classCode: devices[device].description.classCode,
      givesMessages: devices[device].unit.map { units[$0].isolatesInterrupts } ?? false, by: facts)
    devices[device].function = function
    return function
  }

  /// Forgets the state of a function that nobody has open any more.
  mutating func closeFunction(of device: Int) {
    if devices[device].owner == nil, devices[device].groupFiles == 0 {
      devices[device].function = nil
    }
  }

  /// What was read of a device's configuration space, else one that is made up.
  private func configuration(of device: Int) -> SimulatedConfigurationSpace {
    let description = devices[device].description
    let isVirtual = devices[device].isVirtualFunction
    let made = MadeConfiguration(
      of: description, isOnRootBus: isOnRootBus(device), isVirtual: isVirtual)
    return SimulatedConfigurationSpace(
      devices[device].configuration ?? made.bytes, of: description, windows: made.windows,
      isVirtual: isVirtual)
  }

  /// Whether a device is on a root bus: number 0, or one that has a bridge to the processor.
  func isOnRootBus(_ device: Int) -> Bool {
    let address = devices[device].address
    return address.bus == 0
      || mates(onBusOf: device).contains { devices[$0].description.classCode >> 8 == 0x0600 }
  }

  /// The devices that are reset with the bus or slot of a device, by ascending address; none on a
  /// root bus, which nothing resets.
  func resetMates(of device: Int) -> [Int] {
    isOnRootBus(device) ? [] : mates(onBusOf: device)
  }

  private func mates(onBusOf device: Int) -> [Int] {
    let address = devices[device].address
    return devices.indices.filter {
      let other = devices[$0].address
      return devices[$0].isPresent && other.domain == address.domain && other.bus == address.bus
    }.sorted { devices[$0].address < devices[$1].address }
  }
}
