/// Texts of the system: names of files, words of a command line.
///
/// They are bytes, and UTF-8 only by habit. A byte that is not part of valid UTF-8 becomes a
/// character of its own, at the end of the last plane of private use; so do the bytes of such a
/// character. What was taken from the system is therefore given back to it as it was.
extension String {
  /// Takes any bytes.
  ///
  /// Not generic: what conforms to what would be looked for at every start.
  public init(systemBytes bytes: ArraySlice<UInt8>) {
    self = ""
    var parser = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var rest = bytes[...]
    while true {
      switch parser.parseScalar(from: &iterator) {
      case .valid(let encoded):
        let scalar = UTF8.decode(encoded)
        if scalar.systemByte == nil {
          unicodeScalars.append(scalar)
        } else {
          unicodeScalars.append(contentsOf: encoded.compactMap(Unicode.Scalar.init(systemByte:)))
        }
        rest = rest.dropFirst(encoded.count)
      case .error(let length):
        unicodeScalars.append(
          contentsOf: rest.prefix(length).compactMap(Unicode.Scalar.init(systemByte:)))
        rest = rest.dropFirst(length)
      case .emptyInput: return
      }
    }
  }

  /// The bytes it was taken from.
  public var systemBytes: [UInt8] {
    // Scalars of the last plane begin with this byte.
    guard utf8.contains(0xF4) else { return Array(utf8) }
    return unicodeScalars.flatMap { scalar in scalar.systemByte.map { [$0] } ?? Array(scalar.utf8) }
  }

  /// The bytes it was taken from, and a zero, as system calls want them.
  public var systemName: [CChar] { systemBytes.map(CChar.init(bitPattern:)) + [0] }
}

extension Unicode.Scalar {
  /// The byte that it stands for in a text of the system; `nil` if it is an ordinary character.
  var systemByte: UInt8? {
    (0x10FF80...0x10FFFF).contains(value) ? UInt8(truncatingIfNeeded: value) : nil
  }

  /// What stands for a byte over 0x7F.
  fileprivate init?(systemByte byte: UInt8) { self.init(0x10FF00 + UInt32(byte)) }
}
