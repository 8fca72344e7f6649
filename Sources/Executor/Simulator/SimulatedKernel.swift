import Parser
import Planner

/// A kernel made of values: it decodes the bytes of every request and does what Linux does.
///
/// Checks come in the kernel's order with the kernel's errno; nothing is real except the
/// decisions. It runs one process at a time with no limits on memory or files, unless it is given
/// one on locked memory. The 2021 proposal is there as well, although no kernel has it:
/// `/dev/ioasid` opens on every simulated host.
public final class SimulatedKernel: Kernel {
  /// What it does, by its release.
  let facts: SimulatedRelease
  /// Whether every Intel unit is in scalable mode, whatever the host says of it.
  ///
  /// Off by default: then only those make first-stage tables of which the host says so.
  let usesIntelFirstStage: Bool
  /// Calls that fail without doing anything, by 0-based position among all calls so far.
  public var faults: [Int: Errno]
  /// Whether it is built for iommufd's tests, and so has devices and an IOMMU that are not there.
  package var hasMock = false
  /// RLIMIT_MEMLOCK in bytes, which `/dev/ioasid` respects; `nil` as with CAP_IPC_LOCK.
  var lockLimit: UInt64?
  /// How many calls were made.
  public private(set) var callCount = 0

  var host: SimulatedHost
  var files = SimulatedFileTable()
  var memory = SimulatedMemory()
  /// Whether `/dev/ioasid` was opened: then the proposal's device files exist, too.
  var usesProposal = false
  /// Every open file, those without a number included.
  var openFiles = SimulatedOpenFiles()
  /// Files of which one reference each goes when the call is over.
  private var dropped: [SimulatedFile] = []

  /// Boots a host, with its own release unless another one is given.
  ///
  /// A machine that has the 2021 proposal is one without VFIO's later question whether an IOMMU's
  /// requests are coherent.
  public init(
    _ host: HostDescription, release: KernelVersion? = nil, usesIntelFirstStage: Bool = false,
    hasProposal: Bool = false, faults: [Int: Errno] = [:]
  ) {
    facts = SimulatedRelease(of: host.kernel, as: release)
    self.host = SimulatedHost(
      host, by: facts, isScalable: usesIntelFirstStage, takesAll: hasProposal)
    self.usesIntelFirstStage = usesIntelFirstStage
    self.faults = faults
  }

  /// Which Linux it behaves like.
  public var release: KernelVersion { facts.release }

  /// Whether type1 asks each page table whether it can enforce snoop, not the bus (§7.10).
  public var type1EnforcesByTable: Bool { facts.has(.type1EnforcesByTable) }

  /// Opens a device node that exists on this host.
  public func open(_ path: DevicePath) throws(Errno) -> Int32 {
    try begin()
    switch path {
    case .iommu:
      guard host.nodes.hasIOMMUFD else { throw .enoent }
      return install(SimulatedIOMMUFD(facts))
    case .vfioContainer:
      switch host.nodes.container {
      case .vfio:
        return install(
          SimulatedContainer(
            entryLimit: host.kernel.mappingLimit ?? 65535, pageBytes: host.kernel.pageBytes))
      case .iommufd: return install(SimulatedIOMMUFD(facts, isContainer: true))
      case .none: throw .enoent
      }
    case .vfioGroup(let number): return install(try SimulatedGroupFile(number, in: self))
    case .vfioDevice(let address): return install(try SimulatedDeviceFile(address, in: self))
    case .kvm:
      guard host.nodes.hasKVM else { throw .enoent }
      return install(SimulatedKVM())
    case .ioasid:
      usesProposal = true
      return install(SimulatedIOASIDFile())
    }
  }

  /// Decodes a request and answers it; the argument holds the answer afterwards.
  public func ioctl(
    _ file: Int32, _ command: UInt32, _ argument: inout IoctlArgument
  ) throws(Errno) -> Int32 {
    try begin()
    var memory = SimulatedArgument(argument)
    // Until the answer the bytes are the memory's alone, so that writing to them copies nothing.
    if memory.isPointer { argument = .none }
    defer {
      argument = memory.restored(over: argument)
      settle()
    }
    return try files.file(file).ioctl(command, &memory, in: self)
  }

  /// Closes a descriptor number; what it stood for goes with the last reference to it.
  public func close(_ file: Int32) throws(Errno) {
    try begin()
    drop(try files.remove(file))
    settle()
  }

