import Executor
import Foundation
import Parser
import Planner
import Testing

struct LinuxKernelTests {
  let kernel = LinuxKernel()

  @Test func theProposalsFileIsInNoKernel() {
    #expect(throws: Errno.enoent) { try kernel.open(.ioasid) }
  }

  @Test func aDeviceWithoutACdevCannotBeOpened() throws {
    let address = try #require(BDF("ffff:ff:1f.7"))
    #expect(throws: Errno.enoent) { try kernel.open(.vfioDevice(address)) }
  }

  @Test func driversOfADeviceThatIsNotThereAreNotChanged() throws {
    let address = try #require(BDF("ffff:ff:1f.7"))
    #expect(throws: Errno.enodev) { try kernel.write(.unbind(address, from: "nvme")) }
    #expect(throws: Errno.self) { try kernel.write(.driverOverride(address, "vfio-pci")) }
    #expect(throws: Errno.self) { try kernel.write(.probe(address, by: "vfio-pci")) }
  }

  @Test(arguments: ["..", "a/b", "", "a b", "../../x"])
  func aDriversNameIsNeverAPath(name: String) throws {
    let address = try #require(BDF("ffff:ff:1f.7"))
    #expect(throws: Errno.einval) { try kernel.revert(.unbind(address, from: name)) }
  }

  @Test func memoryIsZeroedSharedAndGivenBack() throws {
    let size: UInt64 = 1 << 20
    let memory = try kernel.makeMemory(GuestMemory(size: size), isMapped: true)
    let address = try #require(memory.address)
    let bytes = try #require(UnsafeMutableRawPointer(bitPattern: UInt(address)))
    #expect(bytes.load(fromByteOffset: Int(size) - 1, as: UInt8.self) == 0)
    bytes.storeBytes(of: 7, as: UInt8.self)
    #expect(msync(bytes, Int(size), Int32(MS_ASYNC)) == 0)
    let inode = Self.inode(of: memory.file)
    try kernel.releaseMemory(memory, size: size)
    #expect(inode != nil && Self.inode(of: memory.file) != inode)
    #expect(msync(bytes, Int(size), Int32(MS_ASYNC)) == -1)
    #expect(errno == ENOMEM)
  }

  /// What a number stands for; another test may have it at once when it is free.
  private static func inode(of file: Int32) -> UInt? {
    var status = stat()
    return fstat(file, &status) == 0 ? UInt(status.st_ino) : nil
  }

  @Test func memoryOfNoLengthOrTooMuchIsRefused() {
    for isMapped in [true, false] {
      #expect(throws: Errno.einval) {
        try kernel.makeMemory(GuestMemory(size: 0), isMapped: isMapped)
      }
      #expect(throws: Errno.self) {
        try kernel.makeMemory(GuestMemory(size: .max), isMapped: isMapped)
      }
    }
    #expect(throws: Errno.self) {
      try kernel.makeMemory(GuestMemory(size: 1 << 62), isMapped: true)
    }
    #expect(throws: Errno.einval) {
      try kernel.releaseMemory(OpenMemory(file: -1, address: 0), size: 4096)
    }
    #expect(throws: Errno.ebadf) {
      try kernel.releaseMemory(OpenMemory(file: -1, address: nil), size: 4096)
    }
  }

  @Test func eagerMemoryTakesItsPagesAtOnceAndLazyMemoryNone() throws {
    let size: UInt64 = 1 << 20
    for (population, blocks) in [(MemoryRegion.Population.lazy, 0), (.eager, 2048)] {
      let memory = try kernel.makeMemory(
        GuestMemory(size: size, population: population), isMapped: false)
      var status = stat()
      #expect(fstat(memory.file, &status) == 0)
      #expect(status.st_size == Int(size))
      #expect(Int(status.st_blocks) == blocks)
      try kernel.releaseMemory(memory, size: size)
    }
  }

  /// `SIOCGIFCONF` takes a struct with a length, a hole and a pointer to a buffer it fills: what
  /// VFIO's requests with pointers look like, on a file every machine has.
  @Test func pointersInAStructReachRealMemoryAndBack() throws {
    let file = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    try #require(file >= 0)
    let room = 40 * 64
    var argument = IoctlArgument.bytes(
      [0, 10, 0, 0] + [UInt8](repeating: 0, count: 12),
      pointers: [.init(offset: 8, bytes: [UInt8](repeating: 0, count: room))])
    #expect(try kernel.ioctl(file, 0x8912, &argument) == 0)
    guard case .bytes(let bytes, let pointers) = argument else {
      Issue.record("the argument changed its shape")
      return
    }
    let length = Int(bytes[0]) | Int(bytes[1]) << 8
    #expect(length % 40 == 0)
    #expect(bytes[8...].allSatisfy { $0 == 0 })
    #expect(pointers[0].bytes.count == room)
    if length > 0 { #expect(pointers[0].bytes.prefix(2) != [0, 0]) }
    try kernel.close(file)
  }

  @Test func whatIsNotOpenCannotBeClosed() {
    // A number that was closed a moment ago may be another test's.
    #expect(throws: Errno.ebadf) { try kernel.close(.max) }
  }

  @Test func aRequestThatAFileDoesNotKnowIsENOTTY() throws {
    let file = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(file) }
    var argument = IoctlArgument.value(0)
    #expect(throws: Errno.enotty) { try kernel.ioctl(file, 0x3b81, &argument) }
    argument = .none
    #expect(throws: Errno.enotty) { try kernel.ioctl(file, 0x3b64, &argument) }
    argument = .bytes([8, 0, 0, 0, 0, 0, 0, 0], pointers: [])
    #expect(throws: Errno.enotty) { try kernel.ioctl(file, 0x3b80, &argument) }
  }
}
