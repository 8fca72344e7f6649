import Planner
import Testing

@testable import Executor

/// A program's memory as requests see it: any byte may be missing, and none is read too early.
struct SimulatedWindowTests {
  /// Bytes from an address on, with nothing around them.
  private final class Memory: SimulatedUserMemory {
    static let start: UInt64 = 0x1000
    var bytes: [UInt8]
    var last: UInt64 = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read(_ address: UInt64, into room: UnsafeMutableRawBufferPointer) -> Int {
      guard address >= Self.start, address < Self.start + UInt64(bytes.count) else { return 0 }
      let piece = bytes[Int(address - Self.start)...].prefix(room.count)
      room.copyBytes(from: piece)
      last = max(last, address + UInt64(piece.count))
      return piece.count
    }

    func write(_ content: UnsafeRawBufferPointer, to address: UInt64) -> Int {
      guard address >= Self.start else { return 0 }
      let first = Int(address - Self.start)
      let count = max(0, min(content.count, bytes.count - first))
      for index in 0..<count { bytes[first + index] = content[index] }
      return count
    }
  }

  private static func window(
    _ bytes: [UInt8], at offset: UInt64 = 0
  ) -> (Memory, SimulatedWindow) {
    let memory = Memory(bytes)
    return (memory, SimulatedWindow(memory, at: Memory.start + offset))
  }

  @Test(arguments: 0...20)
  func asManyBytesAreThereAsCanBeRead(count: Int) {
    let (_, window) = Self.window([UInt8](repeating: 7, count: count))
    for size in 0...24 { #expect(window.holds(size) == (size <= count)) }
  }

  @Test func noMoreIsReadThanIsNear() {
    let (memory, window) = Self.window([UInt8](repeating: 1, count: 1 << 20))
    #expect(window.number(at: 0, width: 4) == 0x0101_0101)
    #expect(memory.last < Memory.start + 4096)
    #expect(window.holds(100_000))
    #expect(memory.last < Memory.start + 110_000)
  }

  @Test func whatIsWrittenComesBackAtTheEndOnly() throws {
    let (memory, window) = Self.window(Array(0..<16))
    window.set(0xffff, at: 4, width: 2)
    #expect(memory.bytes == Array(0..<16))
    try window.flush()
    #expect(memory.bytes == [0, 1, 2, 3, 255, 255] + Array(6..<16))
  }

  @Test func behindTheEndOfAStructureAreZerosAndNothingIsWritten() throws {
    let (memory, window) = Self.window([UInt8](repeating: 9, count: 16))
    window.end = 6
    #expect(window.number(at: 4, width: 4) == 0x0909)
    #expect(window.number(at: 8, width: 8) == 0)
    window.set(0, at: 4, width: 4)
    window.set(0, at: 8, width: 8)
    try window.flush()
    #expect(memory.bytes == [9, 9, 9, 9, 0, 0] + [UInt8](repeating: 9, count: 10))
  }

  @Test func aTextEndsInReadableMemory() throws {
    #expect(try Self.window(Array("card".utf8) + [0]).1.text() == "card")
    #expect(throws: Errno.efault) { try Self.window(Array("card".utf8)).1.text() }
    let long = [UInt8](repeating: 65, count: 5000) + [0]
    #expect(throws: Errno.einval) { try Self.window(long).1.text() }
  }

  @Test func aPointerLeadsOnUnlessItIsNull() {
    let (_, window) = Self.window([8, 16, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0])
    #expect(window.target(at: 0)?.number(at: 0, width: 4) == 42)
    #expect(Self.window([UInt8](repeating: 0, count: 8)).1.target(at: 0) == nil)
  }

  @Test func anAddressAtTheEndOfMemoryWrapsNowhere() {
    let window = SimulatedWindow(Memory([1, 2, 3, 4]), at: .max - 1)
    #expect(!window.holds(4))
    #expect(window.isZero(from: 0, to: 1 << 30))
  }
}
