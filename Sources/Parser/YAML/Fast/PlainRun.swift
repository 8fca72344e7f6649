/// Elements of a list, one below the other, that libyaml need not see: almost all of a large file.
///
/// The first and the last element of a list stay for libyaml. It is in the same state before each
/// element of a list, so if it reads the last one as an element it would have read each of those
/// between as one, provided that each begins like it and is complete in itself, as those are that
/// `PlainScanner` takes.
struct PlainRun {
  /// Fewer bytes are not worth a second look.
  static let leastBytes = 1 << 14

  /// The lines of the elements, from the second to the last but one; line breaks included.
  private(set) var lines: Range<Int>
  /// How many spaces stand before the dash of each.
  let indentation: Int
  /// Whether the second element was there.
  private var isBegun = false

  /// How many columns stand before the content of each: there is a dash and a space between.
  var contentIndentation: Int { indentation + 2 }
  /// Where the content of the element after them begins.
  var next: Int { lines.upperBound + contentIndentation }

  /// Finds the longest run of lines that may be one, by how they begin; `nil` if there is none that
  /// is long enough.
  init?(in bytes: UnsafeBufferPointer<UInt8>, atLeast least: Int) {
    var longest: PlainRun?
    var run: PlainRun?
    var start = 0
    while start < bytes.count {
      let (indentation, isElement) = Self.beginning(of: bytes, at: start)
      // What stands further to the right is part of an element.
      if indentation <= run?.indentation ?? Int.max {
        if isElement, run?.indentation == indentation {
          run?.pass(elementAt: start)
        } else {
          run = isElement ? PlainRun(after: start, indentation) : nil
        }
        if let run, run.lines.count > longest?.lines.count ?? least { longest = run }
      }
      start = Self.lineEnd(of: bytes, from: start + indentation)
    }
    guard let longest else { return nil }
    self = longest
  }

  /// Begins with the first element of a list, which is none of it.
  private init(after first: Int, _ indentation: Int) {
    lines = first..<first
    self.indentation = indentation
  }

  /// The element at a line is the last one so far; that before it is one of the run.
  private mutating func pass(elementAt line: Int) {
    lines = (isBegun ? lines.lowerBound : line)..<line
    isBegun = true
  }

  private static func beginning(
    of bytes: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (indentation: Int, isElement: Bool) {
    var index = start
    while index < bytes.count, bytes[index] == UInt8(ascii: " ") { index &+= 1 }
    let isElement =
      index &+ 1 < bytes.count && bytes[index] == UInt8(ascii: "-")
      && bytes[index &+ 1] == UInt8(ascii: " ")
    return (index &- start, isElement)
  }

  /// The offset after the next line break.
  private static func lineEnd(of bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var index = start
    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index &+= 1 }
    return index &+ 1
  }
}
