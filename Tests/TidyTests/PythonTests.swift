import TestSupport
import Testing

/// The rules of the repository's Python.
struct PythonTests {
  static let all = PackageFiles.list("", suffix: ".py")
  /// Where kernels are chosen and scenarios run.
  static let lab = all.filter { $0.hasPrefix("Tests/KernelLab/labkit/") }

  /// The names that a file defines: functions, classes, their members, variables, modules.
  static func definedNames(in text: String) -> [Substring] {
    text.matches(of: #/(?m)^[\ ]*(?:def|class|import)\ (\w+)/#).map(\.1)
      + text.matches(of: #/(?m)^[\ ]*(?:self\.)?(\w+)(?::\ [^=\n]+)?\ =\ /#).map(\.1)
      + text.matches(of: #/\bfor\ (\w+)\ in\ /#).map(\.1)
  }

  @Test func thereIsSomethingToLookAt() {
    #expect(Self.all.count >= 80 && Self.lab.count >= 40)
  }

  @Test(arguments: all)
  func aFileIsNamedInWordsAndHasAtMost350LinesOf120Columns(path: String) throws {
    let name = path.split(separator: "/").last?.dropLast(".py".count) ?? ""
    let isNamedInWords = name.wholeMatch(of: /__init__|[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil
    #expect(isNamedInWords, "\(path) is not named in words with underscores between them")
    let lines = try PackageFiles.text(path).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 351, "\(path) has \(lines.count - 1) lines")
    for (index, line) in lines.enumerated() where line.count > 120 {
      Issue.record("\(path):\(index + 1) is \(line.count) columns wide")
    }
  }

  /// Classes have words that begin with capitals; else all letters are small, or all are capitals.
  @Test(arguments: all)
  func aNameIsWrittenAsReadersOfPythonExpect(path: String) throws {
    for name in Self.definedNames(in: try PackageFiles.text(path)) {
      let isClassLike = name.first?.isUppercase == true && !name.contains("_")
      let isSnake = name.wholeMatch(of: /[a-z0-9_]+|[A-Z0-9_]+/) != nil
      #expect(isClassLike || isSnake, "\(path) has a name '\(name)'")
    }
  }

  @Test(arguments: all)
  func aNameAtTheTopOfAModuleHasMoreThanOneLetter(path: String) throws {
    for name in try PackageFiles.text(path).matches(of: #/(?m)^(?:def\ )?(\w)(?:\(|\ =\ )/#) {
      Issue.record("\(path) has a name '\(name.1)'")
    }
  }

  /// A scenario's class has a default for what it may say of itself.
  @Test(arguments: lab)
  func theLabAsksNoObjectWhetherItHasAMember(path: String) throws {
    for call in try PackageFiles.text(path).matches(of: /\b(?:hasattr|getattr)\(/) {
      Issue.record("\(path) says \(call.0)")
    }
  }

  /// `Kernel.release` is numbers; `Machine` and `Recipe` have names that are only names.
  @Test(arguments: lab)
  func theLabComparesReleasesAsNumbers(path: String) throws {
    let comparison = /\.name (?:[=!]=|in|<|>) \(?"\d|kernel\.name\.startswith|release [=!<>]=? "/
    for found in try PackageFiles.text(path).matches(of: comparison) {
      Issue.record("\(path) says \(found.0)")
    }
  }

  @Test func namesAreFoundInText() {
    let text = """
      import os
      class Shelf(Base):
          name: str = "a"
          def isOpen(self):
              self.wasOpen = True
              x = [one for oneMore in ()]
      """
    let names = Self.definedNames(in: text)
    #expect(names == ["os", "Shelf", "isOpen", "name", "wasOpen", "x", "oneMore"])
  }
}
