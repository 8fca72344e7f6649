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

  @Test func longWordsBreakWherePathsAndListsDoAndWhatIsQuotedStaysWhole() {
    let (folder, name) = ("/sys/bus/pci/devices/0000:01:00.0/", String(repeating: "w", count: 80))
    let path = Self.text { $0.line("at \(folder)\(name)") }
    let wanted = ["at", folder + name.prefix(66), String(name.suffix(14)), ""]
    #expect(path == wanted.joined(separator: "\n"))
    let list = Array(repeating: "on=1", count: 30).joined(separator: ",")
    let items = Self.text { $0.line("\(list)") }.split(separator: "\n")
    #expect(items[0].hasSuffix(",") && items[0].count <= 100 && items.count == 2)
    let command = "'" + Array(repeating: "word", count: 15).joined(separator: " ") + "'"
    let text = Self.text { $0.line("\(String(repeating: "text ", count: 10)) run \(command) now") }
    #expect(text.split(separator: "\n")[1] == "\(command) now")
  }

  @Test(arguments: [1, 60, 77, 100, 120, 1000])
  func aScreenIsAsWideAsItIsWithinBounds(width: Int) {
    let screen = Screen(width: width)
    #expect((60...120).contains(screen.width))
    var page = TextPage(screen)
    page.line("\(String(repeating: "text ", count: 100))", indent: 3, hanging: 2)
    page.table([["name", "\(String(repeating: "word ", count: 60))"]])
    let lines = String(decoding: page.bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= screen.width })
    #expect(lines[0].count > screen.width - 5)
  }

  @Test func valuesOfUsersAreMadeVisible() {
    let name = "x\u{1B}[0my\n"
    #expect(Self.text { $0.line("\(name)") } == "x\\u{1b}[0my\\u{a}\n")
  }
}
