/// Writes one JSON text as UTF-8 into a growing buffer.
///
/// Containers are written on one line (`.line`) or with one member a line (`.block`), so that a
/// large document stays readable and comparable line by line. The output is JSON and also YAML as
/// libyaml reads it: what YAML would refuse or fold inside quotes is escaped. Commas and line
/// breaks are the writer's business; that begins and ends match is the caller's.
public struct JSONWriter: ~Copyable {
  /// How the members of a container are laid out.
  public enum Layout: Sendable {
    /// All on one line.
    case line
    /// Each on a line of its own, indented by two columns a level.
    case block
  }

  var start: UnsafeMutablePointer<UInt8>
  var capacity: Int
  private var depth: Int
  /// Bit N says whether the container at depth N is a block.
  private var blocks: UInt64
  /// Whether the innermost container has no member yet.
  private var isEmpty: Bool
  /// Whether a key was just written, so that its value follows.
  private var isAfterKey = false

  /// How many bytes were written.
  public internal(set) var count = 0

  /// Makes a writer with room for a number of bytes; it grows when they run out.
  public init(capacity: Int = 4096) { self.init(capacity: capacity, depth: 0, isEmpty: true) }

  /// Makes a writer that goes on inside `depth` nested block containers that are already open.
  ///
  /// Lets the members of a large array be written in several runs, in any order or at once.
  public init(capacity: Int = 4096, insideBlocks depth: Int, isFirstMember: Bool) {
    self.init(capacity: capacity, depth: depth, isEmpty: isFirstMember)
  }

  private init(capacity: Int, depth: Int, isEmpty: Bool) {
    self.capacity = max(capacity, 64)
    start = .allocate(capacity: self.capacity)
    self.depth = depth
    self.isEmpty = isEmpty
    blocks = .max
  }

  deinit { start.deallocate() }

  /// A copy of everything written.
  public var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }

  /// Calls a function with everything written, without a copy.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    try body(UnsafeRawBufferPointer(start: start, count: count))
  }
}

// MARK: - Containers

extension JSONWriter {
  /// Starts an object.
  public mutating func beginObject(_ layout: Layout = .line) { begin(UInt8(ascii: "{"), layout) }
  /// Ends the innermost object.
  public mutating func endObject() { end(UInt8(ascii: "}")) }
  /// Starts an array.
  public mutating func beginArray(_ layout: Layout = .line) { begin(UInt8(ascii: "["), layout) }
  /// Ends the innermost array.
  public mutating func endArray() { end(UInt8(ascii: "]")) }

  /// Ends the text with a line feed.
  public mutating func endText() { append(UInt8(ascii: "\n")) }

  /// Writes the key of the next value.
  public mutating func key(_ name: StaticString) {
    separate()
    let length = name.utf8CodeUnitCount
    reserve(length + 3)
    put(UInt8(ascii: "\""))
    (start + count).update(from: name.utf8Start, count: length)
    count += length
    put(UInt8(ascii: "\""))
    put(UInt8(ascii: ":"))
    isAfterKey = true
  }

  /// Writes the key of the next value, escaped.
  public mutating func key(_ name: String) {
    string(name)
    append(UInt8(ascii: ":"))
    isAfterKey = true
  }

  private mutating func begin(_ bracket: UInt8, _ layout: Layout) {
    separate()
    append(bracket)
    depth += 1
    if depth < 64 {
      let bit: UInt64 = 1 << UInt64(depth)
      blocks = layout == .block ? blocks | bit : blocks & ~bit
    }
    isEmpty = true
  }

  private mutating func end(_ bracket: UInt8) {
    let isBlock = innermostIsBlock
    depth -= 1
    if isBlock, !isEmpty { breakLine() }
    append(bracket)
    isEmpty = false
  }

  private var innermostIsBlock: Bool { depth < 64 && blocks >> UInt64(depth) & 1 == 1 }

  /// Writes what stands between the last member and the next one.
  private mutating func separate() {
    if isAfterKey {
      isAfterKey = false
      return
    }
    guard depth > 0 else { return }
    if isEmpty { isEmpty = false } else { append(UInt8(ascii: ",")) }
    if innermostIsBlock { breakLine() }
  }

