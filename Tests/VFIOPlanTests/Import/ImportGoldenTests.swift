import Parser
import TestSupport
import Testing

/// Configurations as people have them, with their oddities: what is made of them.
struct ImportGoldenTests {
  @Test(arguments: VMMClause.Kind.allCases)
  func thereAreTwentyOfAKind(kind: VMMClause.Kind) {
    #expect(ImportedFile.all.count { $0.kind == kind } >= 20)
  }

  @Test(arguments: ImportedFile.all)
  func aConfigurationIsTheDescriptionItWas(file: ImportedFile) throws {
    let outcome = try Tool.run(["import", file.path])
    let text = outcome.output + outcome.errorScreen + "status \(outcome.code)\n"
    let name = file.description.split(separator: ".")[0]
    let difference = try Golden.difference(text, "import/\(name).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: ImportedFile.all)
  func theKindIsToldByWhatIsInTheFile(file: ImportedFile) throws {
    #expect(ImportReader.kind(of: try file.file()) == file.kind)
  }

  @Test(arguments: ImportedFile.all)
  func whatIsRefusedHasAPlaceInTheOriginalAndWritesNothing(file: ImportedFile) throws {
    let outcome = try Tool.run(["import", file.path])
    guard outcome.code != 0 else { return }
    #expect(outcome.output.isEmpty && outcome.code == 1)
    let place = try Regex("\(file.path):\\d+:\\d+: error\\[VP\\d+\\]: ")
    #expect(outcome.errors.contains(place), "\(outcome.errors)")
  }
}