  /// Makes memory; it is all zeros and takes no space.
  public func makeMemory(_ memory: GuestMemory, isMapped: Bool) throws(Errno) -> OpenMemory {
    try begin()
    try SimulatedMemory.check(memory)
    let address =
      isMapped
      ? try self.memory.map(size: memory.size, hugePageBytes: memory.hugePageBytes) : nil
    return OpenMemory(file: install(SimulatedMemoryFile(size: memory.size)), address: address)
  }

  /// Releases memory; what is pinned stays usable by devices.
  public func releaseMemory(_ memory: OpenMemory, size: UInt64) throws(Errno) {
    try begin()
    if let address = memory.address { try self.memory.unmap(address, size: size) }
    drop(try files.remove(memory.file))
  }

  /// Changes a driver as sysfs does.
  public func write(_ write: SysfsWrite) throws(Errno) {
    try begin()
    try host.apply(write)
  }

  /// Takes a driver change back.
  public func revert(_ write: SysfsWrite) throws(Errno) {
    try begin()
    try host.revert(write)
  }

  /// Ends the simulated process: every file is closed, every mapping goes; drivers stay.
  public func exit() {
    for (number, _) in files.open {
      if let file = try? files.remove(number) { drop(file) }
    }
    memory.unmapAll()
    settle()
  }

  /// Goes on as a child of the process, which is returned and waits; not a call of a program.
  package func fork() -> SimulatedProcess {
    let parent = SimulatedProcess(files: files, memory: memory)
    for (_, file) in files.open { file.references += 1 }
    memory = memory.forked()
    return parent
  }

  /// Goes on as another process; not a call of a program.
  ///
  /// The one so far is returned and waits.
  package func resume(_ other: SimulatedProcess) -> SimulatedProcess {
    let process = SimulatedProcess(files: files, memory: memory)
    (files, memory) = (other.files, other.memory)
    return process
  }

  /// Ends the process and goes on as another; not a call of a program.
  package func exit(to other: SimulatedProcess) {
    exit()
    _ = resume(other)
  }

  /// Gives a file a descriptor number.
  func install(_ file: SimulatedFile) -> Int32 {
    openFiles.add(file)
    return files.add(file)
  }

  /// Gives one reference back.
  func drop(_ file: SimulatedFile) {
    file.references -= 1
    guard file.references == 0 else { return }
    openFiles.remove(file)
    file.release(in: self)
  }

  /// Gives one reference back when the call is over, as the kernel does (`fput`).
  func dropLater(_ file: SimulatedFile) { dropped.append(file) }

  /// Answers a request that a real process makes on a file; what is written lies in its memory.
  func answer(
    _ file: SimulatedFile, _ command: UInt32, _ argument: inout SimulatedArgument
  ) throws(Errno) -> Int32 {
    defer { settle() }
    let value = Result { () throws(Errno) in try file.ioctl(command, &argument, in: self) }
    let written = Result { () throws(Errno) in try argument.flush() }
    let answer = try value.get()
    try written.get()
    return answer
  }

  /// Gives the reference back that a real process had, with its last number for a file.
  func dropLast(_ file: SimulatedFile) {
    drop(file)
    settle()
  }

  private func settle() {
    while let file = dropped.popLast() { drop(file) }
  }

  /// Opens `/dev/null`; not a call of a program.
  package func openNull() -> Int32 { install(SimulatedOtherFile()) }

  /// Duplicates a descriptor, as `dup` does; not a call of a program.
  package func duplicate(_ number: Int32) throws(Errno) -> Int32 {
    let file = try files.file(number)
    file.references += 1
    return files.add(file)
  }

  private func begin() throws(Errno) {
    defer { callCount += 1 }
    if let errno = faults[callCount] { throw errno }
  }
}

/// A process that waits until it is resumed.
package struct SimulatedProcess {
  fileprivate let files: SimulatedFileTable
  fileprivate let memory: SimulatedMemory
}

/// Every open file, whether a number of the process still stands for it or only another file.
struct SimulatedOpenFiles {
  private var files: [SimulatedFile?] = []

  /// The open files, in the order they were opened.
  var all: [SimulatedFile] { files.compactMap { $0 } }

  /// Adds a file when it is opened.
  mutating func add(_ file: SimulatedFile) {
    file.position = files.count
    files.append(file)
  }

  /// Removes a file when its last reference is gone.
  mutating func remove(_ file: SimulatedFile) {
    files[file.position] = nil
    while let last = files.last, last == nil { files.removeLast() }
  }
}
