import CLibYAML

/// Reads libyaml's events of one file; the only code that touches C.
///
/// libyaml counts characters, not bytes, and leaves out a byte-order mark. Here every position is
/// a byte offset into the file. The texts of an event are valid until the next call of `next()`.
struct YAMLEventReader: ~Copyable {
  /// What an event says.
  enum Kind {
    case scalar, alias, sequenceStart, mappingStart, collectionEnd
    case documentStart, documentEnd, streamStart, streamEnd
  }

  /// What stopped libyaml.
  struct Failure {
    /// What is wrong, in libyaml's words.
    var problem: String
    /// Byte offset of what is wrong.
    var offset: UInt32
    /// What libyaml was doing, and the byte offset where that began.
    var context: (text: String, offset: UInt32)?
  }

  private let libyaml: UnsafeMutablePointer<yaml_parser_t>
  private let event: UnsafeMutablePointer<yaml_event_t>
  private var cursor: MarkCursor
  /// What libyaml reads if that is not the whole file.
  private let visible: UnsafeMutableBufferPointer<UInt8>?

  /// Begins reading; `nil` if there is no memory.
  ///
  /// The bytes must stay where they are for the reader's life. They must have passed
  /// `YAMLByteCheck`; `isASCII` is its finding. Parts of a file of ASCII may be hidden from
  /// libyaml: positions stay those of the file.
  init?(
    _ bytes: UnsafeBufferPointer<UInt8>, isASCII: Bool, hiding hidden: [Range<Int>] = []
  ) {
    let hidden = isASCII ? hidden : []
    cursor = MarkCursor(bytes, isASCII: isASCII, hiding: hidden)
    visible = hidden.isEmpty ? nil : Self.copy(of: bytes, without: hidden)
    libyaml = .allocate(capacity: 1)
    event = .allocate(capacity: 1)
    event.initialize(to: yaml_event_t())
    libyaml.initialize(to: yaml_parser_t())
    guard yaml_parser_initialize(libyaml) == 1 else { return nil }
    yaml_parser_set_encoding(libyaml, YAML_UTF8_ENCODING)
    let first = cursor.firstByte
    let shown = visible.map { UnsafeBufferPointer($0) } ?? bytes
    yaml_parser_set_input_string(
      libyaml, shown.baseAddress.map { $0 + first }, shown.count - first)
  }

