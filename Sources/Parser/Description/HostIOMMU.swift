extension HostIOMMU {
  /// ECAP.SC, *Snoop Control*, of VT-d's extended capability register (specification 4.1, 11.4.3).
  public static let snoopControlMask: UInt64 = 1 << 7

  /// A register as it was read; `nil` if it was not, or if every bit is 1, which is what reading
  /// one that is not there gives: Linux takes no such unit.
  public static func read(_ register: UInt64?) -> UInt64? { register == .max ? nil : register }

  /// Whether VT-d's extended capability register lets a unit enforce snoop.
  public static func snoopControl(in extended: UInt64?) -> Fact {
    read(extended).map { Fact($0 & snoopControlMask != 0) } ?? .unknown
  }
}

/// One IOMMU unit.
public struct HostIOMMU: Hashable, Sendable {
  /// The type of Intel's units (VT-d).
  public static let intel = "intel-vtd"
  /// The type of AMD's units (AMD-Vi).
  public static let amd = "amd-vi"
  /// The type of Arm's units of version 3.
  public static let arm = "arm-smmu-v3"
  /// The type of RISC-V's units.
  public static let riscv = "riscv-iommu"
  /// The type of a virtual machine's own units (virtio-iommu).
  public static let virtio = "virtio-iommu"

  /// The types whose drivers are known, from which facts are concluded.
  public static let types = [intel, amd, arm, riscv, virtio]

  /// A format of AMD's page tables; the raw value is the word in files.
  public enum TableFormat: String, CaseIterable, Hashable, Sendable {
    /// Host tables, which make requests coherent.
    case v1
    /// Guest tables, of which the driver does not know whether they do.
    case v2
  }

  /// The unit's name, as in `/sys/class/iommu`.
  public var name: String
  /// The kind of unit, for example `intel-vtd`; compared as text.
  public var type: String
  /// Whether it can enforce snoop for the devices behind it; unknown counts as no.
  @Located public var enforceSnoop: Fact
  /// Whether interrupts are isolated per device; without it a bind is refused with EPERM.
  public var isolatedMSI: Bool
  /// Width of I/O virtual addresses in bits, 1 to 64.
  public var addressBits: Int
  /// Page sizes its tables support, in bytes, ascending, without duplicates.
  public var pageSizes: [UInt64]
  /// Intel's capability register; `nil` if it is not known.
  public var cap: UInt64?
  /// Intel's extended capability register; `nil` if it is not known.
  public var ecap: UInt64?
  /// AMD's extended features; `nil` if they are not known.
  public var features: UInt64?
  /// Whether the firmware of an Arm machine lets the unit make requests cacheable (CANWBS in its
  /// IORT table).
  public var canwbs: Fact = .unknown
  /// The format of page tables that AMD's driver was told to use; `nil` if it is not known.
  public var pageTables: TableFormat?
  /// Whether user domains get first-stage tables unless they ask for others (Intel's scalable
  /// mode).
  public var firstStage: Fact = .unknown
  /// Where the unit's name stands.
  public var span: SourceSpan

  /// Makes a unit.
  public init(
    name: String, type: String = intel, enforceSnoop: Fact = .unknown,
    isolatedMSI: Bool = true, addressBits: Int = 48, pageSizes: [UInt64] = [4096],
    span: SourceSpan = .wholeHost
  ) {
    self.name = name
    self.type = type
    _enforceSnoop = Located(enforceSnoop, at: span)
    self.isolatedMSI = isolatedMSI
    self.addressBits = addressBits
    self.pageSizes = pageSizes
    self.span = span
  }
}
