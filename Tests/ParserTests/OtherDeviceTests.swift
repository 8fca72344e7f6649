import TestSupport
import Testing

@testable import Parser

/// Names of devices that are none of PCI, in place of an address.
struct OtherDeviceTests {
  private static func code(_ text: String) -> String? {
    ScopeDiagnostics.otherDevice(text, at: .wholeVM)?.code.name
  }

  @Test(arguments: [
    ("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "VP2040"), ("0.0.1234", "VP2041"),
    ("fe.3.aBcD", "VP2041"), ("05.0004", "VP2042"), ("ff650800.iommu", "VP2043"),
    ("1c30000.ethernet", "VP2043"), ("AMDI0020:00", "VP2043"), ("ARMH0011:0a", "VP2043"),
  ])
  func aNameSaysWhatKindOfDeviceItIs(text: String, code: String) {
    #expect(Self.code(text) == code)
  }

  @Test(arguments: [
    "", "nic", "65:00.0", "0000:65:00:0", "0000:65:20.0", "00000000f:65:00.0", "0.0.12345",
    "83b8f4f2-509f-382f-3c1e-e6bfe0fa100", "05.00045", "65.0", "00.igc", "-", ".", ":", "a.b",
  ])
  func allElseIsAWrongAddress(text: String) { #expect(Self.code(text) == nil) }

  @Test func noAddressIsTakenForAnotherDevice() {
    var numbers = SeededNumbers(seed: 5)
    for _ in 0..<2000 {
      let address = BDF(
        domain: UInt32(truncatingIfNeeded: numbers.next()) >> 12, bus: UInt8(numbers.below(256)),
        device: UInt8(numbers.below(32)), function: UInt8(numbers.below(8)))
      #expect(Self.code(address.description) == nil, "\(address)")
    }
  }

  @Test func whatItIsAndWhatToUseInsteadIsSaid() {
    for (text, use) in [
      ("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "sysfsdev"), ("0.0.1234", "vfio-ccw"),
      ("05.0004", "vfio-ap"), ("ff650800.iommu", "vfio-platform"),
    ] {
      let finding = ScopeDiagnostics.otherDevice(text, at: .wholeVM)
      #expect(finding?.help?.contains(use) == true && finding?.message.contains("not plan") == true)
    }
  }
}
