/// Expands DEFLATE (RFC 1951).
///
/// Bit by bit, which is quick enough for the archives that are read here, and costs the same
/// whatever tables the input describes.
struct Inflater {
  /// Compressed data that are not as RFC 1951 and 1952 have them.
  static let damaged = TreeError("the compressed archive is damaged")

  /// What came out so far.
  private(set) var output: [UInt8] = []
  private let input: [UInt8]
  private let limit: Int
  private var position = 0
  private var buffer: UInt32 = 0
  private var bitCount = 0

  /// Starts at the first byte; more output than a limit is thrown.
  init(_ input: [UInt8], limit: Int) {
    self.input = input
    self.limit = limit
  }

  /// Whether every byte was read.
  var isAtEnd: Bool { position == input.count }

  /// A number at the next whole byte, the lowest byte first.
  mutating func number(bytes count: Int) throws(TreeError) -> UInt32 {
    (buffer, bitCount) = (0, 0)
    guard input.count - position >= count else { throw Self.damaged }
    position += count
    return input[position - count..<position].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Passes over a byte.
  mutating func skipByte() throws(TreeError) { _ = try number(bytes: 1) }

  /// Expands blocks up to the last one.
  mutating func inflate() throws(TreeError) {
    var isLast = false
    while !isLast {
      isLast = try bits(1) == 1
      switch try bits(2) {
      case 0: try copyStored()
      case 1: try expand(Self.fixedLiterals, Self.fixedDistances)
      case 2: try expandDynamic()
      default: throw Self.damaged
      }
    }
  }

  /// The next bits, the first one lowest.
  private mutating func bits(_ count: Int) throws(TreeError) -> Int {
    while bitCount < count {
      guard position < input.count else { throw Self.damaged }
      buffer |= UInt32(input[position]) << UInt32(bitCount)
      position += 1
      bitCount += 8
    }
    let value = buffer & (1 << UInt32(count) - 1)
    buffer >>= UInt32(count)
    bitCount -= count
    return Int(value)
  }

  private mutating func copyStored() throws(TreeError) {
    let (length, check) = (try number(bytes: 2), try number(bytes: 2))
    guard length ^ check == 0xffff, input.count - position >= length else { throw Self.damaged }
    try reserve(Int(length))
    output += input[position..<position + Int(length)]
    position += Int(length)
  }

  private func reserve(_ count: Int) throws(TreeError) {
    guard output.count + count <= limit else {
      throw TreeError("the archive holds more than \(limit >> 20) MiB")
    }
  }
}

// MARK: - Blocks with codes

extension Inflater {
  private static let fixedLiterals = HuffmanCode(
    (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
  private static let fixedDistances = HuffmanCode([UInt8](repeating: 5, count: 30))
  /// The order in which a block gives the lengths of its code for lengths.
  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// The next symbol of a code.
  private mutating func symbol(_ code: borrowing HuffmanCode) throws(TreeError) -> Int {
    var (value, first, index) = (0, 0, 0)
    for length in 1...HuffmanCode.maximumLength {
      value |= try bits(1)
      let count = code.counts[length]
      if value - first < count { return Int(code.symbols[index + value - first]) }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw Self.damaged
  }

  private mutating func expand(
    _ literals: borrowing HuffmanCode, _ distances: borrowing HuffmanCode
  ) throws(TreeError) {
    while true {
      let symbol = try symbol(literals)
      if symbol == 256 { return }
      if symbol < 256 {
        try reserve(1)
        output.append(UInt8(symbol))
      } else {
        let length = try length(symbol - 257)
        try copy(length, from: try distance(try self.symbol(distances)))
      }
    }
  }

  /// The length that a symbol and the bits after it stand for (3.2.5).
  private mutating func length(_ symbol: Int) throws(TreeError) -> Int {
    switch symbol {
    case 0..<8: return symbol + 3
    case 8..<28:
      let extra = symbol / 4 - 1
      return ((symbol % 4 + 4) << extra) + 3 + (try bits(extra))
    case 28: return 258
    default: throw Self.damaged
    }
  }

  /// The distance, likewise.
  private mutating func distance(_ symbol: Int) throws(TreeError) -> Int {
    switch symbol {
    case 0..<4: return symbol + 1
    case 4..<30:
      let extra = symbol / 2 - 1
      return ((symbol % 2 + 2) << extra) + 1 + (try bits(extra))
    default: throw Self.damaged
    }
  }

  /// Repeats what came out before; source and copy may overlap.
  private mutating func copy(_ length: Int, from distance: Int) throws(TreeError) {
    guard distance <= output.count else { throw Self.damaged }
    try reserve(length)
    for _ in 0..<length { output.append(output[output.count - distance]) }
  }

  private mutating func expandDynamic() throws(TreeError) {
    let literals = try bits(5) + 257
    let distances = try bits(5) + 1
    let count = try bits(4) + 4
    guard literals <= 286, distances <= 30 else { throw Self.damaged }
    var lengths = [UInt8](repeating: 0, count: 19)
    for index in Self.order.prefix(count) { lengths[index] = UInt8(try bits(3)) }
    let all = try codeLengths(literals + distances, in: HuffmanCode(lengths))
    let literalCode = HuffmanCode(all[..<literals])
    let distanceCode = HuffmanCode(all[literals...])
    guard all[256] > 0, literalCode.isUsable, distanceCode.isUsable else { throw Self.damaged }
    try expand(literalCode, distanceCode)
  }

  private mutating func codeLengths(
    _ count: Int, in code: HuffmanCode
  ) throws(TreeError) -> [UInt8] {
    guard code.isUsable else { throw Self.damaged }
    var lengths: [UInt8] = []
    while lengths.count < count {
      let symbol = try symbol(code)
      switch symbol {
      case 0...15: lengths.append(UInt8(symbol))
      case 16:
        guard let last = lengths.last else { throw Self.damaged }
        lengths += repeatElement(last, count: 3 + (try bits(2)))
      case 17: lengths += repeatElement(0, count: 3 + (try bits(3)))
      default: lengths += repeatElement(0, count: 11 + (try bits(7)))
      }
    }
    guard lengths.count == count else { throw Self.damaged }
    return lengths
  }
}

/// A canonical code: the symbols in order of their codes, and how many have each length.
struct HuffmanCode {
  static let maximumLength = 15

  fileprivate let counts: [Int]
  fileprivate let symbols: [UInt16]
  /// Whether no two symbols share a code; one that leaves some unused is read as it is.
  fileprivate let isUsable: Bool

  /// Makes the code of lengths, by symbol; 0 for one that is not in it.
  fileprivate init(_ lengths: some Collection<UInt8>) {
    var counts = [Int](repeating: 0, count: Self.maximumLength + 1)
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    var free = 1
    isUsable = counts.dropFirst().allSatisfy { count in
      free = free * 2 - count
      return free >= 0
    }
    var next = [Int](repeating: 0, count: Self.maximumLength + 2)
    for length in 1...Self.maximumLength { next[length + 1] = next[length] + counts[length] }
    var symbols = [UInt16](repeating: 0, count: next[Self.maximumLength + 1])
    for (symbol, length) in lengths.enumerated() where length > 0 {
      symbols[next[Int(length)]] = UInt16(symbol)
      next[Int(length)] += 1
    }
    self.counts = counts
    self.symbols = symbols
  }
}
