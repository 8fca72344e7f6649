import Executor
import Planner

/// The command after `--`, with the names in its arguments looked up in a program.
struct ChildCommand {
  /// Its name, as typed.
  let name: String
  /// The files it is handed, in the order the program makes them.
  let files: [(name: String, id: ResultID)]
  private let path: String
  /// Its name and arguments, as typed.
  private let words: [String]
  private let program: Program

  /// Finds the command and checks its placeholders.
  ///
  /// The program must not make a VM of KVM: its file would be of no use to another process.
  init(_ words: [String], _ program: Program) throws(CommandFailure) {
    name = words.first ?? ""
    do throws(CommandFile.Failure) {
      path = try CommandFile.path(of: name)
    } catch {
      throw .notStarted(name, error)
    }
    self.words = words
    self.program = program
    files = program.passableFiles
    _ = try arguments { _ in 0 }
  }

  /// Refuses a command that the kernel would not run.
  func refuseUnlessExecutable() throws(CommandFailure) {
    let image = try image { _ in 0 }
    do throws(CommandFile.Failure) { try image.check() } catch { throw .notStarted(name, error) }
  }

  /// What is executed, with every placeholder replaced; `value` gives ids.
  func image(_ value: (ResultID) -> UInt64) throws(CommandFailure) -> CommandImage {
    CommandImage(path, try arguments(value), names: files.map(\.name))
  }

  private func arguments(_ value: (ResultID) -> UInt64) throws(CommandFailure) -> [String] {
    var arguments: [String] = []
    for word in words { arguments.append(try replaced(word, value)) }
    return arguments
  }

  /// Goes by bytes: a brace is one even before a combining mark.
  private func replaced(
    _ word: String, _ value: (ResultID) -> UInt64
  ) throws(CommandFailure) -> String {
    var text = Substring()
    var rest = word[...]
    while let open = rest.utf8.firstIndex(of: UInt8(ascii: "{")) {
      text += rest[..<open]
      rest = rest[open...]
      if let found = Placeholder(rest.utf8) {
        text += found.isLiteral ? "{\(found.name)}" : try number(of: found.name, value)
        rest = rest[found.end...]
      } else {
        text += "{"
        rest = rest[rest.utf8.index(after: open)...]
      }
    }
    return String(text + rest)
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

  init?(_ text: Substring.UTF8View) {
    isLiteral = text.starts(with: "{{".utf8)
    let braces = isLiteral ? 2 : 1
    let word = text.dropFirst(braces).prefix { byte in
      let character = Character(Unicode.Scalar(byte))
      return character.isASCII
        && (character.isLetter || character.isNumber || "._-".contains(character))
    }
    let close = text[word.endIndex...]
    guard !word.isEmpty, close.starts(with: repeatElement(UInt8(ascii: "}"), count: braces)) else {
      return nil
    }
    name = String(Substring(word))
    end = close.index(close.startIndex, offsetBy: braces)
  }
}
