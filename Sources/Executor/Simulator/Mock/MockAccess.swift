import Planner

/// Somebody in the kernel who reads, writes or pins what an address space maps (`struct
/// iommufd_access`).
final class SimulatedAccess {
  /// Whether it pins whole pages.
  let pinsPages: Bool
  /// The address space.
  private(set) var ioas: SimulatedIOAS?
  private var items: [(id: UInt32, range: AddressRange)] = []
  private var next: UInt32 = 0

  /// Makes one of no address space yet.
  init(pinsPages: Bool) { self.pinsPages = pinsPages }

  /// The alignment it wants of mappings.
  var alignment: UInt64 { pinsPages ? 4096 : 1 }

  /// Takes another address space; what is pinned of the former one is let go.
  func move(to new: SimulatedIOAS?) throws(Errno) {
    if new === ioas { return }
    try new?.add(self)
    ioas?.remove(self)
    items = []
    ioas = new
  }

  /// Pins a range; the number of what is pinned (`iommufd_access_pin_pages`).
  func pin(_ iova: UInt64, _ length: UInt64, writes: Bool) throws(Errno) -> UInt32 {
    let range = try self.range(iova, length)
    for piece in try pieces(of: range, writes: writes, wholePages: true) {
      try piece.pages?.pin(piece.source, piece.length)
    }
    items.append((next, range))
    next += 1
    return next - 1
  }

  /// Lets go of what was pinned under a number.
  func unpin(_ id: UInt32) throws(Errno) {
    guard let index = items.firstIndex(where: { $0.id == id }) else { throw .enoent }
    items.remove(at: index)
  }

  /// Lets go of all that touches a range, which is about to be unmapped.
  func letGo(of range: AddressRange) { items.removeAll { $0.range.overlaps(range) } }

  /// Whether a page of some memory is pinned by it.
  func pins(_ page: UInt64, of memory: SimulatedMemory) -> [ObjectIdentifier] {
    guard let ioas else { return [] }
    return items.flatMap { item in
      ioas.areas.indices(touching: item.range).compactMap { index in
        let area = ioas.areas.areas[index]
        guard let pages = area.pages, pages.isOf(memory) else { return nil }
        let first = max(area.range.start, item.range.start) - area.range.start &+ area.source
        let last = min(area.range.last, item.range.last) - area.range.start &+ area.source
        return first / 4096 <= page && page <= last / 4096 ? ObjectIdentifier(pages) : nil
      }
    }
  }

  /// The pieces of a range that is to be read or written: the checks of each, then whether it is
  /// mapped as a whole.
  func pieces(
    of range: AddressRange, writes: Bool, wholePages: Bool
  ) throws(Errno) -> [SimulatedArea] {
    guard let ioas else { throw .enoent }
    var next = range.start
    var pieces: [SimulatedArea] = []
    for index in ioas.areas.indices(touching: range) {
      var piece = ioas.areas.areas[index]
      if piece.range.start > next { break }
      piece.source = piece.source &+ (next - piece.range.start)
      piece.range = AddressRange(start: next, last: min(piece.range.last, range.last))
      if wholePages, piece.source % 4096 != 0 { throw .einval }
      if writes, !piece.isWriteable { throw .eperm }
      pieces.append(piece)
      if piece.range.last == range.last { return pieces }
      next = piece.range.last + 1
    }
    throw .enoent
  }

  /// A range of so many bytes: none is EINVAL, too many EOVERFLOW.
  func range(_ iova: UInt64, _ length: UInt64) throws(Errno) -> AddressRange {
    if length == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(length - 1)
    if wraps { throw .eoverflow }
    return AddressRange(start: iova, last: last)
  }
}

/// The file by which the tests use one.
final class SimulatedAccessFile: SimulatedFile {
  /// What it uses.
  let access: SimulatedAccess
  private let context: SimulatedIOMMUFD
  private let object: UInt32

  /// Opens one, which keeps its iommufd open.
  init(_ access: SimulatedAccess, _ id: UInt32, of context: SimulatedIOMMUFD) {
    self.access = access
    self.context = context
    object = id
    super.init()
    context.references += 1
  }

  override var label: String { "access" }

  override func release(in kernel: SimulatedKernel) {
    try? access.move(to: nil)
    context.remove(object)
    kernel.drop(context)
  }
}
