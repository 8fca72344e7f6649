import ArgumentParser
import Executor
import Parser
import Planner

extension EmulatedFault {
  /// Reads what was typed, or says what is expected.
  static func reading(_ argument: String) throws(ValidationError) -> EmulatedFault {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    let words = parts[0].split(separator: "#", omittingEmptySubsequences: false)
    guard parts.count == 2, words.count <= 2, !words[0].isEmpty,
      let errno = Errno(name: parts[1].uppercased()),
      words.count == 1 || Int(words[1]).map({ $0 > 0 }) == true
    else {
      throw ValidationError(
        "it is a request, its number if not all are meant, and an errno's name, such as "
          + "IOMMU_IOAS_MAP#2=ENOMEM")
    }
    return EmulatedFault(
      request: String(words[0]), position: words.count == 2 ? Int(words[1]) : nil, errno: errno)
  }
}

extension EmulatedDMA {
  /// The most bytes that one device moves at once.
  private static let mostBytes = 65536

  /// Reads what was typed, or says what is expected.
  static func reading(_ argument: String) throws(ValidationError) -> EmulatedDMA {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 3, let device = BDF(parts[0]), let address = Hex.orDecimal(parts[1]),
      let deed = deed(parts[2])
    else {
      throw ValidationError(
        "it is a device, an address and what the device does, such as 0000:01:00.0,0x1000,read=16 "
          + "or 0000:01:00.0,0x1000,write=c0ffee, of 1 to \(mostBytes) bytes")
    }
    return EmulatedDMA(device: device, address: address, deed: deed)
  }

  private static func deed(_ text: Substring) -> Deed? {
    let words = text.split(separator: "=", omittingEmptySubsequences: false)
    guard words.count == 2 else { return nil }
    switch words[0] {
    case "read":
      return Int(words[1]).flatMap { (1...mostBytes).contains($0) ? .read($0) : nil }
    case "write":
      let bytes = Hex.bytes(words[1].utf8)
      return bytes.flatMap { (1...mostBytes).contains($0.count) ? .write($0) : nil }
    default: return nil
    }
  }

}