  private static func copy(
    of bytes: UnsafeBufferPointer<UInt8>, without hidden: [Range<Int>]
  ) -> UnsafeMutableBufferPointer<UInt8> {
    let count = hidden.reduce(bytes.count) { $0 - $1.count }
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count)
    var (from, to) = (0, 0)
    for range in hidden + [bytes.count..<bytes.count] {
      let piece = UnsafeBufferPointer(rebasing: bytes[from..<range.lowerBound])
      _ = UnsafeMutableBufferPointer(rebasing: copy[to...]).initialize(fromContentsOf: piece)
      (from, to) = (range.upperBound, to + piece.count)
    }
    return copy
  }

  deinit {
    visible?.deallocate()
    yaml_event_delete(event)
    yaml_parser_delete(libyaml)
    event.deallocate()
    libyaml.deallocate()
  }

  /// Moves to the next event; `nil` if libyaml found an error.
  @inline(__always)
  mutating func next() -> Kind? {
    yaml_event_delete(event)
    guard yaml_parser_parse(libyaml, event) == 1 else { return nil }
    switch event.pointee.type {
    case YAML_SCALAR_EVENT: return .scalar
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SEQUENCE_START_EVENT: return .sequenceStart
    case YAML_MAPPING_START_EVENT: return .mappingStart
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .collectionEnd
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_STREAM_START_EVENT: return .streamStart
    default: return .streamEnd
    }
  }

  /// Byte offset of the first byte of the event, its anchor and tag included.
  var start: UInt32 {
    @inline(__always) mutating get { cursor.offset(of: event.pointee.start_mark.index) }
  }

  /// Byte offset after the last byte of the event.
  var end: UInt32 {
    @inline(__always) mutating get { cursor.offset(of: event.pointee.end_mark.index) }
  }

  /// The text of a scalar, escapes and line folding resolved.
  var text: UnsafeBufferPointer<UInt8> {
    @inline(__always) get {
      UnsafeBufferPointer(
        start: event.pointee.data.scalar.value, count: event.pointee.data.scalar.length)
    }
  }

  /// How a scalar is written.
  var style: YAMLTree.Style {
    @inline(__always) get {
      switch event.pointee.data.scalar.style {
      case YAML_PLAIN_SCALAR_STYLE: .plain
      case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: .quoted
      default: .block
      }
    }
  }

  /// Whether the collection that starts is written in brackets.
  var isFlow: Bool {
    event.pointee.type == YAML_MAPPING_START_EVENT
      ? event.pointee.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
      : event.pointee.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
  }

  /// Whether the event has an anchor or a tag.
  var isDecorated: Bool {
    @inline(__always) get {
      switch event.pointee.type {
      case YAML_SCALAR_EVENT:
        event.pointee.data.scalar.anchor != nil || event.pointee.data.scalar.tag != nil
      case YAML_MAPPING_START_EVENT:
        event.pointee.data.mapping_start.anchor != nil
          || event.pointee.data.mapping_start.tag != nil
      case YAML_SEQUENCE_START_EVENT:
        event.pointee.data.sequence_start.anchor != nil
          || event.pointee.data.sequence_start.tag != nil
      default: false
      }
    }
  }

  /// The name after `&`, or after `*` for an alias.
  var anchor: String? {
    switch event.pointee.type {
    case YAML_SCALAR_EVENT: Self.string(event.pointee.data.scalar.anchor)
    case YAML_MAPPING_START_EVENT: Self.string(event.pointee.data.mapping_start.anchor)
    case YAML_SEQUENCE_START_EVENT: Self.string(event.pointee.data.sequence_start.anchor)
    case YAML_ALIAS_EVENT: Self.string(event.pointee.data.alias.anchor)
    default: nil
    }
  }

  /// The explicit tag, resolved to its full form.
  var tag: String? {
    switch event.pointee.type {
    case YAML_SCALAR_EVENT: Self.string(event.pointee.data.scalar.tag)
    case YAML_MAPPING_START_EVENT: Self.string(event.pointee.data.mapping_start.tag)
    case YAML_SEQUENCE_START_EVENT: Self.string(event.pointee.data.sequence_start.tag)
    default: nil
    }
  }

  /// What stopped libyaml; meaningful after `next()` gave `nil`.
  var failure: Failure {
    mutating get {
      let state = libyaml.pointee
      guard state.error == YAML_SCANNER_ERROR || state.error == YAML_PARSER_ERROR else {
        return Failure(
          problem: state.problem.map { String(cString: $0) } ?? "not enough memory", offset: 0)
      }
      let offset = cursor.offset(of: state.problem_mark.index)
      let context = state.context.map {
        (String(cString: $0), cursor.offset(of: state.context_mark.index))
      }
      let problem = state.problem.map { String(cString: $0) } ?? "syntax error"
      return Failure(problem: problem, offset: offset, context: context)
    }
  }

  private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    text.map { String(cString: $0) }
  }
}

/// Turns libyaml's character counts into byte offsets.
///
/// Marks come in nearly ascending order, so it walks from the last one; a file of ASCII only needs
/// no walk at all.
struct MarkCursor {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let isASCII: Bool
  /// What libyaml does not see, ascending.
  private let hidden: [Range<Int>]
  /// Offset of the first byte that libyaml sees: 3 after a byte-order mark.
  let firstByte: Int
  private var character = 0
  private var byte: Int

  /// Begins at the start of a file.
  init(
    _ bytes: UnsafeBufferPointer<UInt8>, isASCII: Bool, hiding hidden: [Range<Int>] = []
  ) {
    self.bytes = bytes
    self.isASCII = isASCII
    self.hidden = hidden
    firstByte = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    byte = firstByte
  }

  /// The byte offset of a character, counted from the first one libyaml sees.
  @inline(__always)
  mutating func offset(of mark: Int) -> UInt32 {
    guard isASCII else { return walk(to: mark) }
    let offset = hidden.isEmpty ? mark : pastHidden(mark)
    return UInt32(truncatingIfNeeded: min(offset, bytes.count))
  }

  private func pastHidden(_ mark: Int) -> Int {
    hidden.reduce(mark) { $0 < $1.lowerBound ? $0 : $0 + $1.count }
  }

  private mutating func walk(to mark: Int) -> UInt32 {
    while character < mark, byte < bytes.count {
      byte += 1
      while byte < bytes.count, bytes[byte] & 0xC0 == 0x80 { byte += 1 }
      character += 1
    }
    while character > mark, byte > firstByte {
      byte -= 1
      while byte > firstByte, bytes[byte] & 0xC0 == 0x80 { byte -= 1 }
      character -= 1
    }
    return UInt32(truncatingIfNeeded: byte)
  }
}
