import Testing

@testable import Parser

/// What may be concluded from a configuration space: a no only from evidence.
struct NoSnoopFactTests {
  /// A function with the ids 10de:2684, a power management capability and maybe one of PCI Express.
  private static func space(control: UInt16? = nil) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes.replaceSubrange(0..<4, with: [0xde, 0x10, 0x84, 0x26])
    (bytes[6], bytes[0x34]) = (0x10, 0x40)
    (bytes[0x40], bytes[0x41]) = (0x01, control == nil ? 0 : 0x80)
    guard let control else { return bytes }
    (bytes[0x80], bytes[0x88], bytes[0x89]) = (0x10, UInt8(control & 0xff), UInt8(control >> 8))
    return bytes
  }

  private static func fact(_ bytes: [UInt8], onConventionalBus: Bool = false) -> NoSnoopFact {
    NoSnoopFact(
      ConfigurationSpace(bytes), vendor: 0x10de, device: 0x2684,
      isOnConventionalBus: onConventionalBus)
  }

  @Test func theBitSaysYesAndNeverNo() {
    #expect(Self.fact(Self.space(control: 0x2810)).fact == .yes)
    let clear = Self.fact(Self.space(control: 0x2010), onConventionalBus: true)
    #expect(clear.fact == .unknown && clear.source == "Device Control 0x2010, bit 11 clear")
  }

  @Test func withoutTheCapabilityOnlyAConventionalBusSaysNo() {
    #expect(Self.fact(Self.space()).fact == .unknown)
    #expect(Self.fact(Self.space(), onConventionalBus: true).fact == .no)
    var other = Self.space()
    other[0x40] = 0x07
    #expect(Self.fact(other, onConventionalBus: true).source == "PCI-X")
  }

  @Test(arguments: [UInt16?.none, 0x2810])
  func nothingFollowsFromWhatIsNotCredible(control: UInt16?) {
    let whole = Self.space(control: control)
    var (circle, header, other) = (whole, whole, whole)
    (circle[0x41], header[0x41], other[0]) = (0x40, 0x20, 0x86)
    let ones = [UInt8](repeating: 0xff, count: 256)
    for bytes in [Array(whole[..<128]), Array(whole[..<64]), [], ones, circle, header, other] {
      let fact = Self.fact(bytes, onConventionalBus: true)
      #expect(fact.fact == .unknown, "\(fact.source)")
    }
    let zero = [UInt8](repeating: 0, count: 256)
    #expect(Self.fact(zero, onConventionalBus: true).fact == .unknown)
  }

  @Test func everyCutIsUnknown() {
    let whole = Self.space(control: 0x2810)
    for length in 0..<256 {
      #expect(Self.fact(Array(whole[..<length]), onConventionalBus: true).fact == .unknown)
    }
  }

  @Test func bridgesAreLookedAtOnlyIfTheyAreCredible() {
    var bridge = Self.space(control: 0)
    (bridge[0x0e], bridge[0x19], bridge[0x82]) = (1, 2, 0x71)
    var paths = PCIPaths()
    let (above, below) = (BDF("0000:00:1c.0"), BDF("0000:02:00.0"))
    guard let above, let below else { return }
    func note(_ bytes: [UInt8], vendor: UInt16 = 0x10de, device: UInt16 = 0x2684) {
      paths.note(above, ConfigurationSpace(bytes), vendor: vendor, device: device)
    }
    note(bridge)
    #expect(paths.isOnConventionalBus(below) && !paths.isOnConventionalBus(above))
    note(bridge, vendor: 0x1b21)
    #expect(!paths.isOnConventionalBus(below), "the bytes are another device's")
    note(bridge)
    note(bridge, device: 0x1080)
    #expect(!paths.isOnConventionalBus(below))
    var port = bridge
    port[0x82] = 0x41
    note(bridge)
    note(port)
    #expect(!paths.isOnConventionalBus(below))
    for length in 0..<256 { note(Array(bridge[..<length])) }
    #expect(!paths.isOnConventionalBus(below))
  }

  /// Where the list ends: at pointer 0, and in nothing else.
  @Test(arguments: [
    (first: UInt8(0x40), next: UInt8(0), Fact.no), (0x42, 0, .no), (0x02, 0, .unknown),
    (0x40, 0x03, .unknown), (0xff, 0, .unknown), (0x40, 0xff, .unknown), (0x40, 0xc0, .unknown),
  ])
  func aListEndsAtPointerZero(first: UInt8, next: UInt8, fact: Fact) {
    var bytes = Self.space()
    (bytes[0x34], bytes[0x41]) = (first, next)
    #expect(Self.fact(bytes, onConventionalBus: true).fact == fact)
  }

  @Test func aVirtualFunctionHasTheFactOfItsPhysicalOne() throws {
    let physical = try #require(BDF("0000:75:00.0"))
    let fact = NoSnoopFact(
      ofVirtualFunctionOf: physical, Self.fact(Self.space(control: 0x5936)))
    #expect(fact.fact == .yes)
    #expect(fact.source == "physical function 0000:75:00.0: Device Control 0x5936")
    #expect(NoSnoopFact(ofVirtualFunctionOf: physical, nil).fact == .unknown)
  }
}
