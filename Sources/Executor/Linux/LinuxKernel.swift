import Glibc
import Parser
import Planner

/// The kernel this program runs on.
///
/// It opens and writes a closed set of things, whatever a plan says: the device nodes of
/// `DevicePath` and the driver attributes of PCI devices. Nothing is retried except an `open` that
/// a signal interrupted; what a failed call made is given back before the error is thrown.
public final class LinuxKernel: Kernel {
  /// What `driver_override` held before this kernel changed it, for the devices it changed.
  private var formerOverrides: [BDF: [UInt8]] = [:]
  /// An open `/dev/iommu` from elsewhere that no step has asked for yet.
  private var received: Int32?

  /// How many seconds a write to a driver's attribute may take.
  private let patience: Int
  /// The journal's file, whose lock lasts as long as an unbind that has not come back: what it will
  /// do yet is nothing that `restore` may overlook.
  public var journal: Int32?
  /// The devices of which such a write has not come back, in order.
  public private(set) var stuck: [BDF] = []

  /// Makes a backend that has touched nothing yet; writes to drivers may take so many seconds.
  public init(patience: Int = 10) { self.patience = patience }

  deinit { if let received { try? SystemCalls.close(received) } }

  /// Makes the next `open` of `/dev/iommu` yield a file that is open already.
  ///
  /// What opens it so closes it; if nothing does, it goes with this kernel.
  public func adopt(iommufd file: Int32) { received = file }

  /// Whether an open file is one of `/dev/iommu`, by the number of the node or, without a node, by
  /// what sysfs says.
  public static func isIOMMUFD(_ file: Int32) -> Bool {
    let node = SystemCalls.characterDevice(at: "/dev/iommu")
    let expected = node ?? (try? SystemCalls.read("/sys/class/misc/iommu/dev"))
    return expected != nil && SystemCalls.characterDevice(file) == expected
  }

  /// Opens a device node for reading and writing, close-on-exec.
  ///
  /// `ENODEV` if a cdev's number went to another device between the look-up and the open.
  public func open(_ path: DevicePath) throws(Errno) -> Int32 {
    switch path {
    case .iommu:
      if let file = received.take() { file } else { try SystemCalls.open(path.node, O_RDWR) }
    case .vfioDevice(let address): try openDevice(address)
    case _ where path.isProposalOnly: throw .enoent
    default: try SystemCalls.open(path.node, O_RDWR)
    }
  }

  /// Opens the cdev of a device (`Documentation/driver-api/vfio.rst`, 6.6): its number is found in
  /// `vfio-dev` now, and the opened node must have the device number that sysfs says.
  private func openDevice(_ address: BDF) throws(Errno) -> Int32 {
    guard let name = DriverLinks.cdev(of: address) else { throw .enoent }
    let file = try SystemCalls.open("/dev/vfio/devices/" + name, O_RDWR)
    let number = "\(DriverLinks.device(address))/vfio-dev/\(name)/dev"
    if let expected = try? SystemCalls.read(number),
      let actual = try? SystemCalls.deviceNumber(of: file), actual == expected
    {
      return file
    }
    try SystemCalls.close(file)
    throw .enodev
  }

  /// Closes a file.
  public func close(_ file: Int32) throws(Errno) {
    try SystemCalls.close(file)
  }

  /// Issues a request and returns its non-negative answer.
  public func ioctl(_ file: Int32, _ command: UInt32, _ argument: inout IoctlArgument)
    throws(Errno) -> Int32
  {
    switch argument {
    case .none: return try SystemCalls.ioctl(file, command, 0)
    case .value(let value): return try SystemCalls.ioctl(file, command, UInt(value))
    case .bytes(let bytes, let pointers):
      // Real memory for the struct and for all it points to, which lives until the call is over.
      let arena = IoctlArena(bytes, pointers)
      let answer = try SystemCalls.ioctl(file, command, arena.address)
      argument = arena.contents()
      return answer
    }
  }

  /// Makes guest memory and maps it if that is wanted.
  public func makeMemory(_ memory: GuestMemory, isMapped: Bool) throws(Errno) -> OpenMemory {
    let file = try SystemCalls.makeMemoryFile(memory)
    guard isMapped else { return OpenMemory(file: file, address: nil) }
    do throws(Errno) {
      return OpenMemory(file: file, address: try SystemCalls.map(file, size: memory.size))
    } catch {
      try SystemCalls.close(file)
      throw error
    }
  }

