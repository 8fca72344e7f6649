/// Takes a tar archive apart: `ustar`, with the long names of `pax` and of GNU tar.
///
/// Exact: whatever is not as one of these formats has it is thrown, and so are names that lead
/// out of the archive or stand in it twice.
struct TarReader {
  /// What an archive has at a path.
  enum Entry: Hashable {
    case file(ArraySlice<UInt8>)
    case link(String)
    case directory
    /// A device node, pipe or hard link.
    case special
  }

  /// The longest name, and the most directories in it; those of sysfs are half as long and deep.
  private static let maximumName = 1024
  private static let maximumDepth = 32
  private static let block = 512

  private let bytes: [UInt8]
  private var position = 0
  /// What an extended header says of the entry after it.
  private var longName: String?
  private var longLink: String?

  /// Everything in an archive, by absolute path.
  static func entries(in bytes: [UInt8]) throws(TreeError) -> [String: Entry] {
    var reader = TarReader(bytes)
    var entries: [String: Entry] = [:]
    while let (name, entry) = try reader.next() {
      let path = try path(of: name)
      let isRepeatedDirectory = entry == .directory && entries[path] == .directory
      guard !path.isEmpty, !isRepeatedDirectory else { continue }
      guard entries.updateValue(entry, forKey: path) == nil else {
        throw TreeError("the archive has \(QuotedText.quote(name)) twice")
      }
    }
    return entries
  }

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The path of a name: without `.` and the slashes at its ends, empty for the root.
  private static func path(of name: String) throws(TreeError) -> String {
    let parts = name.split(separator: "/").filter { $0 != "." }
    guard !parts.contains(".."), parts.count <= maximumDepth, name.utf8.count <= maximumName
    else { throw TreeError("the archive has the name \(QuotedText.quote(name))") }
    return parts.map { "/" + $0 }.joined()
  }

  /// The next entry; `nil` at the archive's end, which has to be there.
  private mutating func next() throws(TreeError) -> (name: String, entry: Entry)? {
    while true {
      let header = try take(Self.block)
      if header.allSatisfy({ $0 == 0 }) { return nil }
      try Self.checkSum(of: header)
      let size = try Self.number(header[field: 124, 12])
      let type = header[header.startIndex + 156]
      let contents = try take(Self.hasContents(type) ? size : 0)
      _ = try take((Self.block - contents.count % Self.block) % Self.block)
      switch type {
      case UInt8(ascii: "x"): try readRecords(contents)
      case UInt8(ascii: "L"): longName = try Self.text(contents)
      case UInt8(ascii: "K"): longLink = try Self.text(contents)
      case UInt8(ascii: "g"): break
      default: return try entry(type, header, contents)
      }
    }
  }

  private mutating func entry(
    _ type: UInt8, _ header: ArraySlice<UInt8>, _ contents: ArraySlice<UInt8>
  ) throws(TreeError) -> (name: String, entry: Entry) {
    defer { (longName, longLink) = (nil, nil) }
    let name = if let longName { longName } else { try Self.name(in: header) }
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): return (name, .file(contents))
    case UInt8(ascii: "2"):
      let text =
        if let longLink { longLink } else { try Self.text(header[field: 157, 100]) }
      guard text.utf8.count <= Self.maximumName else {
        throw TreeError("the archive has a link of \(text.utf8.count) bytes")
      }
      return (name, .link(text))
    case UInt8(ascii: "5"): return (name, .directory)
    default: return (name, .special)
    }
  }

  private mutating func take(_ count: Int) throws(TreeError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw TreeError("the archive is cut off") }
    position += count
    return bytes[position - count..<position]
  }

  /// Links, devices and directories have none, whatever their header says of a size.
  private static func hasContents(_ type: UInt8) -> Bool {
    !(UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type)
  }
}

// MARK: - Fields of a header

extension TarReader {
  /// The sum of a header's bytes, its own field taken for spaces.
  private static func checkSum(of header: ArraySlice<UInt8>) throws(TreeError) {
    let own = header[field: 148, 8]
    let sum = header.reduce(0) { $0 + Int($1) } - own.reduce(0) { $0 + Int($1) } + 8 * 32
    guard try number(own) == sum else { throw TreeError("not a tar archive, or a damaged one") }
  }

  /// Octal digits between spaces; zeros end it.
  private static func number(_ field: ArraySlice<UInt8>) throws(TreeError) -> Int {
    let digits = field.prefix { $0 != 0 }.split(separator: UInt8(ascii: " "))
    guard digits.count == 1, digits[0].allSatisfy({ (48...55).contains($0) }) else {
      throw TreeError("not a tar archive, or a damaged one")
    }
    return digits[0].reduce(0) { $0 << 3 | Int($1 - 48) }
  }

  /// The text before the first zero.
  private static func text(_ field: ArraySlice<UInt8>) throws(TreeError) -> String {
    guard let text = String(validating: field.prefix { $0 != 0 }, as: UTF8.self) else {
      throw TreeError("the archive has a name that is not UTF-8")
    }
    return text
  }

  /// The name in two parts, the first of which only POSIX has.
  private static func name(in header: ArraySlice<UInt8>) throws(TreeError) -> String {
    let name = try text(header[field: 0, 100])
    guard header[field: 257, 6].elementsEqual("ustar\u{0}".utf8) else { return name }
    let prefix = try text(header[field: 345, 155])
    return prefix.isEmpty ? name : prefix + "/" + name
  }

  /// The records of an extended header, `LENGTH KEY=VALUE` each; most keys do not matter.
  private mutating func readRecords(_ contents: ArraySlice<UInt8>) throws(TreeError) {
    var rest = contents
    while !rest.isEmpty {
      let digits = rest.prefix(while: \.isDecimalDigit).prefix(8)
      let length = Int(String(decoding: digits, as: UTF8.self)) ?? 0
      guard length > digits.count + 1, length <= rest.count else {
        throw TreeError("the archive has an extended header that is damaged")
      }
      let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
      let key = record.prefix { $0 != UInt8(ascii: "=") }
      let value = record[key.endIndex...].dropFirst()
      if key.elementsEqual("path".utf8) { longName = try Self.text(value) }
      if key.elementsEqual("linkpath".utf8) { longLink = try Self.text(value) }
      if key.elementsEqual("size".utf8) {
        throw TreeError("the archive has a file of more than 8 GiB")
      }
      rest = rest.dropFirst(length)
    }
  }
}

extension ArraySlice<UInt8> {
  /// A field of a header, by offset and length.
  fileprivate subscript(field offset: Int, length: Int) -> ArraySlice<UInt8> {
    self[startIndex + offset..<startIndex + offset + length]
  }
}
