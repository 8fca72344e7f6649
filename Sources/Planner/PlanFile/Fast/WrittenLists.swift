import Parser

/// The lists `devices` and `steps` of a plan file that has one element of them a line, as
/// `SavedPlanWriter` lays them out.
struct WrittenLists {
  /// What stands between the key of a list and its first element.
  static let opening: StaticString = "[\n"
  /// What stands between the end of the last element's line and what follows the list.
  static let closing: StaticString = "  ]"

  /// The lines of the elements, line breaks included.
  let devices: Range<Int>
  /// As above.
  let steps: Range<Int>
  private let file: SourceFile

  /// Finds the lists by their lines; `nil` if the file is laid out in another way.
  ///
  /// Only a guess: what YAML makes of the file may be something else.
  init?(_ file: SourceFile) {
    let found = file.bytes.withUnsafeBufferPointer { bytes in
      bytes.hasPrefix("{\n  \"format\":\"vfioplan.plan/v1\"", at: 0) ? Self.lists(in: bytes) : []
    }
    guard found.count == 2 else { return nil }
    (devices, steps) = (found[0], found[1])
    self.file = file
  }

  private static func lists(in bytes: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var first: Int?
    var start = 0
    while start < bytes.count {
      if let begin = first, bytes.hasPrefix(closing, at: start) {
        found.append(begin..<start)
        first = nil
      }
      let end = bytes.lineEnd(from: start)
      let key: StaticString = found.isEmpty ? "  \"devices\":[\n" : "  \"steps\":[\n"
      if first == nil, found.count < 2, bytes.hasPrefix(key, at: start) { first = end + 1 }
      start = end + 1
    }
    return found
  }

  /// Whether the lines are those that are written for a plan; if so its steps come from there.
  func match(_ compiled: inout CompiledPlan) -> Bool {
    let plan = SavedPlanWriter(compiled, files: [])
    let deviceCount = compiled.plan.devices.count
    let stepCount = compiled.program.steps.count
    var origins: [SourceSpan] = []
    origins.reserveCapacity(stepCount)
    let isSame = file.bytes.withUnsafeBufferPointer { bytes in
      var lines = WrittenLines(bytes, devices, count: deviceCount, source: file.id)
      for run in SavedPlanWriter.runs(deviceCount) {
        guard lines.match(plan.deviceLines(run), mayHaveLine: false, { _ in }) else { return false }
      }
      guard lines.isAtEnd else { return false }
      lines = WrittenLines(bytes, steps, count: stepCount, source: file.id)
      for run in SavedPlanWriter.runs(stepCount) {
        let isSame = lines.match(plan.stepLines(run), mayHaveLine: true) { origins.append($0) }
        guard isSame else { return false }
      }
      return lines.isAtEnd
    }
    guard isSame else { return false }
    for index in origins.indices { compiled.program.steps[index].origin = origins[index] }
    return true
  }
}

/// Compares the lines of a list, from the first on, with what is written for its elements.
private struct WrittenLines {
  private static let indentation = 4

  private let bytes: UnsafeBufferPointer<UInt8>
  private let end: Int
  private let source: SourceID
  private var position: Int
  private var rest: Int

  init(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, count: Int, source: SourceID
  ) {
    self.bytes = bytes
    self.source = source
    position = range.lowerBound
    end = range.upperBound
    rest = count
  }

  /// Whether every line and every element was compared.
  var isAtEnd: Bool { position == end && rest == 0 }

  /// Compares what is written for the next elements: each a line, after a line break.
  ///
  /// An element may say its line besides. Calls a closure with the place of each element.
  mutating func match(
    _ written: consuming JSONWriter, mayHaveLine: Bool, _ body: (SourceSpan) -> Void
  ) -> Bool {
    written.withBytes { raw in
      let expected = raw.bindMemory(to: UInt8.self)
      var next = 0
      while next < expected.count {
        let first = next + 1
        next = expected.lineEnd(from: first)
        let isLastOfRun = next == expected.count
        // Without its comma; the closing brace is the last byte.
        let length = next - first - (isLastOfRun ? 0 : 1)
        guard let place = matchLine(expected, first, length, mayHaveLine) else { return false }
        body(place)
      }
      return true
    }
  }

  private mutating func matchLine(
    _ expected: UnsafeBufferPointer<UInt8>, _ first: Int, _ length: Int, _ mayHaveLine: Bool
  ) -> SourceSpan? {
    guard rest > 0, bytes.matches(expected, first, at: position, count: length - 1) else {
      return nil
    }
    let start = position + Self.indentation
    position += length - 1
    if mayHaveLine { skipLine() }
    guard bytes.hasPrefix("}", at: position) else { return nil }
    position += 1
    rest -= 1
    let separator: StaticString = rest > 0 ? ",\n" : "\n"
    guard bytes.hasPrefix(separator, at: position) else { return nil }
    defer { position += separator.utf8CodeUnitCount }
    return SourceSpan(
      source: source, start: UInt32(truncatingIfNeeded: start),
      end: UInt32(truncatingIfNeeded: position))
  }

  private mutating func skipLine() {
    let key: StaticString = ",\"line\":"
    guard bytes.hasPrefix(key, at: position) else { return }
    let first = position + key.utf8CodeUnitCount
    var end = first
    // Nine digits are less than 2^32.
    while end < first + 9, end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
    if end > first { position = end }
  }
}

extension SavedPlanWriter {
  /// Elements of `devices`, each on a line, after a line break.
  fileprivate func deviceLines(_ run: Range<Int>) -> JSONWriter {
    var writer = Self.lineWriter(run)
    writeDevices(run, to: &writer)
    return writer
  }

  /// Elements of `steps`, each on a line, after a line break.
  fileprivate func stepLines(_ run: Range<Int>) -> JSONWriter { steps(run, Self.lineWriter(run)) }

  private static func lineWriter(_ run: Range<Int>) -> JSONWriter {
    JSONWriter(capacity: run.count * 512, insideBlocks: 2, isFirstMember: true)
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether there is a text at an offset.
  fileprivate func hasPrefix(_ text: StaticString, at offset: Int) -> Bool {
    let text = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return matches(text, 0, at: offset, count: text.count)
  }

  /// Whether the bytes at an offset are those of another buffer.
  fileprivate func matches(
    _ other: UnsafeBufferPointer<UInt8>, _ start: Int, at offset: Int, count: Int
  ) -> Bool {
    guard count >= 0, offset <= self.count - count, let here = baseAddress,
      let there = other.baseAddress
    else { return false }
    return YAMLBytes.equal(here + offset, there + start, count: count)
  }

  /// The offset of the first line break at or after one, or the end.
  fileprivate func lineEnd(from start: Int) -> Int {
    var index = start
    while index < count, self[index] != UInt8(ascii: "\n") { index &+= 1 }
    return index
  }
}
