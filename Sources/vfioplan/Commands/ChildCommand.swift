import Executor
import Planner

/// The command after `--`, with the names in its arguments looked up in a program.
struct ChildCommand {
  /// Where it is.
  let path: String
  /// Its name and arguments, as typed.
  let words: [String]
  /// The files it is handed, in the order the program makes them.
  let files: [(name: String, id: ResultID)]
  private let program: Program

  /// Finds the command and checks its placeholders.
  ///
  /// The program must not make a VM of KVM: its file would be of no use to another process.
  init(_ words: [String], _ program: Program) throws(CommandFailure) {
    guard let name = words.first else { throw .noCommand("") }
    guard let path = ChildProcess.path(of: name) else { throw .noCommand(name) }
    self.path = path
    self.words = words
    self.program = program
    files = program.passableFiles
    _ = try arguments { _ in 0 }
  }

  /// The arguments with every placeholder replaced; `value` gives ids.
  func arguments(_ value: (ResultID) -> UInt64) throws(CommandFailure) -> [String] {
    var arguments: [String] = []
    for word in words { arguments.append(try replaced(word, value)) }
    return arguments
  }

  private func replaced(
    _ word: String, _ value: (ResultID) -> UInt64
  ) throws(CommandFailure) -> String {
    var text = ""
    var rest = word[...]
    while let open = rest.firstIndex(of: "{") {
      text += rest[..<open]
      rest = rest[open...]
      guard let found = Placeholder(rest) else {
        text.append(rest.removeFirst())
        continue
      }
      text += found.isLiteral ? "{\(found.name)}" : try number(of: found.name, value)
      rest = rest[found.end...]
    }
    return text + rest
  }

  private func number(
    of name: String, _ value: (ResultID) -> UInt64
  ) throws(CommandFailure) -> String {
    if let position = files.firstIndex(where: { $0.name == name }) {
      return String(ChildProcess.Files.number(position))
    }
    let ids: Set<ObjectKind> = [.ioas, .hwpt, .boundDevice]
    let known = program.results.indices.filter { ids.contains(program.results[$0].kind) }
    guard let index = known.first(where: { program.results[$0].name == name }) else {
      throw .unknownPlaceholder(
        name, known: files.map(\.name) + known.map { program.results[$0].name })
    }
    return String(value(ResultID(Int32(index))))
  }
}

extension Program {
  /// The files that are of use to another process, in the order they are made: none of KVM's.
  var passableFiles: [(name: String, id: ResultID)] {
    results.enumerated().filter { _, result in
      result.kind.isFile && ![.kvm, .vm, .kvmVFIO].contains(result.kind)
    }.map { ($1.name, ResultID(Int32($0))) }
  }
}

/// `{name}` or `{{name}}` at the start of a text.
private struct Placeholder {
  let name: String
  let isLiteral: Bool
  let end: Substring.Index

  init?(_ text: Substring) {
    isLiteral = text.hasPrefix("{{")
    let braces = isLiteral ? 2 : 1
    let word = text.dropFirst(braces).prefix { character in
      character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }
    let close = text[word.endIndex...]
    guard !word.isEmpty, close.hasPrefix(String(repeating: "}", count: braces)) else { return nil }
    name = String(word)
    end = close.index(close.startIndex, offsetBy: braces)
  }
}
