import Planner

/// The memory of a running program, which may lack any byte.
protocol SimulatedUserMemory: AnyObject {
  /// Reads bytes at an address: how many there are from the first one on.
  func read(_ address: UInt64, into bytes: UnsafeMutableRawBufferPointer) -> Int
  /// Writes bytes at an address: how many could be from the first one on.
  func write(_ bytes: UnsafeRawBufferPointer, to address: UInt64) -> Int
}

/// What a pointer of a running program leads to: read as far as it is looked at, and written when
/// the request is over.
final class SimulatedWindow {
  /// The longest text that a request takes, with its end (`strndup_user`), in bytes.
  private static let longestText = 4096
  /// How much is read at once, in bytes, when a member is asked for and when there are many.
  private static let (firstPiece, piece) = (64, 4096)

  private let memory: any SimulatedUserMemory
  private let address: UInt64
  /// What was read, with what was written over it.
  private(set) var bytes: [UInt8] = []
  /// Whether nothing can be read behind these.
  private var isExhausted = false
  private var written: Range<Int>?
  /// Where what it leads to ends, whatever lies behind; `nil` if nobody has said that.
  var end: Int?
  private var targets: [Int: SimulatedWindow] = [:]

  /// Looks at an address.
  init(_ memory: any SimulatedUserMemory, at address: UInt64) {
    self.memory = memory
    self.address = address
  }

  /// How many bytes were read.
  var count: Int { bytes.count }

  /// Whether so many bytes can be read.
  func holds(_ size: Int) -> Bool {
    while bytes.count < size, !isExhausted { readMore(upTo: size) }
    return bytes.count >= size
  }

  /// A little-endian number of 1 to 8 bytes; bytes that can't be read are zeros.
  func number(at offset: Int, width: Int) -> UInt64 {
    _ = holds(offset + width)
    guard let end, offset + width > end else {
      return bytes.littleEndian(at: offset, width: width)
    }
    return Array(bytes.prefix(end)).littleEndian(at: offset, width: width)
  }

  /// Changes a number; what can't be read is not written.
  func set(_ number: UInt64, at offset: Int, width: Int) {
    _ = holds(offset + width)
    let end = min(offset + width, bytes.count, self.end ?? .max)
    guard offset < end else { return }
    bytes.setLittleEndian(number, at: offset, width: end - offset)
    let old = written ?? offset..<end
    written = min(old.lowerBound, offset)..<max(old.upperBound, end)
  }

  /// Whether all bytes of a range are zeros, as far as they can be read; nothing of it is kept.
  func isZero(from offset: Int, to end: Int) -> Bool {
    var place = offset
    while place < end {
      var room = [UInt8](repeating: 0, count: min(Self.piece, end - place))
      let length = read(at: place, into: &room)
      if room[..<length].contains(where: { $0 != 0 }) { return false }
      if length < room.count { return true }
      place += length
    }
    return true
  }

  /// The text up to a byte of zero: EFAULT if it can't be read so far, EINVAL if it is too long.
  func text() throws(Errno) -> String {
    while true {
      if let end = bytes.firstIndex(of: 0) {
        return String(decoding: bytes[..<end], as: UTF8.self)
      }
      if bytes.count >= Self.longestText { throw .einval }
      if !holds(bytes.count + 1) { throw .efault }
    }
  }

  /// What a pointer among the bytes leads to; `nil` for a null pointer.
  func target(at offset: Int) -> SimulatedWindow? {
    if let known = targets[offset] { return known }
    let place = number(at: offset, width: 8)
    if place == 0 { return nil }
    let window = SimulatedWindow(memory, at: place)
    targets[offset] = window
    return window
  }

  /// Puts what was changed into memory; EFAULT if not all of it can be.
  func flush() throws(Errno) {
    for target in targets.values { try target.flush() }
    guard let written else { return }
    let length = bytes[written].withUnsafeBytes {
      memory.write($0, to: address &+ UInt64(written.lowerBound))
    }
    self.written = nil
    if length < written.count { throw .efault }
  }

  private func readMore(upTo size: Int) {
    let wanted = min(max(size - bytes.count, Self.firstPiece), Self.piece)
    var room = [UInt8](repeating: 0, count: wanted)
    let length = read(at: bytes.count, into: &room)
    bytes += room[..<length]
    isExhausted = length < wanted
  }

  private func read(at offset: Int, into room: inout [UInt8]) -> Int {
    let (place, overflow) = address.addingReportingOverflow(UInt64(offset))
    return overflow ? 0 : room.withUnsafeMutableBytes { memory.read(place, into: $0) }
  }
}
