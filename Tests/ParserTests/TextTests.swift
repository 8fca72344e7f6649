import Parser
import Testing

/// The small things that everything else writes texts with.
struct TextTests {
  @Test(
    arguments: [
      ("0", 0), ("ff", 255), ("FF", 255), ("0000ffff", 0xffff), ("ffffffffffffffff", .max),
      ("", nil), ("+1", nil), ("-0", nil), ("0x1", nil), ("1g", nil), ("10000000000000000", nil),
    ] as [(String, UInt64?)])
  func hexadecimalDigitsAreReadStrictly(text: String, number: UInt64?) {
    #expect(Hex.number(text) == number)
    #expect(Hex.prefixed("0x" + text) == number)
  }

  @Test(
    arguments: [
      ("0x10", 16), ("10", 10), ("0", 0), ("+5", nil), ("0x", nil), ("", nil), ("0X10", nil),
      ("ten", nil), ("18446744073709551616", nil),
    ] as [(String, UInt64?)])
  func aNumberIsHexadecimalWhereItSaysSo(text: String, number: UInt64?) {
    #expect(Hex.orDecimal(text) == number)
    if !text.hasPrefix("0x") { #expect(Hex.prefixed(text) == nil) }
  }

  @Test func hexadecimalDigitsAreWrittenSmallAndPadded() {
    #expect(hexText(0) == "0x0")
    #expect(hexText(0xABC, digits: 2) == "0xabc")
    #expect(hexText(0xABC, digits: 6) == "0x000abc")
    #expect(hexDigits(0x8086, 4) == "8086")
    #expect(hexDigits([0, 0x7f, 0xff]) == "007fff")
    #expect(Hex.bytes("007fFf".utf8) == [0, 0x7f, 0xff])
    #expect(Hex.bytes("123".utf8) == nil)
    #expect(Hex.bytes("1x".utf8) == nil)
  }

  @Test func aSentenceHasALastWordAndARowHasNone() {
    let names = ["a", "b", "c", "d"]
    #expect(nameList(names) == "a, b, c, d")
    #expect(nameList(names, limit: 1) == "a and 3 more")
    #expect(nameList([]) == "")
    #expect(sentenceList(names) == "a, b, c and d")
    #expect(sentenceList(["a", "b"], "or") == "a or b")
    #expect(sentenceList(["a"]) == "a")
    #expect(sentenceList([]) == "")
    #expect(sentenceList(["a", "b"], of: 4) == "a, b and 2 more")
    #expect(sentenceList(["a"], of: 2, "or") == "a or 1 more")
  }

  @Test(arguments: 0...9)
  func aBinarySearchFindsWhereAConditionBegins(place: Int) {
    #expect((0..<10).partitioningIndex { $0 >= place } == place)
    #expect((0..<place).partitioningIndex { _ in false } == place)
    #expect(Array(0..<10)[2...].partitioningIndex { $0 >= place } == max(place, 2))
  }

  @Test func whatStandsTwiceIsKeptWhereItComesFirst() {
    #expect([3, 1, 3, 2, 1].uniqued == [3, 1, 2])
  }

  @Test func digitsAndLettersAreThoseOfASCII() {
    #expect((0...255).filter { UInt8($0).isLetter } == Array(65...90) + Array(97...122))
    #expect((0...255).filter { UInt8($0).isDecimalDigit } == Array(48...57))
    #expect("0123".isDecimal && !"".isDecimal && !"+1".isDecimal && !"²".isDecimal)
  }
}
