/// Where a VM's device is on the host, as people write it.
public enum DevicePlace: Hashable, Sendable {
  /// One function.
  case function(BDF)
  /// All functions of a slot; the address is that of function 0.
  case slot(BDF)

  /// The address, of function 0 for a slot.
  public var address: BDF {
    switch self {
    case .function(let address), .slot(let address): address
    }
  }

  /// The address if it is a slot.
  public var slot: BDF? { if case .slot(let address) = self { address } else { nil } }

  /// Reads `dddd:bb:dd.f`, or the same without domain (0000), without function, or without both;
  /// `nil` for anything else.
  public init?(_ text: String) {
    let bytes = text.utf8.count
    let hasFunction = text.dropLast().last == "."
    let isShort = bytes == (hasFunction ? 7 : 5)
    guard bytes >= 5, let address = BDF((isShort ? "0000:" : "") + text + (hasFunction ? "" : ".0"))
    else { return nil }
    self = hasFunction ? .function(address) : .slot(address)
  }
}
