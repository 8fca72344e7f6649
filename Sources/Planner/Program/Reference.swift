/// A type that stands for a kind of result at compile time.
public protocol MadeObject: Sendable {
  /// The kind of its values.
  static var kind: ObjectKind { get }
}

/// A result of a known kind: a lowering that passes a device's id where an address space's belongs
/// does not compile.
public struct Reference<Made: MadeObject>: Hashable, Sendable {
  /// The result.
  public let id: ResultID

  /// Names a result; only the builder, which knows its kind, does that.
  init(_ id: ResultID) { self.id = id }
}

extension ObjectKind {
  /// An open `/dev/iommu`.
  public enum IOMMUFD: MadeObject {
    /// `ObjectKind.iommufd`.
    public static let kind = ObjectKind.iommufd
  }
  /// An open device.
  public enum DeviceFD: MadeObject {
    /// `ObjectKind.deviceFD`.
    public static let kind = ObjectKind.deviceFD
  }
  /// An open `/dev/vfio/vfio`.
  public enum Container: MadeObject {
    /// `ObjectKind.container`.
    public static let kind = ObjectKind.container
  }
  /// An open `/dev/vfio/N`.
  public enum Group: MadeObject {
    /// `ObjectKind.group`.
    public static let kind = ObjectKind.group
  }
  /// An open `/dev/kvm`.
  public enum KVM: MadeObject {
    /// `ObjectKind.kvm`.
    public static let kind = ObjectKind.kvm
  }
  /// A VM of KVM.
  public enum VM: MadeObject {
    /// `ObjectKind.vm`.
    public static let kind = ObjectKind.vm
  }
  /// The kvm-vfio device of a VM.
  public enum KVMVFIO: MadeObject {
    /// `ObjectKind.kvmVFIO`.
    public static let kind = ObjectKind.kvmVFIO
  }
  /// An open `/dev/ioasid`.
  public enum IOASIDFD: MadeObject {
    /// `ObjectKind.ioasidFD`.
    public static let kind = ObjectKind.ioasidFD
  }
  /// An I/O address space.
  public enum IOAS: MadeObject {
    /// `ObjectKind.ioas`.
    public static let kind = ObjectKind.ioas
  }
  /// A hardware page table.
  public enum HWPT: MadeObject {
    /// `ObjectKind.hwpt`.
    public static let kind = ObjectKind.hwpt
  }
  /// A bound device's id.
  public enum BoundDevice: MadeObject {
    /// `ObjectKind.boundDevice`.
    public static let kind = ObjectKind.boundDevice
  }
  /// A bound device's label.
  public enum DeviceLabel: MadeObject {
    /// `ObjectKind.deviceLabel`.
    public static let kind = ObjectKind.deviceLabel
  }
  /// The 2021 proposal's page table.
  public enum IOASID: MadeObject {
    /// `ObjectKind.ioasid`.
    public static let kind = ObjectKind.ioasid
  }
  /// Guest memory as a file.
  public enum MemoryFile: MadeObject {
    /// `ObjectKind.memoryFile`.
    public static let kind = ObjectKind.memoryFile
  }
  /// Guest memory at an address.
  public enum Memory: MadeObject {
    /// `ObjectKind.memory`.
    public static let kind = ObjectKind.memory
  }
  /// A number that only `expect` looks at.
  public enum Number: MadeObject {
    /// `ObjectKind.number`.
    public static let kind = ObjectKind.number
  }
}
