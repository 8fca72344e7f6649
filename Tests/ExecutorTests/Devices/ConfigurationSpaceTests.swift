import Parser
import Planner
import Testing

@testable import Executor

/// Configuration space as a user of VFIO sees it (§2.29).
struct ConfigurationSpaceTests {
  static let device = {
    var device = HostDevice(
      address: LabHost.c1, vendor: 0x10de, device: 0x2230, classCode: 0x030200,
      subsystem: PCISubsystem(vendor: 0x10de, device: 0x1459), noSnoopCapable: .yes)
    device.bars = [
      BAR(index: 0, size: 16 << 20, is64Bit: false),
      BAR(index: 1, size: 1 << 36, isPrefetchable: true), BAR(index: 3, size: 32 << 20),
    ]
    return device
  }()

  static func space(
    _ device: HostDevice = device, isVirtual: Bool = false
  ) -> SimulatedConfigurationSpace {
    let made = MadeConfiguration(of: device, isOnRootBus: false, isVirtual: isVirtual)
    return SimulatedConfigurationSpace(
      made.bytes, of: device, windows: made.windows, isVirtual: isVirtual)
  }

  @Test func whatIsReadIsWhatWasThereButForTheBitsThatMayBeWritten() throws {
    var random = SystemRandomNumberGenerator()
    let first = Self.space()
    // The registers that the kernel puts right by itself have laws of their own.
    let fixed = Set(0x10..<0x28).union(0x58..<0x5b).union([0x79])
    for _ in 0..<2000 {
      var space = first
      let width = Int.random(in: 1...9, using: &random)
      let place = Int.random(in: 0...(4096 - width), using: &random)
      let bytes = (0..<width).map { _ in UInt8.random(in: 0...255, using: &random) }
      try space.write(bytes, at: UInt64(place))
      for index in first.bytes.indices where !fixed.contains(index) {
        let mask = place..<(place + width) ~= index ? first.writable[index] : 0
        let written = mask == 0 ? 0 : bytes[index - place]
        #expect(space.bytes[index] == first.bytes[index] & ~mask | written & mask, "\(index)")
      }
    }
  }

  @Test func aWriteOfWhatIsThereChangesNothing() throws {
    let first = Self.space()
    var space = first
    for place in stride(from: 0, to: first.size, by: 4) {
      try space.write(Array(first.bytes[place..<(place + 4)]), at: UInt64(place))
    }
    #expect(space == first)
  }

