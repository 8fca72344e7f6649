import Planner

/// Memory that a process has pinned and is charged for, until nobody holds this any more.
///
/// That is by process, as type1 does it and iommufd where it is told so (§4.6). Of the interfaces
/// only `/dev/ioasid` keeps such an account here.
final class PinnedMemory {
  /// The memory of the process that pinned it.
  let memory: SimulatedMemory
  private let bytes: UInt64

  /// Pins a range of a process: EFAULT if any of it is not mapped, ENOMEM over the limit in bytes.
  init(
    _ start: UInt64, _ length: UInt64, of memory: SimulatedMemory, upTo limit: UInt64?
  ) throws(Errno) {
    try memory.pin(start, length)
    try memory.charge(length, upTo: limit)
    self.memory = memory
    bytes = length
  }

  deinit { memory.discharge(bytes) }
}
