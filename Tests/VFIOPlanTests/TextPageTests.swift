import Executor
import Parser
import Testing

/// The laws of text laid out for people.
struct TextPageTests {
  private static func text(_ body: (inout TextPage) -> Void) -> String {
    var page = TextPage(.plain)
    body(&page)
    return String(decoding: page.bytes, as: UTF8.self)
  }

  @Test func noLineIsWiderThanThePageWhateverIsWritten() {
    for (indent, length) in [1, 50, 99, 100, 101, 250, 100_000].enumerated() {
      let word = String(repeating: "w", count: length)
      let text = Self.text { page in
        page.line("a \(word) b", indent: indent, hanging: 4)
        page.table([["\(word)", "x", "\(word) \(word)", "日本 \(word)"], ["a"]])
      }
      let isNarrow = text.split(separator: "\n").allSatisfy { String($0).columns <= 100 }
      #expect(isNarrow, "length \(length)")
      #expect(text.count { $0 == "w" } == 5 * length)
    }
  }

  @Test func linesBreakAtSpacesAndGoOnFurtherIn() {
    let word = "12345678"
    let (first, rest) = (Array(repeating: word, count: 11), Array(repeating: word, count: 3))
    let words = (first + rest).joined(separator: " ")
    let lines = [
      "  " + first.joined(separator: " "), "      " + rest.joined(separator: " "), "",
    ]
    #expect(
      Self.text { $0.line("\(words)", indent: 2, hanging: 4) } == lines.joined(separator: "\n"))
  }

  @Test func cellsStandInColumnsAndWrapWithinTheLastOne() {
    let text = Self.text { page in
      page.table([["a", "bb", "c"], ["aaa", "b", "\(String(repeating: "word ", count: 25))"]])
    }
    let lines = text.split(separator: "\n")
    #expect(lines[0] == "  a    bb  c")
    #expect(lines[1].hasPrefix("  aaa  b   word word"))
    #expect(lines[2].hasPrefix("           word"))
  }

  @Test func valuesOfUsersAreMadeVisible() {
    let name = "x\u{1B}[0my\n"
    #expect(Self.text { $0.line("\(name)") } == "x\\u{1b}[0my\\u{a}\n")
  }
}
