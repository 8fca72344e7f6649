import Glibc
import Parser
import Planner

/// The nodes of the machine that the process runs on.
struct MachineNodes: NodeInspection {
  /// Opens a node for us alone and closes it again: `EBUSY` if somebody else has claimed it so
  /// (`bd_prepare_to_claim`, block/bdev.c, 5.15).
  ///
  /// A program that merely has it open does not count. Without waiting for a medium.
  func claim(of node: DeviceNode) -> BlockClaim {
    guard let number = node.number else { return .unknown(TreeError("its number is not known")) }
    let another = BlockClaim.unknown(TreeError("it is not block device \(number.text)"))
    do throws(Errno) {
      // Anything else is not opened: that alone could do something.
      guard try existingNumber(at: node.path) == number else { return another }
      let file = try SystemCalls.open(node.path, O_RDONLY | O_EXCL | O_NONBLOCK)
      let opened = try? SystemCalls.deviceNumber(of: file)
      try SystemCalls.close(file)
      return opened == number.text ? .free : another
    } catch {
      return error == .ebusy ? .claimed : .unknown(Self.reason(error))
    }
  }

  func number(at path: String) throws(TreeError) -> DeviceNumber? {
    do throws(Errno) { return try existingNumber(at: path) } catch {
      if error == .enoent { return nil }
      throw Self.reason(error)
    }
  }

  func routes() -> Routes? { RouteQuery.run() }

  private func existingNumber(at path: String) throws(Errno) -> DeviceNumber? {
    try SystemCalls.device(at: path).map { kind, number in
      DeviceNumber(isBlock: kind == S_IFBLK, text: number)
    }
  }

  private static func reason(_ error: Errno) -> TreeError {
    TreeError(error.description, isDenied: error.isDenial)
  }
}
