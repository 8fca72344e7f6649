import Parser

/// A VMM whose way to page tables is known; the raw value is its name on the command line.
public enum VMMProgram: String, CaseIterable, Hashable, Sendable {
  /// QEMU.
  case qemu
  /// libvirt, which starts QEMU.
  case libvirt
  /// cloud-hypervisor.
  case cloudHypervisor = "cloud-hypervisor"

  /// What it is called in texts.
  public var title: String { self == .qemu ? "QEMU" : rawValue }

  /// The newest version whose way is known, which its bare name stands for.
  var newestStudied: VMMVersion {
    switch self {
    case .qemu: VMMVersion(10, 0)
    case .libvirt: VMMVersion(12, 2)
    case .cloudHypervisor: VMMVersion(53, 0)
    }
  }

  /// The newest interface that a version can use, and which page table a device gets there.
  ///
  /// QEMU before 9.1 attaches by IOAS id: the kernel takes the first of its own page tables that
  /// does not answer EINVAL, oldest first (`iommufd_device_auto_get_domain`,
  /// drivers/iommu/iommufd/device.c, 6.2 to 7.3). From 9.1 it keeps tables of its own, newest
  /// first, and takes the first that does not answer EINVAL (`iommufd_cdev_autodomains_get`,
  /// hw/vfio/iommufd.c). Its iommufd object is of 9.0; distributions brought it to 8.2.
  ///
  /// cloud-hypervisor has iommufd from 53, and attaches by IOAS id.
  func best(of version: VMMVersion) -> (VMMClause.Interface, VMMRule.Choice) {
    switch self {
    case _ where version < firstWithIOMMUFD: (.type1, .ownFormat)
    case .qemu where version >= VMMVersion(9, 1): (.iommufd, .newest)
    case .libvirt: (.iommufd, .newest)
    case .qemu, .cloudHypervisor: (.iommufd, .oldest)
    }
  }

  /// The first version that can use iommufd.
  var firstWithIOMMUFD: VMMVersion {
    switch self {
    case .qemu: VMMVersion(8, 2)
    case .libvirt: VMMVersion(12, 2)
    case .cloudHypervisor: VMMVersion(53, 0)
    }
  }
}

/// The version of a VMM.
public struct VMMVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  private let major: Int
  private let minor: Int
  private let isShort: Bool

  init(_ major: Int, _ minor: Int) {
    (self.major, self.minor) = (major, minor)
    isShort = false
  }

  /// Reads `8.2`, `53` or `8.2.4`; `nil` if it is anything else.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { part in
      part.utf8.count <= 4 && part.isDecimal ? Int(part) : nil
    }
    guard (1...3).contains(parts.count), !parts.contains(nil), let first = parts[0] else {
      return nil
    }
    major = first
    minor = parts.dropFirst().first.flatMap { $0 } ?? 0
    isShort = parts.count == 1
  }

  /// The version as it was written, without the number of fixes.
  public var description: String { isShort ? "\(major)" : "\(major).\(minor)" }

  /// Whether a version came before another.
  public static func < (left: VMMVersion, right: VMMVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}
