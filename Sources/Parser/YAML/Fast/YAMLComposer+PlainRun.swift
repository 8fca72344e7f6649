extension YAMLComposer {
  /// How deep brackets may be in an element.
  private static let maximumBrackets = 8

  /// Reads a file most of which is one list of plain elements; `nil` for every other file, and for
  /// one that anything is wrong with.
  ///
  /// The same tree as without it, in a third of the time: libyaml sees the rest of the file, with
  /// the first and the last element of the list. Whatever is not accepted here must be read as a
  /// whole, which says what is wrong.
  static func composePlain(
    _ file: SourceFile, _ bytes: UnsafeBufferPointer<UInt8>, _ contents: YAMLByteCheck.Contents,
    atLeast least: Int = PlainRun.leastBytes
  ) -> (tree: YAMLTree?, sink: DiagnosticSink)? {
    guard contents.isASCII, bytes.count > least, let run = PlainRun(in: bytes, atLeast: least)
    else { return nil }
    let outcome = composeChecked(file, bytes, contents, hiding: [run.lines], run)
    return outcome.tree == nil || outcome.sink.hasErrors ? nil : outcome
  }

  /// Adds the elements of a run to the list that is read; `false` if one is not plain.
  mutating func addElements(of run: PlainRun) -> Bool {
    var scanner = PlainScanner(source, run.lines)
    while !scanner.isAtEnd {
      guard scanner.pass(spaces: run.indentation), scanner.pass(UInt8(ascii: "-")),
        scanner.pass(UInt8(ascii: " ")), addElement(run.contentIndentation, &scanner)
      else { return false }
    }
    return true
  }

  @inline(__always)
  private mutating func addElement(_ indentation: Int, _ scanner: inout PlainScanner) -> Bool {
    if scanner.next == UInt8(ascii: "{") {
      return addBrackets(&scanner) && scanner.pass(UInt8(ascii: "\n"))
    }
    open(isMapping: true, isFlow: false, at: UInt32(truncatingIfNeeded: scanner.position))
    repeat {
      guard addKey(&scanner), addValue(&scanner), scanner.pass(UInt8(ascii: "\n")) else {
        return false
      }
    } while scanner.pass(spaces: indentation)
    close(at: 0)
    return true
  }

  @inline(__always)
  private mutating func addKey(_ scanner: inout PlainScanner) -> Bool {
    guard let key = scanner.passKey() else { return false }
    addScalar(key, key, .plain)
    return true
  }

  @inline(__always)
  private mutating func addValue(
    _ scanner: inout PlainScanner, inBrackets depth: Int = 0
  ) -> Bool {
    switch scanner.next {
    case UInt8(ascii: "\""):
      guard let quoted = scanner.passQuoted() else { return false }
      addScalar(quoted, quoted.lowerBound + 1..<quoted.upperBound - 1, .quoted)
      return true
    case UInt8(ascii: "["), UInt8(ascii: "{"): return addBrackets(&scanner, inBrackets: depth)
    default:
      guard let plain = scanner.passPlain(inBrackets: depth > 0) else { return false }
      addScalar(plain, plain, .plain)
      return true
    }
  }

  /// Adds a list or a mapping in brackets that ends on its line.
  private mutating func addBrackets(
    _ scanner: inout PlainScanner, inBrackets depth: Int = 0
  ) -> Bool {
    let isMapping = scanner.next == UInt8(ascii: "{")
    let end = UInt8(ascii: isMapping ? "}" : "]")
    guard depth < Self.maximumBrackets, scanner.pass(scanner.next) else { return false }
    open(isMapping: isMapping, isFlow: true, at: UInt32(truncatingIfNeeded: scanner.position - 1))
    repeat {
      _ = scanner.passSpaces()
      guard !isMapping || addKey(&scanner), addValue(&scanner, inBrackets: depth + 1) else {
        return false
      }
      _ = scanner.passSpaces()
    } while scanner.pass(UInt8(ascii: ","))
    guard scanner.pass(end) else { return false }
    close(at: UInt32(truncatingIfNeeded: scanner.position))
    return true
  }

  @inline(__always)
  private mutating func addScalar(
    _ place: Range<Int>, _ text: Range<Int>, _ style: YAMLTree.Style
  ) {
    add(
      YAMLTree.Record(
        start: UInt32(truncatingIfNeeded: place.lowerBound),
        end: UInt32(truncatingIfNeeded: place.upperBound),
        first: UInt32(truncatingIfNeeded: text.lowerBound),
        second: UInt32(truncatingIfNeeded: text.count), form: .scalar, style: style),
      UnsafeBufferPointer(rebasing: source[text]))
  }
}
