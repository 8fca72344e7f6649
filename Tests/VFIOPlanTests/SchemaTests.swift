import TestSupport
import Testing

@testable import vfioplan

/// What is read and written fits schemas/, by a validator that isn't ours.
///
/// It is Debian's python3-jsonschema; where it is missing these tests fail and say so.
struct SchemaTests {
  static let python =
    ["/usr/bin/python3", "/usr/local/bin/python3"]
    .first { (try? Tool.run($0, ["-c", "import jsonschema, yaml"]))?.code == 0 }

  static func validate(_ arguments: [String], input: String = "") throws {
    let interpreter = try #require(python, "python3-jsonschema is missing; run `make deps`")
    let outcome = try Tool.run(interpreter, ["scripts/validate.py"] + arguments, input: input)
    #expect(outcome.code == 0, "\(outcome.output)\(outcome.errors)")
  }

  @Test func everyExampleAndEveryCapturedMachineFitsItsSchema() throws {
    try Self.validate(["--examples"])
  }

  /// Codes about the shape of a description, which a schema can express.
  static let shapes = [
    "VP1020", "VP1021", "VP1022", "VP1023", "VP1024", "VP1026", "VP1030", "VP1031", "VP1032",
    "VP1033", "VP1034", "VP1035", "VP1036", "VP1037", "VP1042", "VP1047", "VP1049",
  ]

  @Test(arguments: shapes)
  func whatTheToolRefusesForItsShapeTheSchemaRefusesToo(code: String) throws {
    let files = try #require(CatalogueCase.all.first { $0.code == code }).files()
    let accepted = try ["vm", "host"].filter { kind in
      try Tool.run(
        try #require(Self.python), ["scripts/validate.py", kind, "-"],
        input: files[kind + ".yaml"] ?? ""
      ).code == 0
    }
    #expect(accepted.count == 1, "one of the two files is wrong, accepted: \(accepted)")
  }

  @Test func everySchemaIsPrintedAsItLiesInTheFolder() throws {
    let files = PackageFiles.entries("schemas").filter { $0.hasSuffix(".schema.json") }
    #expect(files.count == SchemaCommand.Kind.allCases.count)
    for kind in SchemaCommand.Kind.allCases {
      let outcome = try Tool.run(["schema", kind.rawValue])
      #expect(outcome.code == 0)
      #expect(try outcome.output == PackageFiles.text("schemas/\(kind).schema.json"), "\(kind)")
    }
    #expect(try Tool.run(["schema", "poem"]).code == 64)
  }

  /// docs/reference.md says of every key what its schema says.
  @Test func theReferenceIsAsTheSchemasAre() throws {
    let python = try #require(Self.python)
    let outcome = try Tool.run(python, ["scripts/reference.py", "--check"])
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  @Test func everyPlanFitsItsSchema() throws {
    let plans = try goldens { $0.hasPrefix("{") }
    #expect(plans.count > Example.all.count)
    try Self.validate(["plan"] + plans)
  }

  @Test func everyListOfFindingsFitsItsSchema() throws {
    let findings = try goldens { $0.hasPrefix("[") }
    #expect(!findings.isEmpty)
    try Self.validate(["diagnostics"] + findings)
  }

  @Test func everyRunFitsItsSchemaWhetherItFailsOrNot() throws {
    let example = Example.named("order-trap")
    for target in Example.targets {
      for fault in [[], ["--fail", "9=ENOMEM"]] {
        let outcome = try Tool.run(
          ["apply", example.vmPath, "--host", example.hostPath, "--target", target]
            + ["--simulate", "--format", "json"] + fault)
        #expect(outcome.code == (fault.isEmpty ? 0 : 71), "\(outcome.errors)")
        try Self.validate(["run", "-"], input: outcome.output)
      }
    }
  }

  private func goldens(where isWanted: (String) -> Bool) throws -> [String] {
    try PackageFiles.list("Tests/Fixtures/golden", suffix: ".json").filter {
      try !$0.contains("/captures/") && isWanted(try PackageFiles.text($0))
    }
  }
}
