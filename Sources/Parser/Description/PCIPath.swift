/// The way to a PCI device from its root bus: `0000:00:1c.0/00.0`.
///
/// The first part is the address of the device or bridge on the root bus, each further one the
/// device and function behind the bridge before it.
public struct PCIPath: Hashable, Sendable, CustomStringConvertible {
  /// In lower case, with all digits.
  public let description: String

  /// Reads a path; `nil` if the text is none.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let first = parts.first, let root = BDF(String(first)), parts.count <= 64 else {
      return nil
    }
    var path = root.description
    for part in parts.dropFirst() {
      // A device and function is an address without what stands before it.
      guard let address = BDF("0000:00:" + part) else { return nil }
      path += "/" + Self.slot(address)
    }
    description = path
  }

  /// The path of a device on a root bus.
  public init(root address: BDF) { description = address.description }

  private init(text: String) { description = text }

  /// The path of a device behind the bridge that has this one.
  public func appending(_ address: BDF) -> PCIPath {
    PCIPath(text: "\(description)/\(Self.slot(address))")
  }

  private static func slot(_ address: BDF) -> String {
    String(address.description.suffix(4))
  }
}
