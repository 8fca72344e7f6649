/// What the user asked for: the decoded VM description, values and where they stand.
public struct VMDescription: Hashable, Sendable {
  /// The VM's name.
  public var name: String
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
  public var devices: [AssignedDevice]
  /// Address spaces other than `gpa`, in file order.
  public var addressSpaces: [AddressSpace]
  /// What happens to members of the devices' IOMMU groups that drivers of the host use.
  public var companions: CompanionPolicy
  /// Whose configuration it was made from; `nil` if nothing is said.
  public var vmm: VMMClause?
  /// Where the name stands: the origin of what no single line asked for.
  public var nameSpan: SourceSpan

  /// Makes a description.
  public init(
    name: String, objective: Objective = .coherency, memory: [MemoryRegion] = [],
    kvm: KVMClause = KVMClause(), devices: [AssignedDevice] = [],
    addressSpaces: [AddressSpace] = [], companions: CompanionPolicy = .refuse,
    nameSpan: SourceSpan = .wholeVM
  ) {
    self.name = name
    self.objective = objective
    self.memory = memory
    self.kvm = kvm
    self.devices = devices
    self.addressSpaces = addressSpaces
    self.companions = companions
    self.nameSpan = nameSpan
  }

  /// The name of the address space that holds guest-physical memory.
  public static let guestPhysicalSpace = "gpa"
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

  /// What KVM is to be told.
  public var incoherentDMA: IncoherentDMA
  /// Who tells it.
  public var owner: Owner
  /// Where that value stands; the VM's start if it was left out.
  public var span: SourceSpan

  /// Makes a clause.
  public init(
    incoherentDMA: IncoherentDMA = .auto, owner: Owner = .auto, span: SourceSpan = .wholeVM
  ) {
    self.incoherentDMA = incoherentDMA
    self.owner = owner
    self.span = span
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

/// One host device given to the VM.
public struct AssignedDevice: Hashable, Sendable {
  /// The user's name for it, unique in the VM.
  public var name: String
  /// Its PCI address on the host; meaningless as long as there is a selector.
  public var address: BDF
  /// How it is to be found on the host; `nil` if it is named by its address.
  public var selector: DeviceSelector?
  /// The VFIO driver it is to be given to; `nil` for `vfio-pci`, or the one that has it.
  public var driver: String?
  /// The secret that opens a virtual function whose physical function is on vfio-pci; `nil` if
  /// there is none.
  public var vfToken: VFToken?
  /// Whether libvirt changes the device's driver (`managed='yes'`); `nil` if nothing is said.
  public var managed: Bool?
  /// What is wanted of its no-snoop DMA.
  public var noSnoop: NoSnoopIntent
  /// The address space its DMA goes through; `gpa` unless told otherwise.
  public var addressSpace: String
  /// What it has to be; `nil` if nothing is said.
  public var expected: DeviceExpectation?
  /// Where the whole entry stands.
  public var span: SourceSpan
  /// Where the name's value stands.
  public var nameSpan: SourceSpan
  /// Where the value of the address, or of what stands in its place, stands.
  public var addressSpan: SourceSpan
  /// Where the driver's value stands; the name's span if it was left out.
  public var driverSpan: SourceSpan
  /// Where the token's value stands; the name's span if it was left out.
  public var vfTokenSpan: SourceSpan
  /// Where the intent's value stands; the name's span if it was left out.
  public var noSnoopSpan: SourceSpan
  /// Where the address space's value stands; the name's span if it was left out.
  public var addressSpaceSpan: SourceSpan

  /// Makes an entry whose parts all stand at one place; the decoder refines the spans.
  public init(
    name: String, address: BDF, noSnoop: NoSnoopIntent = .auto,
    addressSpace: String = VMDescription.guestPhysicalSpace, span: SourceSpan = .wholeVM
  ) {
    self.name = name
    self.address = address
    self.noSnoop = noSnoop
    self.addressSpace = addressSpace
    self.span = span
    nameSpan = span
    addressSpan = span
    driverSpan = span
    vfTokenSpan = span
    noSnoopSpan = span
    addressSpaceSpan = span
  }
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
  public var name: String
  /// Its windows, in file order.
  public var windows: [Window]
  /// Where the name's value stands.
  public var nameSpan: SourceSpan

  /// Makes an address space.
  public init(name: String, windows: [Window], nameSpan: SourceSpan = .wholeVM) {
    self.name = name
    self.windows = windows
    self.nameSpan = nameSpan
  }
}