  private mutating func breakLine() {
    reserve(2 * depth + 1)
    put(UInt8(ascii: "\n"))
    (start + count).update(repeating: UInt8(ascii: " "), count: 2 * depth)
    count += 2 * depth
  }
}

// MARK: - Values

extension JSONWriter {
  /// Writes a string.
  public mutating func string(_ text: String) {
    separate()
    append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { appendEscaped($0) }
    append(UInt8(ascii: "\""))
  }

  /// Writes a PCI address as a string.
  public mutating func string(_ address: BDF) {
    separate()
    append(UInt8(ascii: "\""))
    appendText(address)
    append(UInt8(ascii: "\""))
  }

  /// Writes a number.
  public mutating func integer(_ value: Int) {
    separate()
    if value < 0 { append(UInt8(ascii: "-")) }
    appendDigits(UInt64(value.magnitude))
  }

  /// Writes a number that is never negative.
  public mutating func integer(_ value: UInt64) {
    separate()
    appendDigits(value)
  }

  /// Writes a number as a string in hexadecimal, `"0x..."`, padded with zeros to `digits`.
  ///
  /// For what is 64 bits wide: readers of JSON may keep 53 bits of a number only.
  public mutating func hex(_ value: UInt64, digits: Int = 1) {
    separate()
    append(UInt8(ascii: "\""))
    appendHex(value, digits: digits)
    append(UInt8(ascii: "\""))
  }

  /// Writes `true` or `false`.
  public mutating func bool(_ value: Bool) {
    separate()
    appendRaw(value ? "true" : "false")
  }

  /// Writes `null`.
  private mutating func null() {
    separate()
    appendRaw("null")
  }
}

// MARK: - Members

extension JSONWriter {
  /// Writes a key and a string.
  public mutating func member(_ name: StaticString, _ value: String) {
    key(name)
    string(value)
  }

  /// Writes a key and a string, or `null`.
  public mutating func member(_ name: StaticString, _ value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }

  /// Writes a key and a PCI address.
  public mutating func member(_ name: StaticString, _ value: BDF) {
    key(name)
    string(value)
  }

  /// Writes a key and a number.
  public mutating func member(_ name: StaticString, _ value: Int) {
    key(name)
    integer(value)
  }

  /// Writes a key and a number, or `null`.
  public mutating func member(_ name: StaticString, _ value: Int?) {
    key(name)
    if let value { integer(value) } else { null() }
  }

  /// Writes a key and `true` or `false`.
  public mutating func member(_ name: StaticString, _ value: Bool) {
    key(name)
    bool(value)
  }

  /// Writes a key and strings.
  public mutating func member(_ name: StaticString, _ values: [String]) {
    list(name, of: values) { $1.string($0) }
  }

  /// Writes a key and a list; a function writes each value of it.
  public mutating func list<Element>(
    _ name: StaticString, of elements: some Sequence<Element>, _ layout: Layout = .line,
    _ write: (Element, inout JSONWriter) -> Void
  ) {
    key(name)
    beginArray(layout)
    for element in elements { write(element, &self) }
    endArray()
  }

  /// Writes a key and a list of objects; a function writes the members of each.
  public mutating func objects<Element>(
    _ name: StaticString, of elements: some Sequence<Element>, _ layout: Layout = .line,
    _ write: (Element, inout JSONWriter) -> Void
  ) {
    list(name, of: elements, layout) { element, writer in
      writer.beginObject()
      write(element, &writer)
      writer.endObject()
    }
  }

  /// Writes a key and a number as a string in hexadecimal.
  public mutating func member(_ name: StaticString, hex value: UInt64, digits: Int = 1) {
    key(name)
    hex(value, digits: digits)
  }
}

/// What a writer wrote, without a copy and free to go to another thread.
public final class JSONBytes: @unchecked Sendable {
  // Unchecked because a writer holds a pointer; nobody can write through it any more.
  private let writer: JSONWriter

  /// Takes over a writer's bytes.
  public init(_ writer: consuming JSONWriter) { self.writer = writer }

  /// Calls a function with the bytes.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    try writer.withBytes(body)
  }
}
