/// Takes gzip apart (RFC 1952).
enum Gzip {
  /// Whether bytes begin as gzip does.
  static func recognizes(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// What was compressed, all members in turn; more than a limit in bytes is thrown.
  static func expanded(_ bytes: [UInt8], atMost limit: Int) throws(TreeError) -> [UInt8] {
    var inflater = Inflater(bytes, limit: limit)
    repeat {
      try skipHeader(&inflater)
      let start = inflater.output.count
      try inflater.inflate()
      let size = inflater.output.count - start
      let (sum, length) = (try inflater.number(bytes: 4), try inflater.number(bytes: 4))
      guard sum == crc(inflater.output[start...]), length == UInt32(truncatingIfNeeded: size)
      else { throw Inflater.damaged }
    } while !inflater.isAtEnd
    return inflater.output
  }

  /// The name, comment and extra field of a member do not matter.
  private static func skipHeader(_ inflater: inout Inflater) throws(TreeError) {
    guard try inflater.number(bytes: 3) == 0x08_8b1f else { throw Inflater.damaged }
    let flags = try inflater.number(bytes: 1)
    guard flags & 0xe0 == 0 else { throw Inflater.damaged }
    _ = (try inflater.number(bytes: 4), try inflater.number(bytes: 2))
    if flags & 4 != 0 { for _ in 0..<(try inflater.number(bytes: 2)) { try inflater.skipByte() } }
    for flag in [8, 16] as [UInt32] where flags & flag != 0 {
      while try inflater.number(bytes: 1) != 0 {}
    }
    if flags & 2 != 0 { _ = try inflater.number(bytes: 2) }
  }

  private static let crcTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
  }

  private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    let table = crcTable
    return ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ $0 >> 8 }
  }
}
