import Foundation
import TestSupport
import Testing

/// `compile --as`, from its command line to its status.
struct VMMCommandTests {
  static let cases = GoldenTests.Case.forVMMs

  static func run(_ test: GoldenTests.Case, _ rule: String, _ more: [String]) throws
    -> Tool.Outcome
  {
    try Tool.run(["compile"] + test.input + ["--as", rule] + more)
  }

  @Test(arguments: cases, ["qemu", "cloud-hypervisor", "type1"])
  func theStatusIsOneIfAndOnlyIfAPromiseIsBroken(test: GoldenTests.Case, rule: String) throws {
    let outcome = try Self.run(test, rule, ["--format", "json", "--diagnostics", "json"])
    // What can't be compiled has no plan to be compared with.
    if outcome.code == 69, outcome.output.isEmpty { return }
    let report = try JSONValue(outcome.output)
    let broken = report["brokenPromises"]?.number ?? -1
    #expect(outcome.code == (broken > 0 ? 1 : 0), "\(outcome.errors)")
    let lost = report["devices"]?.elements.compactMap { $0["lost"]?.text } ?? []
    #expect(lost.filter { ["forbidden", "required"].contains($0) }.count == broken)
    let codes = try JSONValue(outcome.errors).elements.compactMap { $0["code"]?.text }
    #expect(codes == report["diagnostics"]?.elements.compactMap { $0["code"]?.text })
    #expect(codes.contains { ["VP3025", "VP3026"].contains($0) } == (broken > 0))
    try SchemaTests.validate(["vmm", "-"], input: outcome.output)
  }

  @Test func theVerdictIsTheFirstLineAndTheOrderIsWhole() throws {
    let test = try #require(Self.cases.first { $0.description == "order-trap/iommufd" })
    let outcome = try Self.run(test, "qemu", [])
    #expect(outcome.code == 1)
    let first = outcome.output.split(separator: "\n").first
    #expect(first == "capture as QEMU 10.0 with iommufd on host xeon-2s: breaks 1 promise")
    #expect(outcome.output.contains("in this one it does: port0, port1, fpga"))
    #expect(outcome.errors.contains("an order of the devices that keeps it: port0, port1, fpga"))
  }

  @Test func aWarningIsSaidOnceAndFailsWithStrict() throws {
    let test = try #require(Self.cases.first { $0.description == "two-address-spaces/iommufd" })
    let outcome = try Self.run(test, "qemu", [])
    #expect(outcome.errors.components(separatedBy: "[VP3022]").count == 2)
    #expect(!outcome.output.contains("VP3022"))
    #expect(try Self.run(test, "qemu", ["--strict"]).code == (outcome.code == 0 ? 2 : 1))
  }
}
