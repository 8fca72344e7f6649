import Parser

/// A node through which programs reach a device.
struct DeviceNode: Hashable {
  /// Where it is if nobody has moved it.
  let path: String
  /// Its number; `nil` if sysfs does not say.
  let number: DeviceNumber?
}

/// The number of a device node; block and character devices are numbered apart.
struct DeviceNumber: Hashable, Sendable {
  /// Whether it is a block device's.
  let isBlock: Bool
  /// `major:minor`, as sysfs writes it.
  let text: String
}

/// What an attempt to be the only user of a block device came to.
enum BlockClaim: Hashable, Sendable {
  /// The kernel would let us have it.
  case free
  /// Something in the kernel has it: a mount in any namespace, swap, a volume, an array, a pool.
  case claimed
  /// The attempt could not be made.
  case unknown(TreeError)
}

/// What must be asked of nodes themselves, since no file says it.
protocol NodeInspection: Sendable {
  /// Whether a block device has a user in the kernel.
  func claim(of node: DeviceNode) -> BlockClaim
  /// The number of what a path leads to; `nil` if that is not a device, or not there.
  func number(at path: String) throws(TreeError) -> DeviceNumber?
  /// The routes of every table; `nil` if only files can say.
  func routes() -> Routes?
}
