/// What the user asked for, as it is read: devices are named in several ways.
public typealias VMDescription = DescribedVM<DeviceReference>

/// What the user asked for, once every device is found on a host.
public typealias ResolvedVM = DescribedVM<BDF>

/// What the user asked for: the decoded VM description, values and where they stand.
///
/// `Place` is how its devices are told: see `AssignedDevice`.
public struct DescribedVM<Place: DevicePlace>: Hashable, Sendable {
  /// The VM's name; its place is the origin of what no single line asked for.
  @Located public var name: String
  /// The order of metrics the plan is optimised for.
  public var objective: Objective
  /// Guest-physical memory, in file order: the contents of address space `gpa`; empty if the
  /// description leaves it out.
  public var memory: [MemoryRegion]
  /// The machine whose layout the memory has; `nil` if the regions are the description's own.
  public var machine: GuestMachine?
  /// What the user says KVM must be told.
  public var kvm: KVMClause
  /// The devices, in file order.
  public var devices: [AssignedDevice<Place>]
  /// Address spaces other than `gpa`, in file order.
  public var addressSpaces: [AddressSpace]
  /// What happens to members of the devices' IOMMU groups that drivers of the host use.
  public var companions: CompanionPolicy
  /// Whose configuration it was made from; `nil` if nothing is said.
  public var vmm: VMMClause?

  /// Makes a description.
  public init(
    name: String, objective: Objective = .coherency, memory: [MemoryRegion] = [],
    kvm: KVMClause = KVMClause(), devices: [AssignedDevice<Place>] = [],
    addressSpaces: [AddressSpace] = [], companions: CompanionPolicy = .refuse,
    nameSpan: SourceSpan = .wholeVM
  ) {
    _name = Located(name, at: nameSpan)
    self.objective = objective
    self.memory = memory
    self.kvm = kvm
    self.devices = devices
    self.addressSpaces = addressSpaces
    self.companions = companions
  }

  /// The name of the address space that holds guest-physical memory.
  public static var guestPhysicalSpace: String { "gpa" }

  /// The same with other devices.
  public func with<Other>(devices: [AssignedDevice<Other>]) -> DescribedVM<Other> {
    var other = DescribedVM<Other>(
      name: name, objective: objective, memory: memory, kvm: kvm, devices: devices,
      addressSpaces: addressSpaces, companions: companions, nameSpan: $name)
    (other.machine, other.vmm) = (machine, vmm)
    return other
  }
}

extension ResolvedVM {
  /// The same as a description that may be read again.
  public var described: VMDescription { with(devices: devices.map(\.described)) }
}

/// What is done about unassigned members of an IOMMU group that drivers of the host use; the raw
/// value is the word in files.
public enum CompanionPolicy: String, CaseIterable, Hashable, Sendable {
  /// The VM can't be compiled. The default.
  case refuse
  /// They are taken from their drivers and kept by vfio-pci, unused, for as long as the plan is in
  /// force.
  case bind
}

/// A range of guest-physical memory.
public struct MemoryRegion: Hashable, Sendable {
  /// First guest-physical address, in bytes.
  public var gpa: UInt64
  /// Length in bytes, a positive multiple of 4 KiB; `gpa + size` does not overflow.
  public var size: UInt64
  /// Size of the huge pages that back it, in bytes; `nil` for ordinary pages.
  public var hugePageBytes: UInt64?
  /// When its pages are taken from the host.
  public var population: Population
  /// Where the region stands in the file.
  public var span: SourceSpan

  /// When pages of guest memory are taken from the host; the raw value is the word in files.
  public enum Population: String, CaseIterable, Hashable, Sendable {
    /// When they are first touched or pinned. The default.
    case lazy
    /// All at once when the memory is made, so that too little memory shows up there.
    case eager
  }

