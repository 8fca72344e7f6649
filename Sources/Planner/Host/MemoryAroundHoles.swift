import Parser

/// Lays memory out anew so that it leaves reserved regions out, as lines for a description.
///
/// No memory is lost: what lies in a region, and what follows it up to its size, goes behind the
/// region, to the next multiple of a GiB, as PC firmware does above 4 GiB.
public struct MemoryAroundHoles {
  /// A piece of an address space; addresses in bytes.
  private struct Piece {
    var start: UInt64
    var size: UInt64
    /// Its size, and that of each part, is a multiple of this, in bytes.
    var grain: UInt64
    /// What it was before, by its position, and how far into it this begins, in bytes.
    var origin: Int
    var offset: UInt64 = 0
  }

  /// Nobody pastes more lines than these.
  private static let maximumLines = 8
  private static let gibibyte: UInt64 = 1 << 30
  private let holes: [ClosedRange<UInt64>]
  /// The width of addresses.
  private let bits: Int
  private let pageBytes: UInt64

  /// Takes the regions that nothing may lie in, in any order, how wide addresses are, and what
  /// everything is a multiple of, in bytes.
  public init(_ holes: [ClosedRange<UInt64>], bits: Int = 64, pageBytes: UInt64 = 4096) {
    self.holes = holes.sorted { $0.lowerBound < $1.lowerBound }
    self.bits = bits
    self.pageBytes = pageBytes
  }

  /// The entries of `memory` of an address space (0 is `gpa`), in flow form; `nil` if there is no
  /// such layout of few lines within the width.
  public func lines(for vm: DescribedVM<some DevicePlace>, space: Int) -> String? {
    guard let pieces = layout(of: vm, space), excess(of: pieces) == 0 else { return nil }
    return space == 0
      ? memory(of: vm, pieces) : windows(of: vm.addressSpaces[space - 1], pieces)
  }

  /// What goes behind the advice to leave a hole: the lines, or that memory has to shrink.
  func advice(for vm: DescribedVM<some DevicePlace>, space: Int) -> String {
    if let lines = lines(for: vm, space: space) { return ", with these lines: \(lines)" }
    let excess = layout(of: vm, space).map(excess(of:)) ?? 0
    if excess == 0 { return "" }
    return "; there is no place then for \(Self.text(excess)) of the memory below "
      + "\(Self.text(1 << UInt64(bits))), so make it smaller"
  }

  /// How many bytes lie beyond the width.
  private func excess(of pieces: [Piece]) -> UInt64 {
    guard bits < 64 else { return 0 }
    let limit = UInt64(1) << UInt64(max(0, bits))
    return pieces.reduce(0) { sum, piece in
      let fits = piece.start < limit ? min(piece.size, limit - piece.start) : 0
      return sum &+ (piece.size - fits)
    }
  }

  private func layout(of vm: DescribedVM<some DevicePlace>, _ space: Int) -> [Piece]? {
    space == 0
      ? laidOut(
        vm.memory.enumerated().map { index, region in
          Piece(
            start: region.gpa, size: region.size,
            grain: max(pageBytes, region.hugePageBytes ?? 4096), origin: index)
        })
      : laidOut(
        vm.addressSpaces[space - 1].windows.enumerated().map { index, window in
          Piece(start: window.iova, size: window.size, grain: max(pageBytes, 4096), origin: index)
        })
  }

  private func memory(of vm: DescribedVM<some DevicePlace>, _ pieces: [Piece]) -> String {
    Self.list(
      pieces.map { piece in
        VMKeys.region.members(
          vm.memory[piece.origin],
          saying: ["gpa": piece.start, "size": piece.size].mapValues(Self.text))
      })
  }

  private func windows(of space: AddressSpace, _ pieces: [Piece]) -> String {
    Self.list(
      pieces.map { piece in
        let window = space.windows[piece.origin]
        let (gpa, size) = (window.gpa &+ piece.offset, piece.size)
        return VMKeys.window.members(
          window,
          saying: ["iova": piece.start, "gpa": gpa, "size": size].mapValues(Self.text))
      })
  }

  private static func list(_ entries: [String]) -> String {
    "memory: [ " + entries.map { "{ \($0) }" }.joined(separator: ", ") + " ]"
  }

  /// A size or address as people write it in a description.
  private static func text(_ bytes: UInt64) -> String {
    bytes > 0 && bytes % (1 << 20) == 0 ? ByteSize.written(bytes) : hexText(bytes)
  }

  private func laidOut(_ pieces: [Piece]) -> [Piece]? {
    var placed: [Piece] = []
    var next: UInt64 = 0
    for piece in pieces.sorted(by: { ($0.start, $0.origin) < ($1.start, $1.origin) }) {
      guard let cut = cut(piece, from: max(piece.start, next)) else { return nil }
      placed += cut
      guard placed.count <= Self.maximumLines, let last = placed.last else { return nil }
      next = last.start &+ last.size
    }
    return placed
  }

  /// A piece around the regions, none of it before an address.
  private func cut(_ piece: Piece, from address: UInt64) -> [Piece]? {
    var parts: [Piece] = []
    var (start, offset) = (address, UInt64(0))
    while offset < piece.size {
      let left = piece.size - offset
      let (end, isTooLarge) = start.addingReportingOverflow(left - 1)
      guard !isTooLarge, parts.count < Self.maximumLines else { return nil }
      guard let hole = holes.first(where: { $0.upperBound >= start && $0.lowerBound <= end }) else {
        parts.append(part(of: piece, start, left, offset))
        break
      }
      let size = Self.size(from: start, before: hole.lowerBound, grain: piece.grain)
      if size > 0 { parts.append(part(of: piece, start, size, offset)) }
      offset += size
      guard let behind = Self.rounded(up: hole.upperBound) else { return nil }
      start = behind
    }
    return parts
  }

  private func part(of piece: Piece, _ start: UInt64, _ size: UInt64, _ offset: UInt64) -> Piece {
    Piece(start: start, size: size, grain: piece.grain, origin: piece.origin, offset: offset)
  }

  /// How much fits before a region: up to a multiple of a GiB if there is one on the way.
  private static func size(from start: UInt64, before end: UInt64, grain: UInt64) -> UInt64 {
    for top in [end / gibibyte * gibibyte, end] where top > start {
      let size = (top - start) / grain * grain
      if size > 0 { return size }
    }
    return 0
  }

  /// The first multiple of a GiB behind an address; `nil` if there is none of 64 bits.
  private static func rounded(up address: UInt64) -> UInt64? {
    let (sum, isTooLarge) = address.addingReportingOverflow(gibibyte)
    return isTooLarge ? nil : sum / gibibyte * gibibyte
  }
}
