import Parser

/// Markdown in GitHub's flavour, in which what a file says is text and nothing else.
struct MarkdownText {
  /// What was written so far, in UTF-8.
  private(set) var bytes: [UInt8] = []

  /// Writes a line of Markdown.
  mutating func line(_ markdown: String = "") {
    bytes.append(contentsOf: markdown.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// Writes a table; cells are Markdown.
  mutating func table(_ header: [String], _ rows: [[String]]) {
    line("| " + header.joined(separator: " | ") + " |")
    line("|" + String(repeating: "---|", count: header.count))
    for row in rows { line("| " + row.joined(separator: " | ") + " |") }
  }

  /// Writes something behind a line that opens it.
  mutating func folded(_ title: String, _ body: (inout MarkdownText) -> Void) {
    line("<details><summary>\(title)</summary>")
    line()
    body(&self)
    line()
    line("</details>")
  }

  /// Writes a block of code.
  mutating func code(_ language: String, _ lines: some Sequence<String>) {
    let text = Array(lines)
    let fence = String(
      repeating: "`", count: max(3, text.map { Self.longestRun(in: $0) + 1 }.max() ?? 3))
    line(fence + language)
    for item in text { line(item) }
    line(fence)
  }

  /// Hands out what was written and starts anew.
  mutating func drain(to write: (UnsafeRawBufferPointer) -> Void) {
    bytes.withUnsafeBytes(write)
    bytes.removeAll(keepingCapacity: true)
  }

  /// A text as such: nothing in it marks, links, mentions or closes anything.
  static func text(_ text: String) -> String {
    let result = text.visible.escaped { scalar in
      switch scalar {
      case "\\", "`", "*", "_", "{", "}", "[", "]", "<", ">", "#", "~", "|", "!", "&", "$", "^",
        "=":
        "\\" + String(scalar)
      // No address, and nobody who is mentioned.
      case "@": "@\u{200B}"
      default: nil
      }
    }
    // Links need no brackets.
    return result.replacing("://", with: "\\://").replacing("www.", with: "www\\.")
  }

  /// A text in the type of code, in a cell of a table or elsewhere.
  static func code(_ text: String) -> String {
    let shown = text.visible.replacing("|", with: "\\|")
    let ticks = String(repeating: "`", count: longestRun(in: shown) + 1)
    let pad = shown.hasPrefix("`") || shown.hasSuffix("`") ? " " : ""
    return shown.isEmpty ? "" : ticks + pad + shown + pad + ticks
  }

  /// How many backticks stand next to each other at most.
  private static func longestRun(in text: String) -> Int {
    var (longest, run) = (0, 0)
    for byte in text.utf8 {
      run = byte == UInt8(ascii: "`") ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }
}