  /// Makes a region.
  public init(
    gpa: UInt64, size: UInt64, hugePageBytes: UInt64? = nil, population: Population = .lazy,
    span: SourceSpan = .wholeVM
  ) {
    self.gpa = gpa
    self.size = size
    self.hugePageBytes = hugePageBytes
    self.population = population
    self.span = span
  }
}

/// The user's word on KVM and non-coherent DMA.
public struct KVMClause: Hashable, Sendable {
  /// What KVM is to be told.
  public enum IncoherentDMA: String, CaseIterable, Hashable, Sendable {
    /// Follow the devices: allowed iff one of them is effective. The default.
    case auto
    /// Never allow it; a plan with an effective device is then an error.
    case never
    /// Always allow it; needs a device that can serve as the proof.
    case always
  }

  /// Who makes the VM of KVM and tells it about the devices.
  ///
  /// KVM takes requests on a VM only from the process that made it
  /// (`virt/kvm/kvm_main.c`, `EIO`), so a VMM cannot use one that vfioplan made.
  public enum Owner: String, CaseIterable, Hashable, Sendable {
    /// The command that is started, if there is one, else vfioplan. The default.
    case auto
    /// vfioplan, for as long as the plan is in force.
    case vfioplan
    /// The command, or another user of the devices: the program has no requests to KVM.
    case command
  }

  /// What KVM is to be told; its place is the VM's start if it was left out.
  @Located public var incoherentDMA: IncoherentDMA
  /// Who tells it.
  public var owner: Owner

  /// Makes a clause.
  public init(
    incoherentDMA: IncoherentDMA = .auto, owner: Owner = .auto, span: SourceSpan = .wholeVM
  ) {
    _incoherentDMA = Located(incoherentDMA, at: span)
    self.owner = owner
  }
}

/// What the user wants of a device's no-snoop DMA; the raw value is the word in files.
public enum NoSnoopIntent: String, CaseIterable, Hashable, Sendable {
  /// It works, and KVM knows.
  case required
  /// Don't care; the objective decides.
  case allowed
  /// Its DMA is coherent, whatever the guest does.
  case forbidden
  /// Resolved from the vendor and class table. The default.
  case auto
}

/// What a device has to be, so that another one that took its address is not given away.
public struct DeviceExpectation: Hashable, Sendable {
  /// PCI vendor id; `nil` for any.
  public var vendor: UInt16?
  /// PCI device id; `nil` for any.
  public var device: UInt16?
  /// PCI class code, 24 bits; `nil` for any.
  public var classCode: UInt32?
  /// The ids of the card or board it is part of; `nil` for any.
  public var subsystem: PCISubsystem?
  /// IOMMU group; `nil` for any.
  public var group: Int?
  /// Where it stands.
  public var span: SourceSpan

  /// Expects nothing yet.
  public init(span: SourceSpan = .wholeVM) { self.span = span }
}

/// A device-private I/O address space: which IOVAs reach which guest memory.
public struct AddressSpace: Hashable, Sendable {
  /// One contiguous window.
  public struct Window: Hashable, Sendable {
    /// First I/O virtual address, in bytes.
    public var iova: UInt64
    /// First guest-physical address it reaches, in bytes.
    public var gpa: UInt64
    /// Length in bytes, a positive multiple of 4 KiB; neither end overflows.
    public var size: UInt64
    /// Where the window stands in the file.
    public var span: SourceSpan

    /// Makes a window.
    public init(iova: UInt64, gpa: UInt64, size: UInt64, span: SourceSpan = .wholeVM) {
      self.iova = iova
      self.gpa = gpa
      self.size = size
      self.span = span
    }
  }

  /// The name devices refer to it by; never `gpa`.
  @Located public var name: String
  /// Its windows, in file order.
  public var windows: [Window]

  /// Makes an address space.
  public init(name: String, windows: [Window], nameSpan: SourceSpan = .wholeVM) {
    _name = Located(name, at: nameSpan)
    self.windows = windows
  }
}
