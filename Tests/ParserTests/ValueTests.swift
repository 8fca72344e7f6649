import Testing

@testable import Parser

struct NumberTextTests {
  private func number(_ text: String) -> NumberText.Reading {
    Array(text.utf8).withUnsafeBufferPointer { NumberText.number($0) }
  }

  private func bytes(_ text: String) -> NumberText.Reading {
    Array(text.utf8).withUnsafeBufferPointer { ByteSize.reading($0) }
  }

  @Test(
    arguments: [
      ("0", 0), ("7", 7), ("4096", 4096), ("0x0", 0), ("0xfF", 255), ("18446744073709551615", .max),
      ("0xffffffffffffffff", .max), ("0x00000000000000000001", 1),
    ] as [(String, UInt64)])
  func numbersAreRead(text: String, value: UInt64) {
    #expect(number(text) == .success(value))
    #expect(bytes(text) == .success(value))
  }

  @Test(arguments: ["", "0x", "0X1", "00", "01", "-1", "+1", "1_0", "1.0", "0xg", "1e3", " 1", "x"])
  func otherTextsAreNoNumbers(text: String) {
    #expect(number(text) == .malformed)
    #expect(bytes(text) == .malformed)
  }

  @Test(arguments: ["18446744073709551616", "0x10000000000000000", "99999999999999999999999"])
  func numbersOverSixtyFourBitsAreTold(text: String) { #expect(number(text) == .overflow) }

  @Test(
    arguments: [
      ("0KiB", 0), ("4KiB", 4096), ("2MiB", 2 << 20), ("1GiB", 1 << 30), ("3TiB", 3 << 40),
      ("16777215TiB", 0xffffff << 40),
    ] as [(String, UInt64)])
  func unitsAreRead(text: String, value: UInt64) { #expect(bytes(text) == .success(value)) }

  @Test(arguments: ["16777216TiB", "18446744073709551615KiB", "99999999999999999999GiB"])
  func unitsThatOverflowAreTold(text: String) { #expect(bytes(text) == .overflow) }

  @Test(arguments: [
    "4KB", "4K", "4kib", "4 KiB", "1.5GiB", "KiB", "0x1KiB", "04KiB", "1PiB", "4iB",
  ])
  func otherUnitsAreNoSizes(text: String) { #expect(bytes(text) == .malformed) }

  @Test(arguments: [
    ("4KB", "4KiB"), ("4K", "4KiB"), ("4kib", "4KiB"), ("4 KiB", "4KiB"), ("2g", "2GiB"),
    ("1.5GiB", "1536MiB"), ("0.5KiB", "512"), ("+4096", "4096"), ("1_024", "1024"), ("12b", "12"),
    ("08", "8"), ("nonsense", nil), ("1.1.1G", nil), ("0.0001GiB", nil), ("", nil), ("4XB", nil),
    ("0.001MiB", nil), ("99999999999999999999999K", nil), (".5GiB", nil),
  ])
  func whatWasMeantIsSuggested(text: String, meant: String?) {
    #expect(ByteSize.meant(text) == meant)
  }

  @Test func bytesAreShownInTheLargestWholeUnit() {
    #expect(ByteSize.written(0) == "0")
    #expect(ByteSize.written(4096) == "4KiB")
    #expect(ByteSize.written(1536 << 20) == "1536MiB")
    #expect(ByteSize.written(1000) == "1000")
    #expect(ByteSize.written(5 << 40) == "5TiB")
  }
}

struct BDFTextTests {
  @Test(arguments: [
    "0000:00:00.0", "0000:65:00.0", "ffff:ff:1f.7", "10000:e1:00.3", "ffffffff:ff:1f.7",
  ])
  func anAddressIsPrintedAsItWasRead(text: String) {
    #expect(BDF(text)?.description == text)
  }

  @Test func capitalsAreRead() { #expect(BDF("00AF:0B:1C.2")?.description == "00af:0b:1c.2") }

  @Test(arguments: [
    "", "65:00.0", "000:65:00.0", "123456789:00:00.0", "0000:65:20.0", "0000:65:00.8",
    "0000:65:00.00", "0000-65:00.0", "0000:65:00:0", "0000:g5:00.0", " 0000:65:00.0", "0000:65:00.",
    "0000:6 :00.0", "+000:65:00.0",
  ])
  func otherTextsAreNoAddresses(text: String) { #expect(BDF(text) == nil) }

  @Test func orderIsBusOrder() {
    let sorted = ["0000:00:00.1", "0000:00:01.0", "0000:01:00.0", "0001:00:00.0", "10000:00:00.0"]
    #expect(sorted.reversed().compactMap { BDF($0) }.sorted().map(\.description) == sorted)
  }
}

struct LineTableTests {
  private func table(_ text: String) -> LineTable {
    LineTable(SourceFile(id: .vm, name: "t", text: text))
  }

  @Test func linesEndAtEveryKindOfLineEnd() {
    let lines = table("a\nb\r\nc\rd")
    #expect(lines.lineStarts == [0, 2, 5, 7])
    #expect(
      (0..<4).map { String(decoding: lines.line($0), as: UTF8.self) } == ["a", "b", "c", "d"])
  }

  @Test func columnsCountCharacters() {
    let lines = table("\u{FEFF}ä€𝄞x\ny")
    #expect(lines.position(of: 3) == (1, 1))
    #expect(lines.position(of: 5) == (1, 2))
    #expect(lines.position(of: 8) == (1, 3))
    #expect(lines.position(of: 12) == (1, 4))
    #expect(lines.position(of: 14) == (2, 1))
  }

  @Test func anOffsetPastTheEndIsTheEnd() {
    #expect(table("ab\n").position(of: 99) == (2, 1))
    #expect(table("").position(of: 0) == (1, 1))
  }
}

struct SpellingTests {
  @Test(arguments: [
    ("adress", "address"), ("no_snoop", "noSnoop"), ("NOSNOOP", "noSnoop"), ("nmae", "name"),
    ("adres", "address"), ("colour", nil), ("", nil), ("x", nil),
    ("addresSpaces", "addressSpace"),
  ])
  func theNearestWordIsFound(word: String, meant: String?) {
    let known = ["name", "address", "noSnoop", "addressSpace"]
    #expect(Spelling.nearest(to: word, among: known) == meant)
  }

  @Test func equallyNearWordsGiveTheFirst() {
    #expect(Spelling.nearest(to: "cat", among: ["bat", "rat"]) == "bat")
  }

  @Test func longWordsAreNotCompared() {
    let long = String(repeating: "a", count: 65)
    #expect(Spelling.nearest(to: long, among: [long]) == nil)
  }

  @Test func distanceCountsEdits() {
    func distance(_ left: String, _ right: String) -> Int {
      Spelling.distance(Array(left.utf8), Array(right.utf8))
    }
    #expect(distance("", "abc") == 3)
    #expect(distance("abc", "abc") == 0)
    #expect(distance("abcd", "acbd") == 1)
    #expect(distance("kitten", "sitting") == 3)
  }
}

struct QuotedTextTests {
  @Test func longTextIsCut() {
    let quoted = QuotedText.quote(String(repeating: "ä", count: 100_000))
    #expect(quoted == "'" + String(repeating: "ä", count: 48) + "...'")
  }

  @Test func whatCantBeSeenIsSpelledOut() {
    #expect(QuotedText.quote("a\nb\u{1b}\u{202e}") == "'a\\nb\\u{1b}\\u{202e}'")
  }
}

struct PCISubsystemTests {
  @Test(arguments: ["1462:7b48", "0000:0000", "ffff:ffff"])
  func idsAreReadAndPrinted(text: String) {
    #expect(PCISubsystem(text)?.description == text)
    #expect(PCISubsystem(text.uppercased()) == PCISubsystem(text))
  }

  @Test(arguments: [
    "", ":", "1462", "14627b48", "1462:7b4", "1462:7b488", "01462:7b48", "1462-7b48", "146g:7b48",
    "1462:7b4 ", "0x14:7b48", "1462:7b48:0",
  ])
  func otherTextsAreNone(text: String) { #expect(PCISubsystem(text) == nil) }
}
