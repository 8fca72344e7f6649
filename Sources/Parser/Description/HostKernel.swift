/// The kernel of a host: its release and what is known of its interfaces.
public struct HostKernel: Hashable, Sendable {
  /// Who answers `/dev/vfio/vfio`; the raw value is the word in files.
  public enum VFIOContainer: String, CaseIterable, Hashable, Sendable {
    /// VFIO's own containers.
    case vfio
    /// iommufd in their place (CONFIG_IOMMUFD_VFIO_CONTAINER).
    case iommufd
    /// Nobody: there is no such node.
    case none
  }

  /// What a file states of a rule of kernels.
  public struct StatedRule: Hashable, Sendable {
    /// Whether this kernel does so.
    public var holds: Bool
    /// Where the rule's name stands.
    public var span: SourceSpan

    /// Makes a statement.
    public init(_ holds: Bool, at span: SourceSpan = .wholeHost) {
      self.holds = holds
      self.span = span
    }
  }

  /// `uname -r`; what exists is said by the fields below, what it does by its rules.
  public var release: String
  /// Whether `/dev/iommu` exists.
  public var iommufd: Fact
  /// Whether VFIO device cdevs exist.
  public var vfioCdev: Fact
  /// Whether the VFIO container interface exists.
  public var type1: Fact
  /// Whether `/dev/kvm` exists.
  public var kvm: Fact
  /// Whether devices without isolated MSI may be bound all the same.
  public var allowUnsafeInterrupts: Bool
  /// Who answers `/dev/vfio/vfio`; `nil` if it is not known.
  public var vfioContainer: VFIOContainer?
  /// What is stated of rules by name, where this kernel differs from others of its release
  /// (backports).
  public var statedRules: [String: StatedRule] = [:]
  /// How many bytes a page of the CPUs has; `nil` if it is left out: see `pageBytes`.
  ///
  /// Its place is then the clause's.
  @Located public var statedPageBytes: UInt64?
  /// How many mappings a container of type1 takes (its module's `dma_entry_limit`); `nil` if it is
  /// left out.
  public var mappingLimit: Int?
  /// The CPUs it runs on.
  public var processor = HostProcessor()
  /// Where the clause stands.
  public var span: SourceSpan

  /// Makes a kernel of no stated release that has every interface.
  public init(
    release: String = "", iommufd: Fact = true, vfioCdev: Fact = true, type1: Fact = true,
    kvm: Fact = true, allowUnsafeInterrupts: Bool = false, span: SourceSpan = .wholeHost
  ) {
    self.release = release
    self.iommufd = iommufd
    self.vfioCdev = vfioCdev
    self.type1 = type1
    self.kvm = kvm
    self.allowUnsafeInterrupts = allowUnsafeInterrupts
    self.span = span
    _statedPageBytes = Located(nil, at: span)
  }

  /// How many bytes a page of the CPUs has: as stated, else 4096, the only size on x86 and what
  /// most kernels of other architectures are built with.
  public var pageBytes: UInt64 { statedPageBytes ?? 4096 }

  /// Makes a kernel of which nothing is stated.
  static func unstated(at span: SourceSpan) -> HostKernel {
    HostKernel(
      iommufd: .unknown, vfioCdev: .unknown, type1: .unknown, kvm: .unknown, span: span)
  }
}

/// A host's CPUs, as far as KVM's ways with the guest's caches hang on them; unknown if left out.
public struct HostProcessor: Hashable, Sendable {
  /// What their instructions are; the raw value is the kernel's word (`uname -m`).
  public enum Architecture: String, CaseIterable, Hashable, Sendable {
    /// The only one for which KVM has a non-coherent mode.
    case x86 = "x86_64"
    /// Arm, 64 bits.
    case arm = "aarch64"
    /// RISC-V, 64 bits.
    case riscv = "riscv64"
    /// IBM Z.
    case s390 = "s390x"
    /// One that is none of these.
    case other

    /// The sizes of pages that its kernels can be built with, in bytes; `nil` if that is not known.
    public var pageSizes: [UInt64]? {
      switch self {
      case .x86, .riscv, .s390: [4 << 10]
      case .arm: [4 << 10, 16 << 10, 64 << 10]
      case .other: nil
      }
    }

    /// The sizes of huge pages with pages of a size (`arch/arm64/mm/hugetlbpage.c`, contiguous ones
    /// included), in bytes; `nil` if they are not known.
    public func hugePageSizes(withPages bytes: UInt64) -> [UInt64]? {
      switch (self, bytes) {
      case (.x86, _): [2 << 20, 1 << 30]
      case (.arm, 4096): [64 << 10, 2 << 20, 32 << 20, 1 << 30]
      case (.arm, 16384): [2 << 20, 32 << 20, 1 << 30]
      case (.arm, 65536): [2 << 20, 512 << 20, 16 << 30]
      default: nil
      }
    }

    /// What the kernel calls a machine; x86 of 32 bits is x86 to KVM.
    init(machine word: String) {
      let isOld = word.count == 4 && word.first == "i" && word.hasSuffix("86")
      self = isOld ? .x86 : Self(rawValue: word) ?? .other
    }
  }

  /// Who makes them: KVM has a module for each of the first two.
  public enum Vendor: String, CaseIterable, Hashable, Sendable {
    /// Intel: page tables of guests hold a type of memory (EPT).
    case intel
    /// AMD: the guest's own page tables do (NPT).
    case amd
    /// Somebody else.
    case other
  }

  /// What their instructions are; `nil` if it is left out.
  public var architecture: Architecture?
  /// Who makes them; `nil` if it is left out.
  public var vendor: Vendor?
  /// Whether a VMM can switch KVM_X86_QUIRK_IGNORE_GUEST_PAT off (§7.29).
  public var guestPATQuirk = Fact.unknown
  /// Whether they keep caches coherent for memory that is mapped in two ways (CPUID bit `ss`).
  public var selfSnoop = Fact.unknown
  /// How many bits their physical addresses have, which a guest's do not exceed; `nil` if unknown.
  public var addressBits: Int?

  /// Makes CPUs of which nothing is known.
  public init() {}
}

extension HostDescription {
  /// What the CPUs' instructions are: stated, or concluded from the types of the IOMMUs.
  public var architecture: HostProcessor.Architecture? {
    kernel.processor.architecture ?? Self.architecture(of: iommus)
  }

  /// What the CPUs are where there are such IOMMUs; a virtual machine's own say nothing.
  public static func architecture(of units: [HostIOMMU]) -> HostProcessor.Architecture? {
    for unit in units {
      switch unit.type {
      case HostIOMMU.intel, HostIOMMU.amd: return .x86
      case HostIOMMU.arm: return .arm
      case HostIOMMU.riscv: return .riscv
      default: continue
      }
    }
    return nil
  }

  /// Whether the CPUs are x86, which unknown ones are taken for.
  public var isX86: Bool { architecture ?? .x86 == .x86 }

  /// Whether there is a KVM with a non-coherent mode: it has one on x86 only.
  public var hasIncoherentMode: Bool { isX86 && kernel.kvm != .no }
}
