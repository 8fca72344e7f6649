import Parser
import Planner

/// Guest memory as a file.
final class SimulatedMemoryFile: SimulatedFile {
  /// Its length in bytes.
  let size: UInt64

  /// Makes a file of a length.
  init(size: UInt64) { self.size = size }

  override var label: String { "memory" }
}

/// What a real process has mapped.
protocol SimulatedMappings: AnyObject {
  /// Checks that a range can be pinned: EFAULT if any of it is not mapped, or is a device's, unless
  /// that is taken.
  func pin(_ start: UInt64, _ length: UInt64, takesDevices: Bool) throws(Errno)
  /// Its memory.
  var contents: any SimulatedUserMemory { get }
}

/// The memory of a simulated process, by address: what it has mapped.
final class SimulatedMemory {
  /// The real process that it stands for.
  private let mappings: (any SimulatedMappings)?
  private static let first: UInt64 = 0x7f00_0000_0000
  private static let limit: UInt64 = 1 << 62  // far more than any machine has, and no overflow
  private var ranges: [AddressRange] = []
  private var next = SimulatedMemory.first
  /// How many bytes the process is charged for: `locked_vm`, which a child starts without.
  private(set) var lockedBytes: UInt64 = 0

  /// Makes memory in which nothing is mapped, or that of a real process.
  init(of mappings: (any SimulatedMappings)? = nil) { self.mappings = mappings }

  /// The memory of a child: the same at first.
  func forked() -> SimulatedMemory {
    let child = SimulatedMemory()
    child.ranges = ranges
    child.next = next
    return child
  }

  /// Unmaps everything, as the end of its process does.
  func unmapAll() { ranges = [] }

  /// Refuses what no memory can be: a length that is not a multiple of its pages, or far too long.
  static func check(_ memory: GuestMemory) throws(Errno) {
    let page = memory.hugePageBytes ?? 4096
    guard page >= 4096, page & (page - 1) == 0, page <= limit else { throw .einval }
    guard memory.size > 0, memory.size % page == 0 else { throw .einval }
    guard memory.size < limit else { throw .enomem }
  }

  /// Maps memory that was found possible.
  func map(size: UInt64, hugePageBytes: UInt64?) throws(Errno) -> UInt64 {
    let page = hugePageBytes ?? 4096
    let alignment = max(page, 1 << 21)
    let start = (next + alignment - 1) & ~(alignment - 1)
    guard size < Self.limit - start else { throw .enomem }
    ranges.append(AddressRange(start: start, last: start + size - 1))
    next = start + size
    return start
  }

  /// Unmaps exactly what `map` made.
  func unmap(_ address: UInt64, size: UInt64) throws(Errno) {
    guard size > 0, let index = ranges.lastIndex(where: { $0.start == address }),
      ranges[index].last - address + 1 == size
    else { throw .einval }
    ranges.remove(at: index)
  }

  /// Checks that a range can be pinned: EFAULT if any of it is not mapped.
  ///
  /// Of what is mapped of a device only type1 takes the pages (`follow_fault_pfn`).
  func pin(_ start: UInt64, _ length: UInt64, takesDevices: Bool = false) throws(Errno) {
    if let mappings { return try mappings.pin(start, length, takesDevices: takesDevices) }
    let (last, overflow) = start.addingReportingOverflow(length &- 1)
    let wanted = AddressRange(start: start, last: last)
    guard !overflow, let range = range(endingAtOrAfter: start), range.contains(wanted) else {
      throw .efault
    }
  }

  /// Reads bytes, EFAULT if any is not there; memory that is only simulated is zeros.
  func read(_ address: UInt64, _ length: UInt64) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(length))
    guard let contents = mappings?.contents else {
      try pin(address, length)
      return bytes
    }
    let count = bytes.withUnsafeMutableBytes { contents.read(address, into: $0) }
    if count < bytes.count { throw .efault }
    return bytes
  }

  /// Writes bytes, EFAULT if any can't be.
  func write(_ bytes: [UInt8], to address: UInt64) throws(Errno) {
    guard let contents = mappings?.contents else {
      return try pin(address, UInt64(bytes.count))
    }
    let count = bytes.withUnsafeBytes { contents.write($0, to: address) }
    if count < bytes.count { throw .efault }
  }

  /// Charges the process for bytes: ENOMEM if they are more than the limit, if any, leaves.
  func charge(_ bytes: UInt64, upTo limit: UInt64?) throws(Errno) {
    let (total, overflow) = lockedBytes.addingReportingOverflow(bytes)
    if overflow || total > limit ?? .max { throw .enomem }
    lockedBytes = total
  }

  /// Takes a charge back.
  func discharge(_ bytes: UInt64) { lockedBytes -= bytes }

  private func range(endingAtOrAfter address: UInt64) -> AddressRange? {
    let index = ranges.partitioningIndex { $0.last >= address }
    return index < ranges.count ? ranges[index] : nil
  }
}
