/// The machine of `vfioplan emulate` without `--host`.
enum BuiltInHost {
  /// What findings call it.
  static let name = "<built-in host>"

  /// A graphics card and its audio function behind a unit that can't enforce snoop, two network
  /// cards and a drive behind one that can; vfio-pci has all of them but the drive.
  static let text = """
    apiVersion: vfioplan/v1
    kind: Host
    name: built-in
    kernel: { release: "7.3.4", iommufd: true, vfioCdev: true, type1: true, kvm: true }
    iommus:
      - name: dmar0
        type: intel-vtd
        enforceSnoop: false
        isolatedMSI: true
        addressBits: 48
        pageSizes: [4KiB, 2MiB, 1GiB]
      - name: dmar1
        type: intel-vtd
        enforceSnoop: true
        isolatedMSI: true
        addressBits: 48
        pageSizes: [4KiB, 2MiB, 1GiB]
    devices:
      - address: "0000:00:02.0"
        vendor: 0x8086
        device: 0xa780
        class: 0x030000
        iommu: dmar0
        group: 0
        driver: vfio-pci
        noSnoopCapable: true
        reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ]
      - address: "0000:01:00.0"
        vendor: 0x8086
        device: 0x10fb
        class: 0x020000
        iommu: dmar1
        group: 1
        driver: vfio-pci
        noSnoopCapable: true
        reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ]
      - address: "0000:02:00.0"
        vendor: 0x15b3
        device: 0x101d
        class: 0x020000
        iommu: dmar1
        group: 2
        driver: vfio-pci
        noSnoopCapable: false
        reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ]
      - address: "0000:03:00.0"
        vendor: 0x144d
        device: 0xa80a
        class: 0x010802
        iommu: dmar1
        group: 3
        driver: nvme
        noSnoopCapable: false
        reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ]

    """
}
