/// Writes a tar archive (POSIX.1-2001, `pax`): one that needs no extended header is plain `ustar`.
struct TarWriter {
  /// What an entry is, as its header says it.
  enum EntryType: Character {
    case file = "0"
    case link = "2"
    case directory = "5"
    case extended = "x"
  }

  private var archive: [UInt8] = []
  private static let block = 512
  /// The room for a name, and for the target of a link.
  private static let nameLength = 100

  /// Starts empty.
  init() {}

  /// Adds an entry; what a header has no room for goes into an extended one before it.
  mutating func add(
    _ name: String, _ type: EntryType, _ contents: [UInt8] = [], link: String = ""
  ) {
    let long = [("path", name), ("linkpath", link)].filter { $0.1.utf8.count > Self.nameLength }
    if !long.isEmpty {
      append(header("pax", .extended, link: "", Self.records(long)), Self.records(long))
    }
    append(header(name, type, link: link, contents), contents)
  }

  /// The archive with its end.
  consuming func finished() -> [UInt8] {
    archive + [UInt8](repeating: 0, count: 2 * Self.block)
  }

  private mutating func append(_ header: [UInt8], _ contents: [UInt8]) {
    archive += header
    archive += contents
    let rest = contents.count % Self.block
    if rest > 0 { archive += [UInt8](repeating: 0, count: Self.block - rest) }
  }

  /// `LENGTH KEY=VALUE`, one a line; the length counts itself.
  private static func records(_ values: [(key: String, value: String)]) -> [UInt8] {
    values.flatMap { key, value -> [UInt8] in
      let rest = " \(key)=\(value)\n"
      var length = rest.utf8.count
      while String(length).utf8.count + rest.utf8.count > length { length += 1 }
      return Array("\(length)\(rest)".utf8)
    }
  }

  private func header(
    _ name: String, _ type: EntryType, link: String, _ contents: [UInt8]
  ) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: Self.block)
    func put(_ text: String, at offset: Int, _ room: Int) {
      for (index, byte) in text.utf8.prefix(room).enumerated() { header[offset + index] = byte }
    }
    put(name, at: 0, Self.nameLength)
    put(Self.mode(of: type), at: 100, 7)
    for offset in [108, 116] { put("0000000", at: offset, 7) }
    put(Self.octal(contents.count, 11), at: 124, 11)
    put(Self.octal(0, 11), at: 136, 11)
    put("        ", at: 148, 8)
    put(String(type.rawValue), at: 156, 1)
    put(link, at: 157, Self.nameLength)
    put("ustar\u{0}00", at: 257, 8)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(Self.octal(sum, 6) + "\u{0} ", at: 148, 8)
    return header
  }

  private static func mode(of type: EntryType) -> String {
    switch type {
    case .file, .extended: "0000644"
    case .link: "0000777"
    case .directory: "0000755"
    }
  }

  private static func octal(_ value: Int, _ digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
