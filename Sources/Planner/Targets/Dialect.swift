import Parser

/// What a kernel interface lets a group of devices have.
public enum SnoopChoice: Hashable, Sendable {
  /// A group that can be enforced may be either, freely (the 2021 proposal).
  case free
  /// A group that can be enforced is; unless it joins the table of a group that cannot be, in the
  /// same address space behind a compatible IOMMU (iommufd).
  case joinsUnenforceable
  /// A group that can be enforced is (type1).
  case fixed
}

/// A kernel interface plans are lowered to; adding one is one file and one line in `Dialects`.
public protocol Dialect: Sendable {
  /// The target's name on the command line and in files.
  var name: String { get }
  /// Whether no kernel has it: then only the simulator runs its programs.
  var isProposalOnly: Bool { get }
  /// Who decides enforcement, on a kernel.
  func snoopChoice(by rules: KernelRules) -> SnoopChoice
  /// Whether older kernels ask a whole bus whether it enforces.
  var enforcesByBus: Bool { get }
  /// Whether KVM is told of groups rather than of devices.
  var registersGroups: Bool { get }
  /// Whether KVM is told of files, and looks at what the IOMMUs of their devices can do; otherwise
  /// it is told what to do, with a proof.
  var registersFiles: Bool { get }
  /// Whether an address space is an object of a file that a VMM can be given; a device attached to
  /// the object gets a page table of the kernel's choice.
  var hasAddressSpaceObjects: Bool { get }
  /// Guest memory that a plan's program registers before it maps, by region and offset.
  func registeredMemory(of plan: IOASIDPlan) -> [RegisteredMemory]
  /// How many mappings an address space may have; `nil` if the interface sets no limit.
  func mappingLimit(on kernel: HostKernel) -> MappingLimit?
  /// Whether a VMM can map the BARs of devices, too, so that devices reach each other.
  func mapsBARs(on kernel: HostKernel) -> Fact
  /// How any VMM comes to page tables, if the kernel alone decides it.
  var vmmRule: VMMRule? { get }
  /// Every request of the interface, those that only undo included.
  var requests: [RequestDescriptor] { get }
  /// The device nodes the interface starts from, and whether a kernel has them.
  func interfaces(on rules: KernelRules) -> [(node: String, isThere: Fact)]
  /// Writes the program that carries out a plan.
  ///
  /// Total: whatever the planner accepts for this dialect can be lowered.
  func lower(_ plan: IOASIDPlan, for vm: ResolvedVM, on host: HostDescription) -> Program
}

extension Dialect {
  /// None: in most interfaces memory is known by what maps it.
  public func registeredMemory(of plan: IOASIDPlan) -> [RegisteredMemory] { [] }

  /// None: what is mapped takes memory of the kernel, which the process is charged for.
  public func mappingLimit(on kernel: HostKernel) -> MappingLimit? { nil }

  /// Nobody knows of an interface that no kernel has.
  public func mapsBARs(on kernel: HostKernel) -> Fact { .unknown }

  /// The device node the interface starts from, if the host's kernel lacks it; `nil` if it may run.
  public func missingInterface(on kernel: HostKernel) -> String? {
    interfaces(on: kernel.rules).first { $0.isThere == .no }?.node
  }

  /// The device nodes of which it is not known whether the host's kernel has them.
  func unknownInterfaces(on kernel: HostKernel) -> [String] {
    interfaces(on: kernel.rules).filter { $0.isThere == .unknown }.map(\.node)
  }

  /// Whether a kernel is known to have the interface.
  public func isKnown(on kernel: HostKernel) -> Bool {
    interfaces(on: kernel.rules).allSatisfy { $0.isThere == .yes }
  }
}

/// The known dialects.
public enum Dialects {
  /// Every dialect, in the order they are documented.
  public static let all: [any Dialect] = [
    IOASIDProposalDialect(), IOMMUFDDialect(), VFIOType1Dialect(),
  ]

  /// What `auto` stands for: of the interfaces a kernel is known to have the first; if there is
  /// none, the one that every kernel can have.
  static func automatic(on kernel: HostKernel) -> any Dialect {
    all.first { !$0.isProposalOnly && $0.isKnown(on: kernel) }
      ?? VFIOType1Dialect()
  }

  /// The dialect of that name.
  public static func named(_ name: String) -> (any Dialect)? { all.first { $0.name == name } }
}
