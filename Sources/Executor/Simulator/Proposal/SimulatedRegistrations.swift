import Planner

/// The memory that is registered with an ioasid file: ranges of processes, which never overlap.
///
/// v1 says that it is pinned and accounted once, and that what is mapped must then be "in the
/// preregistered list". The rest is ours (docs/decisions/0018), after VFIO's container for POWER,
/// which has such requests: a range is given back as it was registered, not while anything of it is
/// mapped, and what is mapped lies in one range.
struct SimulatedRegistrations {
  private var ranges: [ObjectIdentifier: SimulatedAreas] = [:]  // by process

  /// Whether nothing is registered, so that what is mapped is pinned for itself.
  var isEmpty: Bool { ranges.isEmpty }

  /// How many ranges are registered.
  var count: Int { ranges.values.reduce(0) { $0 + $1.areas.count } }

  /// Registers a range: EEXIST if some of it is.
  mutating func add(
    _ range: AddressRange, of memory: SimulatedMemory, upTo limit: UInt64?
  ) throws(Errno) {
    let process = ObjectIdentifier(memory)
    if ranges[process]?.touches(range) == true { throw .eexist }
    let pinned = try PinnedMemory(
      range.start, range.last - range.start + 1, of: memory, upTo: limit)
    ranges[process, default: SimulatedAreas()].insert(
      SimulatedArea(range: range, source: range.start, isWriteable: true, pinned: pinned))
  }

  /// What was pinned for the range that all of another one lies in: EFAULT if there is none.
  func pinned(_ range: AddressRange, of memory: SimulatedMemory) throws(Errno) -> PinnedMemory {
    guard let areas = ranges[ObjectIdentifier(memory)] else { throw .efault }
    let touched = areas.indices(touching: range).first.map { areas.areas[$0] }
    guard let touched, touched.range.contains(range), let pinned = touched.pinned else {
      throw .efault
    }
    return pinned
  }

  /// Gives a range back: ENOENT if none is exactly this one, EBUSY while it is in use.
  mutating func remove(
    _ range: AddressRange, of memory: SimulatedMemory, unless isInUse: (PinnedMemory) -> Bool
  ) throws(Errno) {
    let process = ObjectIdentifier(memory)
    guard var areas = ranges[process] else { throw .enoent }
    let touched = areas.indices(touching: range)
    guard let index = touched.first, areas.areas[index].range == range else { throw .enoent }
    if let pinned = areas.areas[index].pinned, isInUse(pinned) { throw .ebusy }
    _ = areas.remove(touched)
    ranges[process] = areas.isEmpty ? nil : areas
  }
}