  @Test func nothingIsBeyondTheEnd() {
    var space = Self.space()
    for (place, count) in [(4096, 1), (4093, 4), (UInt64.max, 1), (1 << 40, 4)] {
      #expect(throws: Errno.efault) { try space.read(at: place, count: count) }
      #expect(throws: Errno.efault) {
        try space.write([UInt8](repeating: 0, count: count), at: place)
      }
    }
  }

  @Test func aWindowTellsItsSizeToWhoWritesOnes() throws {
    var space = Self.space()
    let before = space.bytes[0x10..<0x28]
    for place: UInt64 in stride(from: 0x10, to: 0x28, by: 4) {
      try space.write([0xff, 0xff, 0xff, 0xff], at: place)
    }
    let registers = (0..<6).map { space.bytes.littleEndian(at: 0x10 + 4 * $0, width: 4) }
    #expect(registers == [0xff00_0000, 0xc, 0xffff_fff0, 0xfe00_0004, 0xffff_ffff, 0])
    try space.write(Array(before), at: 0x10)
    #expect(space.bytes[0x10..<0x28] == before)
  }

  @Test func windowsLieAtMultiplesOfTheirSizes() {
    for window in MadeConfiguration(of: Self.device, isOnRootBus: false, isVirtual: false).windows {
      #expect(window.address % window.bar.size == 0)
      #expect(window.address > 0)
      if !window.bar.is64Bit { #expect(window.address + window.bar.size <= 1 << 32) }
    }
  }

  @Test func theHeaderSaysWhatTheHostSays() {
    let space = Self.space()
    #expect(space.bytes.littleEndian(at: 0, width: 4) == 0x2230_10de)
    #expect(space.bytes.littleEndian(at: 9, width: 3) == 0x030200)
    #expect(space.bytes.littleEndian(at: 0x2c, width: 4) == 0x1459_10de)
    #expect(space.bytes.littleEndian(at: 4, width: 2) == 2)
    #expect(space.bytes[0x3d] == 1)
    #expect(space.isExpress)
    #expect(space.canReset)
    #expect(space.messages == 1)
    #expect(space.tableSize == 32)
    let virtual = Self.space(isVirtual: true)
    #expect(virtual.bytes[0x3d] == 0)
    #expect(virtual.messages == 0)
    #expect(virtual.tableSize == 32)
  }

  @Test func aDeviceThatCannotSayNoSnoopCannotBeToldTo() throws {
    for (fact, bit): (Fact, UInt64) in [(.yes, 0x800), (.unknown, 0x800), (.no, 0)] {
      var device = Self.device
      device.noSnoopCapable = fact
      var space = Self.space(device)
      #expect(space.bytes.littleEndian(at: 0x78, width: 2) & 0x800 == bit)
      try space.write([0, 8], at: 0x78)
      #expect(space.bytes.littleEndian(at: 0x78, width: 2) == bit)
      try space.write([0, 0], at: 0x78)
      #expect(space.bytes.littleEndian(at: 0x78, width: 2) == 0)
    }
  }

  @Test func aResetIsAskedForOnceAndReadsAsZero() throws {
    var space = Self.space()
    try space.write([0, 0x80], at: 0x78)
    #expect(space.bytes.littleEndian(at: 0x78, width: 2) == 0)
    #expect([space.asksForResetOnce(), space.asksForResetOnce()] == [true, false])
    let device = RawDevice()
    device.write(0x8000, 0x78, 2)
    #expect(device.function?.resets == 1)
  }

  @Test func messagesAreOnOnlyOnceTheirEventsAreSet() throws {
    var space = Self.space()
    try space.write([0x71, 0], at: 0x5a)
    #expect(space.bytes[0x5a] == 0)
    space.activate(.msi, vectors: 3)
    try space.write([0x71, 0], at: 0x5a)
    #expect(space.bytes[0x5a] == 0x21)
    space.activate(nil, vectors: 0)
    try space.write([0x21, 0], at: 0x5a)
    #expect(space.bytes[0x5a] == 0x20)
    // The table is switched on by the request, and by nothing else.
    try space.write([0, 0x80], at: 0xb2)
    #expect(space.bytes[0xb3] == 0)
    space.activate(.msix, vectors: 1)
    #expect(space.bytes[0xb3] == 0x80)
    space.activate(nil, vectors: 0)
    #expect(space.bytes[0xb3] == 0)
  }

  /// A space with capabilities at places, in this order.
  private func raw(_ list: [(place: Int, id: UInt8)], extended: [(Int, UInt64)] = []) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes[6] = 0x10
    var last = 0x34
    for (place, id) in list {
      bytes[last] = UInt8(place)
      bytes[place] = id
      last = place + 1
    }
    for (index, (place, id)) in extended.enumerated() {
      let next = index + 1 < extended.count ? UInt64(extended[index + 1].0) : 0
      bytes.setLittleEndian(next << 20 | 1 << 16 | id, at: place, width: 4)
    }
    return bytes
  }

  private func list(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes[6] & 0x10 != 0 else { return [] }
    var (place, ids) = (Int(bytes[0x34]), [UInt8]())
    while place != 0 {
      ids.append(bytes[place])
      place = Int(bytes[place + 1])
    }
    return ids
  }

  private func view(_ raw: [UInt8]) -> [UInt8] {
    SimulatedConfigurationSpace(raw, of: Self.device, windows: [], isVirtual: false).bytes
  }

  @Test func capabilitiesThatNobodyMaySeeAreNotInTheList() {
    let (hidden, shown): (UInt8, UInt8) = (0x14, 0x10)
    for (given, seen): ([UInt8], [UInt8]) in [
      ([], []), ([hidden], []), ([shown], [shown]), ([hidden, shown], [shown]),
      ([shown, hidden, 0x11], [shown, 0x11]), ([0x05, hidden, 0x0d], [0x05]),
    ] {
      let places = given.enumerated().map { (0x40 + 0x20 * $0.offset, $0.element) }
      #expect(list(view(raw(places))) == seen)
    }
  }

  @Test func theFirstExtendedCapabilityStaysAsAnAnchor() {
    func headers(_ given: [UInt64]) -> [UInt64] {
      let places = given.enumerated().map { (0x100 + 0x40 * $0.offset, $0.element) }
      let bytes = view(raw([], extended: places))
      return places.map { bytes.littleEndian(at: $0.0, width: 4) }
    }
    #expect(headers([3, 1]) == [0x1401_0003, 0x1_0001])
    #expect(headers([0x19, 1]) == [0x1400_0000, 0x1_0001])
    #expect(headers([3, 0x19, 1]) == [0x1801_0003, 0x1801_0019, 0x1_0001])
    #expect(headers([0x19]) == [0])
  }

  @Test func aDamagedSpaceIsTakenAsItIs() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let count = [0, 64, 200, 256, 4096].randomElement(using: &random) ?? 0
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      var space = SimulatedConfigurationSpace(
        bytes, of: Self.device, windows: [], isVirtual: Bool.random(using: &random))
      #expect([256, 4096].contains(space.size))
      for place in 0..<UInt64(space.size) { try space.write([0xff], at: place) }
      _ = (space.canReset, space.table?.range, space.messages)
    }
  }

  @Test func regionsAreReadWhereTheyAre() throws {
    let device = RawDevice()
    let file = try #require(device.device)
    let kernel = device.raw.kernel
    #expect(try file.room(at: 0, 8, isWrite: false, in: kernel) == 8)
    #expect(try file.room(at: 0xfffc, 8, isWrite: true, in: kernel) == 4)
    #expect(try file.room(at: 7 << 40, 4096, isWrite: true, in: kernel) == 4096)
    for offset: UInt64 in [0x10000, 5 << 40, 6 << 40, 8 << 40, 9 << 40, .max] {
      #expect(throws: Errno.einval) {
        try file.room(at: offset, 1, isWrite: false, in: kernel)
      }
    }
    #expect(throws: Errno.efault) {
      try file.room(at: 7 << 40 + 4095, 2, isWrite: false, in: kernel)
    }
    device.write(0, 4, 2)
    #expect(throws: Errno.eio) { try file.room(at: 0, 1, isWrite: false, in: kernel) }
    try file.checkMapping(at: 0, 0x10000, isShared: true, in: kernel)
    for (offset, length, isShared): (UInt64, UInt64, Bool) in [
      (0, 0x11000, true), (0, 0x1000, false), (7 << 40, 0x1000, true), (9 << 40, 0x1000, true),
      (0x1_0000, 0x1000, true),
    ] {
      #expect(throws: Errno.einval) {
        try file.checkMapping(at: offset, length, isShared: isShared, in: kernel)
      }
    }
  }
}
