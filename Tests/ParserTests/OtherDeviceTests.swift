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
    ("a003e00.virtio_mmio", "VP2043"), ("1c0000.dma_controller", "VP2043"),
    ("arm-smmu.0.auto", "VP2043"), ("serial8250", "VP2043"), ("serial8250.0", "VP2043"),
    ("dprc.2", "VP2044"), ("dpni.10", "VP2044"),
    ("uuid:83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "VP2040"),
    ("mdev_83b8f4f2_509f_382f_3c1e_e6bfe0fa1001", "VP2040"),
    ("mdev_83b8f4f2_509f_382f_3c1e_e6bfe0fa1001_0000_00_02_0", "VP2040"),
  ])
  func aNameSaysWhatKindOfDeviceItIs(text: String, code: String) {
    #expect(Self.code(text) == code)
  }

  @Test(arguments: [
    "", "nic", "65:00.0", "0000:65:00:0", "0000:65:20.0", "00000000f:65:00.0", "0.0.12345",
    "83b8f4f2-509f-382f-3c1e-e6bfe0fa100", "05.00045", "65.0", "00.igc", "-", ".", ":", "a.b",
    "eth0", "enp101s0f0", "eth0.100", "nic1", "a.0.auto.b", "dprc.", "dprc.x", "8250", "uuid:",
    "mdev_x",
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
