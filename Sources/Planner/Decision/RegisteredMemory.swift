/// A piece of guest memory that is registered before it is mapped, so that it is pinned and
/// accounted once, however many page tables map it.
public struct RegisteredMemory: Hashable, Sendable {
  /// Position of its region in `VMDescription.memory`.
  public var region: Int
  /// Where it starts in that region, in bytes.
  public var offset: UInt64
  /// Its length in bytes.
  public var size: UInt64

  /// Names a piece.
  public init(region: Int, offset: UInt64, size: UInt64) {
    self.region = region
    self.offset = offset
    self.size = size
  }

  private var end: UInt64 { offset &+ size }

  /// All memory that a plan maps, by region and offset, no two pieces next to each other; empty if
  /// no byte is in two of its page tables.
  ///
  /// All of it, and not only what is shared: who registers some has to register the rest.
  static func shared(in plan: IOASIDPlan) -> [RegisteredMemory] {
    guard plan.pageTables.count > 1 else { return [] }
    var tables = [Int](repeating: 0, count: plan.addressSpaces.count)
    for table in plan.pageTables { tables[table.addressSpace] += 1 }
    let spaces = plan.addressSpaces.map { joined($0.mappings.map(RegisteredMemory.init)).pieces }
    let whole = joined(spaces.flatMap { $0 })
    let isShared = zip(spaces, tables).contains { !$0.isEmpty && $1 > 1 }
    return isShared || whole.overlapped ? whole.pieces : []
  }

  /// All memory that a plan maps, by region and offset, each byte once.
  static func mapped(by plan: IOASIDPlan) -> [RegisteredMemory] {
    joined(plan.addressSpaces.flatMap(\.mappings).map(RegisteredMemory.init)).pieces
  }

  /// Joins what overlaps or touches, and says whether anything overlapped.
  private static func joined(
    _ pieces: [RegisteredMemory]
  ) -> (pieces: [RegisteredMemory], overlapped: Bool) {
    var joined: [RegisteredMemory] = []
    var overlapped = false
    for piece in pieces.sorted(by: { ($0.region, $0.offset) < ($1.region, $1.offset) }) {
      guard let last = joined.last, last.region == piece.region, piece.offset <= last.end else {
        joined.append(piece)
        continue
      }
      overlapped = overlapped || piece.offset < last.end
      joined[joined.count - 1].size = max(last.end, piece.end) &- last.offset
    }
    return (joined, overlapped)
  }
}

extension RegisteredMemory {
  fileprivate init(_ mapping: PlannedAddressSpace.Mapping) {
    self.init(region: mapping.region, offset: mapping.offset, size: mapping.size)
  }
}

extension IOASIDPlan {
  /// What is registered before it is mapped; empty where the target has no such thing.
  var registeredMemory: [RegisteredMemory] { dialect?.registeredMemory(of: self) ?? [] }

  /// How many bytes of guest memory the kernel pins and accounts while the plan holds.
  ///
  /// Each page counts once for every address space that maps it, with type1 as with iommufd's
  /// accounting by process (§4.6), and once in all where it is registered.
  public var lockedBytes: UInt64 {
    let registered = registeredMemory
    if !registered.isEmpty { return registered.reduce(0) { $0 &+ $1.size } }
    return addressSpaces.lazy.flatMap(\.mappings).reduce(0) { $0 &+ $1.size }
  }
}
