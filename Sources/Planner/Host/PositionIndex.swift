import Parser

/// A position among things of one kind, or none: four bytes, because a plan for 100,000 devices
/// keeps many.
struct PositionIndex<Element>: Hashable, Sendable {
  private let raw: Int32

  private init(raw: Int32) { self.raw = raw }

  /// A position; there are fewer things than 2^31.
  init(_ position: Int) { raw = Int32(truncatingIfNeeded: position) }

  /// No position.
  static var none: PositionIndex { PositionIndex(raw: -1) }

  /// Whether there is none.
  var isNone: Bool { raw < 0 }

  /// The position; `nil` if there is none.
  var position: Int? { raw < 0 ? nil : Int(raw) }

  /// The position where there is known to be one: `none` stops the program as soon as it is used.
  var offset: Int { Int(raw) }
}

extension Array {
  /// The element at a position that there is.
  subscript(index: PositionIndex<Element>) -> Element { self[index.offset] }
}

/// A position in `VMDescription.devices`.
typealias DeviceIndex = PositionIndex<ResolvedDevice>
/// A position in `HostDescription.devices`.
typealias HostDeviceIndex = PositionIndex<HostDevice>
/// A position in `HostDescription.iommus`.
typealias UnitIndex = PositionIndex<HostIOMMU>
/// A position in `VMDescription.addressSpaces`, after `gpa`, which is 0.
typealias SpaceIndex = PositionIndex<AddressSpace>
/// The number of an IOMMU group that has devices of the VM; see `AssignedGroups`.
typealias GroupIndex = PositionIndex<AssignedGroups>
/// The number of an IOMMU group of the host; see `HostTopology`.
typealias HostGroupIndex = PositionIndex<HostTopology>
/// The number of a cell: groups that may share page tables; see `AssignedGroups`.
typealias CellIndex = PositionIndex<AssignedGroups.Cell>
/// The number of a class of units that take each other's page tables; see `HostTopology`.
typealias ClassIndex = PositionIndex<HostTopology.Compatibility>
