/// How a description names a device of the host.
public enum DeviceReference: DevicePlace, CustomStringConvertible {
  /// By its address: one function.
  case address(BDF)
  /// By its slot: every function that the host has there, each a device of its own. The address is
  /// that of function 0.
  case slot(BDF)
  /// By its place behind the bridges, which stays when buses are numbered anew.
  case path(PCIPath)
  /// By what it is; among several, the one of a 0-based position in order of addresses.
  indirect case match(DeviceExpectation, index: Int?)

  /// The function at an address.
  public init(at address: BDF) { self = .address(address) }

  /// Reads `dddd:bb:dd.f`, or the same without domain (0000), without function, or without both;
  /// `nil` for anything else.
  public init?(_ text: String) {
    let bytes = text.utf8.count
    let hasFunction = text.dropLast().last == "."
    let isShort = bytes == (hasFunction ? 7 : 5)
    guard bytes >= 5, let address = BDF((isShort ? "0000:" : "") + text + (hasFunction ? "" : ".0"))
    else { return nil }
    self = hasFunction ? .address(address) : .slot(address)
  }

  /// The address, slot or path as it is read; a word for what is selected.
  public var description: String {
    switch self {
    case .address(let address): address.description
    case .slot(let address): String(address.description.dropLast(2))
    case .path(let path): path.description
    case .match: "match"
    }
  }

  /// Itself.
  public var reference: DeviceReference { self }
}
