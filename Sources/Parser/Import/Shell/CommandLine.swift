/// The command line of one program, found in a file.
struct CommandLine {
  /// The program, if it is named.
  var program: SourceWord?
  /// What comes after it.
  var arguments: [SourceWord]
  /// How many more commands of the file start such a program.
  var others = 0

  /// Finds the command that starts one of some programs, else all lines that are options.
  ///
  /// A file with NUL between its words is one command, as `/proc/PID/cmdline` has it; any other one
  /// is a script.
  static func find(
    in file: SourceFile, where isProgram: (Substring) -> Bool
  ) throws(DiagnosticsError) -> CommandLine? {
    let commands: [[SourceWord]]
    if file.bytes.contains(0) {
      commands = [words(separatedIn: file)]
    } else {
      let script = ShellScript(file)
      if let finding = script.finding { throw DiagnosticsError([finding]) }
      commands = script.commands
    }
    let places = commands.map { words in
      words.firstIndex { word in
        isProgram(word.text.split(separator: "/", omittingEmptySubsequences: false).last ?? "")
      }
    }
    for (words, place) in zip(commands, places) {
      guard let place else { continue }
      return CommandLine(
        program: words[place], arguments: Array(words[(place + 1)...]),
        others: places.count { $0 != nil } - 1)
    }
    // Options alone may have a line each, as vfioplan writes them.
    let options = commands.filter { $0.first?.text.hasPrefix("-") == true }.flatMap { $0 }
    return options.isEmpty ? nil : CommandLine(arguments: options)
  }

  private static func words(separatedIn file: SourceFile) -> [SourceWord] {
    file.bytes.split(separator: 0, maxSplits: ShellScript.maximumWords).map { word in
      SourceWord(
        text: String(decoding: word, as: UTF8.self),
        span: SourceSpan(
          source: file.id, start: UInt32(word.startIndex), end: UInt32(word.endIndex)))
    }
  }
}
