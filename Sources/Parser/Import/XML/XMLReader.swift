import CExpat

/// Reads an XML document by libexpat.
///
/// Document types are refused, and with them all entities but the five that XML has itself; nothing
/// is fetched. Size and depth are bounded.
final class XMLReader {
  /// The largest document, in bytes; libvirt's own limit for one is less than a tenth of it.
  static let maximumBytes = 8 << 20
  /// The most elements of one; a large domain has a thousand.
  static let maximumElements = 1 << 17
  /// How deep elements may stand in each other.
  static let maximumDepth = 64

  private let file: SourceFile
  private let parser: XML_Parser
  private var tree = XMLTree()
  private var open: [XMLTree.Index] = []
  private var finding: Diagnostic?

  /// Reads a file that begins as XML does; what is wrong with it is the one finding thrown.
  static func read(_ file: SourceFile) throws(DiagnosticsError) -> XMLTree {
    guard file.bytes.count <= maximumBytes else {
      throw DiagnosticsError([ImportDiagnostics.tooLarge(file.id, maximumBytes)])
    }
    guard let reader = XMLReader(file) else { preconditionFailure("no memory for a parser") }
    if let finding = reader.parse() { throw DiagnosticsError([finding]) }
    return reader.tree
  }

  private init?(_ file: SourceFile) {
    // Names come with their namespaces, whatever prefix those have.
    guard let parser = XML_ParserCreateNS("UTF-8", XML_Char(bitPattern: UInt8(ascii: " "))) else {
      return nil
    }
    self.file = file
    self.parser = parser
  }

  deinit { XML_ParserFree(parser) }

  private func parse() -> Diagnostic? {
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetElementHandler(
      parser, { XMLReader.of($0)?.start($1, $2) }, { data, _ in XMLReader.of(data)?.end() })
    XML_SetCharacterDataHandler(parser) { XMLReader.of($0)?.characters($1, $2) }
    XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in XMLReader.of(data)?.doctype() }
    let status = file.bytes.withUnsafeBytes { bytes in
      XML_Parse(
        parser, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), 1)
    }
    if let finding { return finding }
    guard status != XML_STATUS_OK else { return nil }
    let text = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) }
    return ImportDiagnostics.notXML(text ?? "it can't be read", at: place)
  }

  private static func of(_ data: UnsafeMutableRawPointer?) -> XMLReader? {
    data.map { Unmanaged<XMLReader>.fromOpaque($0).takeUnretainedValue() }
  }

  /// The offset of what is being read.
  private var offset: Int { max(0, min(Int(XML_GetCurrentByteIndex(parser)), file.bytes.count)) }

  private var place: SourceSpan { span(offset..<offset) }

  private func span(_ range: Range<Int>) -> SourceSpan {
    SourceSpan(source: file.id, start: UInt32(range.lowerBound), end: UInt32(range.upperBound))
  }

  private func stop(_ finding: Diagnostic) {
    if self.finding == nil { self.finding = finding }
    XML_StopParser(parser, 0)
  }

  private func doctype() { stop(ImportDiagnostics.doctype(at: place)) }

  private func start(
    _ name: UnsafePointer<XML_Char>?,
    _ attributes: UnsafeMutablePointer<UnsafePointer<XML_Char>?>?
  ) {
    guard let name else { return }
    guard open.count < Self.maximumDepth else {
      return stop(ImportDiagnostics.tooDeep(Self.maximumDepth, at: place))
    }
    guard tree.elements.count < Self.maximumElements else {
      return stop(ImportDiagnostics.tooMany(Self.maximumElements, at: place))
    }
    let tag = offset..<min(offset + Int(XML_GetCurrentByteCount(parser)), file.bytes.count)
    let names = XMLTag(file.bytes, tag).attributes
    var found: [XMLTree.Attribute] = []
    var next = attributes
    while let pair = next, let key = pair[0], let value = pair[1] {
      let range = found.count < names.count ? names[found.count] : tag
      found.append(
        XMLTree.Attribute(
          name: String(cString: key), value: String(cString: value), span: span(range)))
      next = pair + 2
    }
    let index = tree.elements.count
    if let parent = open.last { tree.elements[parent].children.append(index) }
    open.append(index)
    tree.elements.append(
      XMLTree.Element(
        name: String(cString: name), attributes: found, span: span(tag),
        textSpan: span(tag.upperBound..<tag.upperBound)))
  }

  private func end() { _ = open.popLast() }

  private func characters(_ bytes: UnsafePointer<XML_Char>?, _ count: Int32) {
    guard let bytes, let index = open.last else { return }
    let text = UnsafeRawBufferPointer(start: bytes, count: Int(count))
    let piece = String(decoding: text, as: UTF8.self)
    if tree.elements[index].text.isEmpty {
      // What stands before the text, and between elements, is layout.
      guard !piece.trimmed.isEmpty else { return }
      let end = min(offset + Int(XML_GetCurrentByteCount(parser)), file.bytes.count)
      tree.elements[index].textSpan = span(offset..<end)
    }
    // No text that is read is long.
    if tree.elements[index].text.utf8.count < 1 << 12 { tree.elements[index].text += piece }
  }
}

/// The start tag of an element, as it stands in the file; libexpat tells no places in it.
private struct XMLTag {
  private let bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8], _ range: Range<Int>) { self.bytes = bytes[range] }

  /// Where the values stand of all attributes that declare no namespace, in order.
  var attributes: [Range<Int>] {
    var found: [Range<Int>] = []
    var name: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        let end = bytes[index...].firstIndex(of: byte) ?? bytes.endIndex
        if !Self.declaresNamespace(name) { found.append(index..<end) }
        index = min(end + 1, bytes.endIndex)
        name = []
      case UInt8(ascii: "="): break
      case 9, 10, 13, 32: if bytes[index...].first != UInt8(ascii: "=") { name = [] }
      default: name.append(byte)
      }
    }
    return found
  }

  private static func declaresNamespace(_ name: [UInt8]) -> Bool {
    name == Array("xmlns".utf8) || name.starts(with: "xmlns:".utf8)
  }
}