  /// Unmaps guest memory and closes its file; what is pinned stays usable by devices.
  public func releaseMemory(_ memory: OpenMemory, size: UInt64) throws(Errno) {
    if let address = memory.address { try SystemCalls.unmap(address, size: size) }
    try SystemCalls.close(memory.file)
  }

  /// Writes a driver attribute, and sees to it that the write had its effect.
  ///
  /// `ETIMEDOUT` if it does not come back in time, and at once for later writes to such a device.
  public func write(_ write: SysfsWrite) throws(Errno) {
    try noting(write.address) { () throws(Errno) in try make(write) }
  }

  private func make(_ write: SysfsWrite) throws(Errno) {
    switch write {
    case .unbind(let address, let driver):
      try DriverLinks.unbind(address, from: driver, within: patience, keeping: journal)
    case .driverOverride(let address, let driver):
      guard SysfsWrite.isDriverName(driver) else { throw .einval }
      let former = try DriverLinks.override(of: address)
      try DriverLinks.setOverride(of: address, to: Array(driver.utf8), within: patience)
      if formerOverrides[address] == nil { formerOverrides[address] = former }
    case .probe(let address, let driver):
      try DriverLinks.probe(address, expecting: driver, within: patience)
    }
  }

  /// Takes a driver change back: the exact inverse of a write that succeeded.
  public func revert(_ write: SysfsWrite) throws(Errno) {
    try noting(write.address) { () throws(Errno) in try takeBack(write) }
  }

  private func takeBack(_ write: SysfsWrite) throws(Errno) {
    switch write {
    case .unbind(let address, let driver):
      try DriverLinks.bind(address, to: driver, within: patience)
    case .driverOverride(let address, _):
      try DriverLinks.setOverride(
        of: address, to: formerOverrides[address] ?? [], within: patience)
      formerOverrides[address] = nil
    case .probe(let address, let driver):
      try DriverLinks.unbind(address, from: driver, within: patience, keeping: journal)
    }
  }

  /// Takes note of a device whose write did not come back: the kernel would let no other one to it.
  private func noting(_ address: BDF, _ call: () throws(Errno) -> Void) throws(Errno) {
    if stuck.contains(address) { throw .etimedout }
    do throws(Errno) { try call() } catch {
      if error == .etimedout { stuck.append(address) }
      throw error
    }
  }
}

/// Memory outside Swift's own for one ioctl: the struct, and what its pointer members point to.
private struct IoctlArena: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private let size: Int
  private let pointers: [IoctlArgument.Pointer]

  /// Copies the bytes and writes each pointee's address into its member.
  init(_ bytes: [UInt8], _ pointers: [IoctlArgument.Pointer]) {
    size = bytes.count
    self.pointers = pointers
    let end = pointers.reduce(Self.aligned(bytes.count)) { $0 + Self.aligned($1.bytes.count) }
    memory = .allocate(byteCount: max(end, 8), alignment: 8)
    memory.copyBytes(from: bytes)
    var offset = Self.aligned(bytes.count)
    for pointer in pointers {
      UnsafeMutableRawBufferPointer(rebasing: memory[offset...]).copyBytes(from: pointer.bytes)
      let target = address + UInt(offset)
      withUnsafeBytes(of: UInt64(target)) { value in
        UnsafeMutableRawBufferPointer(rebasing: memory[pointer.offset..<pointer.offset + 8])
          .copyMemory(from: value)
      }
      offset += Self.aligned(pointer.bytes.count)
    }
  }

  deinit { memory.deallocate() }

  /// Where the struct is.
  var address: UInt { UInt(bitPattern: memory.baseAddress) }

  /// What the kernel left there, with pointer members as zeros again.
  func contents() -> IoctlArgument {
    var bytes = [UInt8](memory[..<size])
    var answers = pointers
    var offset = Self.aligned(size)
    for index in answers.indices {
      let pointer = answers[index]
      bytes.replaceSubrange(pointer.offset..<pointer.offset + 8, with: repeatElement(0, count: 8))
      answers[index].bytes = [UInt8](memory[offset..<offset + pointer.bytes.count])
      offset += Self.aligned(pointer.bytes.count)
    }
    return .bytes(bytes, pointers: answers)
  }

  private static func aligned(_ count: Int) -> Int { (count + 7) & ~7 }
}
