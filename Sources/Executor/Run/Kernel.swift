import Planner

/// The world a program runs against: the real kernel or the simulator.
///
/// It passes encoded bytes, so that what the simulator decodes is what the real kernel would see.
/// Every method throws the errno of the call; none retries, none keeps what a failed call made.
public protocol Kernel: AnyObject {
  /// Opens a device node for reading and writing, close-on-exec.
  func open(_ path: DevicePath) throws(Errno) -> Int32
  /// Issues a request and returns its non-negative answer.
  func ioctl(_ file: Int32, _ command: UInt32, _ argument: inout IoctlArgument) throws(Errno)
    -> Int32
  /// Closes a file.
  func close(_ file: Int32) throws(Errno)
  /// Makes guest memory and maps it into the process if that is wanted.
  func makeMemory(_ memory: GuestMemory, isMapped: Bool) throws(Errno) -> OpenMemory
  /// Unmaps what `makeMemory` mapped, of a length in bytes, and closes its file.
  func releaseMemory(_ memory: OpenMemory, size: UInt64) throws(Errno)
  /// Writes a driver attribute.
  func write(_ write: SysfsWrite) throws(Errno)
  /// Takes a driver change back: the exact inverse of a write that succeeded.
  func revert(_ write: SysfsWrite) throws(Errno)
}

/// Guest memory that was made.
public struct OpenMemory: Hashable, Sendable {
  /// Its file.
  public var file: Int32
  /// Where it is mapped; `nil` if it is not.
  public var address: UInt64?

  /// Names a file and where it is mapped.
  public init(file: Int32, address: UInt64?) {
    self.file = file
    self.address = address
  }
}

/// The argument of an ioctl, as it crosses into the kernel.
public enum IoctlArgument: Hashable, Sendable {
  /// No argument.
  case none
  /// A number in place of a pointer.
  case value(UInt64)
  /// A pointer to these bytes, which the kernel may change.
  ///
  /// A pointer inside them stands as 8 zero bytes and is listed in `pointers`; the real kernel's
  /// backend writes the address of a copy there, the simulator reads the bytes.
  case bytes([UInt8], pointers: [Pointer])

  /// What a pointer member points to.
  public struct Pointer: Hashable, Sendable {
    /// Offset of the pointer member in the struct.
    public var offset: Int
    /// What it points to.
    public var bytes: [UInt8]

    /// Makes a pointer.
    public init(offset: Int, bytes: [UInt8]) {
      self.offset = offset
      self.bytes = bytes
    }
  }
}
