import Parser

/// What takes the effect of one step back.
///
/// Never stored in a program or a plan file: it follows from the step and its descriptor, so nobody
/// can tamper with it.
public enum UndoAction: Hashable, Sendable {
  /// Nothing to do; the string says why.
  case nothing(String)
  /// Close the file the step opened.
  case close(ResultID)
  /// Issue a request; `arguments` are laid out as in `Action.ioctl`, its results are ignored.
  case ioctl(ResultID, RequestDescriptor, arguments: [Operand])
  /// Unmap guest memory of a length in bytes, if it is mapped, and close its file.
  case releaseMemory(file: ResultID, address: ResultID?, size: UInt64)
  /// Take a driver change back.
  case revert(SysfsWrite)
}
