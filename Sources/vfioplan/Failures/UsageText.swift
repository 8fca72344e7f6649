import Parser

/// What is said of a wrong command line.
enum UsageText {
  /// A line for standard error; what does not fit goes on below, four columns in.
  static func wrapped(_ line: String) -> String {
    let (width, indent) = (Screen(width: FileOutput.error.width).width, "    ")
    return StyledText(line).wrapped(to: width, then: width - indent.utf8.count)
      .map { $0.marked(for: .plain) }.joined(separator: "\n" + indent)
  }
}
