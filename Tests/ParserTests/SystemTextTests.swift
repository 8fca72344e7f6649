import Parser
import TestSupport
import Testing

/// What is taken from the system is given back to it as it was.
struct SystemTextTests {
  @Test func anyBytesAreReadBack() {
    var generator = SeededNumbers(seed: 1)
    // Bytes at which UTF-8 changes its mind, more than others.
    let edges: [UInt8] = [0x41, 0x7F, 0x80, 0xBF, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0x8F, 0xBF, 0xFF]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
        Bool.random(using: &generator)
          ? edges.randomElement(using: &generator)! : UInt8.random(in: 1...255, using: &generator)
      }
      #expect(String(systemBytes: bytes[...]).systemBytes == bytes)
    }
  }

  @Test func whatIsUTF8StaysAsItIs() {
    for text in ["", "plain", "na\u{EF}ve e\u{301} \u{1F600} \u{FFFD} \u{E000} \u{10FF7F}"] {
      #expect(String(systemBytes: Array(text.utf8)[...]) == text)
      #expect(text.systemName.map(UInt8.init(bitPattern:)) == Array(text.utf8) + [0])
    }
  }

  @Test func aByteIsShownAsOne() {
    #expect(String(systemBytes: [0x61, 0xFF, 0xC3, 0x28]).visible == "a\\xff\\xc3(")
  }
}
