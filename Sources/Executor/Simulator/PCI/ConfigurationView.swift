import Parser

/// A function's configuration space on its way from the hardware to the user (§2.29).
struct ConfigurationView {
  /// The bytes so far.
  private(set) var bytes: [UInt8]
  /// Where the capabilities are that something depends on, hidden ones not among them.
  private(set) var places: [PCICapability: Int] = [:]
  /// As many capabilities as there is room for.
  private static let mostCapabilities = 48
  private static let mostExtended = 960

  /// Takes a function's own bytes as they are once VFIO has opened it: memory is on, nothing is
  /// sent, and the pin is not switched off.
  init(_ raw: [UInt8], of device: HostDevice, isVirtual: Bool) {
    let isWhole = raw.count >= PCIRegister.expressEnd
    let size = isWhole ? PCIRegister.expressEnd : PCIRegister.conventionalEnd
    bytes = Array((raw + [UInt8](repeating: 0, count: size)).prefix(size))
    set(device.vendor, at: PCIRegister.vendor)
    set(device.device, at: PCIRegister.device)
    let off = PCICommand.master | PCICommand.intxDisable
    set(word(PCIRegister.command) & ~off | PCICommand.memory, at: PCIRegister.command)
    if isVirtual { bytes[PCIRegister.interruptPin] = 0 }
  }

  /// Takes capabilities out of the lists that users do not see, and follows what is left.
  mutating func hideCapabilities() {
    hideBasicCapabilities()
    if bytes.count > PCIRegister.extended { hideExtendedCapabilities() }
  }

  private mutating func hideBasicCapabilities() {
    guard word(PCIRegister.status) & PCIStatus.hasCapabilities != 0 else { return }
    var previous = PCIRegister.capabilities
    var place = Int(bytes[previous]) & ~3
    var seen: Set<Int> = []
    var count = 0
    while place >= PCIRegister.headerEnd, seen.insert(place).inserted,
      seen.count <= Self.mostCapabilities
    {
      let next = bytes[place + 1]
      if PCICapability.shown.contains(bytes[place]) {
        note(place)
        previous = place + 1
        count += 1
      } else {
        bytes[previous] = next
      }
      place = Int(next) & ~3
    }
    if count == 0 {
      set(word(PCIRegister.status) & ~PCIStatus.hasCapabilities, at: PCIRegister.status)
    }
  }

  private mutating func note(_ place: Int) {
    guard let capability = PCICapability(rawValue: bytes[place]), places[capability] == nil else {
      return
    }
    places[capability] = place
    // Nobody can do anything about events of power management but the host.
    guard capability == .powerManagement else { return }
    set(
      word(place + PCIPower.capabilities) & ~PCIPower.supportsPME, at: place + PCIPower.capabilities
    )
    set(word(place + PCIPower.control) & ~PCIPower.controlPME, at: place + PCIPower.control)
  }

  /// The first one stays as an anchor without a number; others are skipped.
  private mutating func hideExtendedCapabilities() {
    var place = PCIRegister.extended
    var previous: Int?
    var count = 0
    for _ in 0..<Self.mostExtended where place >= PCIRegister.extended && place + 4 <= bytes.count {
      let header = bytes.littleEndian(at: place, width: 4)
      let next = header >> 20
      if PCICapability.shownExtended.contains(UInt16(truncatingIfNeeded: header)) {
        count += 1
        previous = place
      } else if let previous {
        let kept = bytes.littleEndian(at: previous, width: 4) & 0xf_ffff
        bytes.setLittleEndian(kept | next << 20, at: previous, width: 4)
      } else {
        bytes.setLittleEndian(next << 20, at: place, width: 4)
        previous = place
      }
      place = Int(next) & ~3
    }
    if count == 0 { bytes.setLittleEndian(0, at: PCIRegister.extended, width: 4) }
  }

  private func word(_ place: Int) -> UInt16 {
    UInt16(truncatingIfNeeded: bytes.littleEndian(at: place, width: 2))
  }

  private mutating func set(_ value: UInt16, at place: Int) {
    bytes.setLittleEndian(UInt64(value), at: place, width: 2)
  }
}

/// Which bits of a configuration space a user's write changes: those that VFIO lets through or
/// keeps for the user, as far as hardware has them (§2.29.3 to §2.29.6).
struct WritableBits {
  /// The bits, byte by byte.
  private(set) var bits: [UInt8]

  /// Finds them.
  init(
    of bytes: [UInt8], at places: [PCICapability: Int], device: HostDevice,
    windows: [PCIWindow]
  ) {
    bits = [UInt8](repeating: 0, count: bytes.count)
    set(UInt64(PCICommand.writable), at: PCIRegister.command, width: 2)
    set(.max, at: PCIRegister.cacheLine, width: 1)
    set(.max, at: PCIRegister.interruptLine, width: 1)
    for window in windows {
      let place = PCIRegister.windows + 4 * window.bar.index
      set(.max, at: place, width: window.bar.is64Bit && window.bar.index < 5 ? 8 : 4)
    }
    for (capability, place) in places { add(capability, at: place, of: bytes, device) }
  }

  private mutating func add(
    _ capability: PCICapability, at place: Int, of bytes: [UInt8], _ device: HostDevice
  ) {
    switch capability {
    case .powerManagement: set(UInt64(PCIPower.state), at: place + PCIPower.control, width: 2)
    case .msi: addMessages(at: place, of: bytes)
    case .express:
      let noSnoop = device.noSnoopCapable == .no ? PCIExpress.noSnoop : 0
      let control = PCIExpress.controlBits & ~noSnoop | PCIExpress.reset
      set(UInt64(control), at: place + PCIExpress.deviceControl, width: 2)
      set(UInt64(PCIExpress.control2Bits), at: place + PCIExpress.deviceControl2, width: 2)
    case .advancedFeatures:
      set(UInt64(PCIAdvancedFeatures.reset), at: place + PCIAdvancedFeatures.control, width: 1)
    // Vital product data, the vendor's own, and MSI-X, which is switched on by a request.
    case .vitalProductData, .vendorSpecific, .msix: break
    }
  }

  /// The lower byte of the control register is the user's own, whatever its bits mean.
  private mutating func addMessages(at place: Int, of bytes: [UInt8]) {
    let control = UInt16(
      truncatingIfNeeded: bytes.littleEndian(at: place + PCIMessages.control, width: 2))
    let isLong = control & PCIMessages.is64Bit != 0
    set(0xff, at: place + PCIMessages.control, width: 1)
    set(.max, at: place + PCIMessages.address, width: isLong ? 8 : 4)
    let data = place + PCIMessages.address + (isLong ? 8 : 4)
    set(0xffff, at: data, width: 2)
    if control & PCIMessages.canMask != 0 { set(.max, at: data + 4, width: 4) }
  }

  private mutating func set(_ value: UInt64, at place: Int, width: Int) {
    bits.setLittleEndian(value, at: place, width: width)
  }
}
