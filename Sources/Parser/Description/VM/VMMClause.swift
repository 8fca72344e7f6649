/// Whose configuration a description was made from: what `--as` takes the VMM to be.
public struct VMMClause: Hashable, Sendable {
  /// Who starts the VM; the raw value is the word in files.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// libvirt, which starts QEMU.
    case libvirt
    /// QEMU itself.
    case qemu
    /// cloud-hypervisor.
    case cloudHypervisor = "cloud-hypervisor"
    /// Proxmox VE, which starts QEMU.
    case proxmox

    /// What it is called in texts.
    public var title: String {
      switch self {
      case .libvirt, .cloudHypervisor: rawValue
      case .qemu: "QEMU"
      case .proxmox: "Proxmox VE"
      }
    }
  }

  /// The kernel interface it is told to use; the raw value is the word in files.
  public enum Interface: String, CaseIterable, Hashable, Sendable {
    /// A VFIO container, `/dev/vfio/vfio`.
    case type1
    /// `/dev/iommu` and the files of devices.
    case iommufd
  }

  /// Who starts the VM.
  public var kind: Kind
  /// The interface; `nil` for what it takes by itself.
  public var interface: Interface?
  /// Its version, such as `10.0`; `nil` for the newest that is known.
  public var version: String?

  /// Makes a clause.
  public init(kind: Kind, interface: Interface? = nil, version: String? = nil) {
    self.kind = kind
    self.interface = interface
    self.version = version
  }
}
