import Planner

/// Any kernel, some of whose calls fail without being made; by 0-based position among all calls.
///
/// For trying out, on the real one, how a run is undone.
public final class FaultInjectingKernel: Kernel {
  private let kernel: any Kernel
  private let faults: [Int: Errno]
  private var callCount = 0

  /// Stands before a kernel.
  public init(_ kernel: any Kernel, faults: [Int: Errno]) {
    self.kernel = kernel
    self.faults = faults
  }

  /// Opens a device node.
  public func open(_ path: DevicePath) throws(Errno) -> Int32 {
    try begin()
    return try kernel.open(path)
  }

  /// Issues a request.
  public func ioctl(
    _ file: Int32, _ command: UInt32, _ argument: inout IoctlArgument
  ) throws(Errno) -> Int32 {
    try begin()
    return try kernel.ioctl(file, command, &argument)
  }

  /// Closes a file.
  public func close(_ file: Int32) throws(Errno) {
    try begin()
    try kernel.close(file)
  }

  /// Makes guest memory.
  public func makeMemory(_ memory: GuestMemory, isMapped: Bool) throws(Errno) -> OpenMemory {
    try begin()
    return try kernel.makeMemory(memory, isMapped: isMapped)
  }

  /// Releases guest memory.
  public func releaseMemory(_ memory: OpenMemory, size: UInt64) throws(Errno) {
    try begin()
    try kernel.releaseMemory(memory, size: size)
  }

  /// Writes a driver attribute.
  public func write(_ write: SysfsWrite) throws(Errno) {
    try begin()
    try kernel.write(write)
  }

  /// Takes a driver change back.
  public func revert(_ write: SysfsWrite) throws(Errno) {
    try begin()
    try kernel.revert(write)
  }

  private func begin() throws(Errno) {
    defer { callCount += 1 }
    if let errno = faults[callCount] { throw errno }
  }
}
