import Testing

@testable import Parser

/// Names of pci.ids, shortened.
struct ProductNameTests {
  @Test(arguments: [
    ("NVIDIA Corporation", "GP108 [GeForce GT 1030]", "NVIDIA GeForce GT 1030"),
    ("Intel Corporation", "CoffeeLake-H GT2 [UHD Graphics 630]", "Intel UHD Graphics 630"),
    ("Intel Corporation", "Ethernet Controller X710", "Intel Ethernet Controller X710"),
    ("Advanced Micro Devices, Inc. [AMD/ATI]", "Navi 31 [Radeon RX 7900]", "AMD Radeon RX 7900"),
    ("Red Hat, Inc.", "Virtio network device", "Red Hat Virtio network device"),
    ("Realtek Semiconductor Co., Ltd.", "RTL8111", "Realtek RTL8111"),
    ("Intel Corporation", "Intel Model", "Intel Model"), ("Systems", "[]", "Systems []"),
  ])
  func aNameKeepsTheWordsThatTell(vendor: String, device: String, expected: String) {
    #expect(ProductName.short(vendor: vendor, device: device) == expected)
  }
}
