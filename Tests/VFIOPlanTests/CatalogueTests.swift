import Parser
import Planner
import TestSupport
import Testing

@testable import vfioplan

/// Every diagnostic code has a case that triggers it and an explanation that can be read.
struct CatalogueTests {
  /// Codes without a fixture, and why; each is tested where it is made.
  static let withoutFixture: [String: String] = [
    "VP1001": "needs a file of more than 1 GiB",
    "VP1910": "has its code in forms for programs only: FindingsFormTests",
    "VP2018": "needs a million mappings",
    "VP3001": "the command line takes known targets only, a plan file says VP1036",
    "VP3012": "needs a front too large to list",
    "VP4020": "needs a tree without devices: HostTests",
    "VP4021": "needs a tree that is damaged: HostTests",
    "VP4022": "needs a tree with a pipe in it: TreeTests",
    "VP4029": "depends on the machine: HostTests",
    "VP4030": "needs a disk that can be taken away: DiskUseTests",
    "VP4031": "needs a network that can be taken away: the kernel lab's modes",
    "VP4032": "needs a console that can be taken away: DeviceUseTests",
    "VP4033": "depends on the machine: MemoryPreflightTests, and the kernel lab's modes",
    "VP4034": "depends on the user: MemoryPreflightTests, and the kernel lab's modes",
    "VP4035": "depends on the machine: ResetScopeTests",
    "VP4036": "needs another process with a device: DeviceHoldersTests, and the kernel lab's modes",
    "VP4037": "needs a device that can be tested: the kernel lab's companions",
    "VP4038": "needs a device that can be taken away: NodeUseTests",
    "VP4039": "needs a device that can be taken away: NodeUseTests",
    "VP4040": "needs a device that can be taken away: NodeUseTests",
    "VP4041": "needs a network that can be taken away: NetworkUseTests",
    "VP4042": "needs a driver that waits: DriverWaitTests",
    "VP4055": "needs a device that can be taken away: NodeUseTests",
    "VP4060": "needs a machine without an IOMMU: HelpCaseTests",
    "VP4070": "needs a copy of a machine without a VFIO device: NodeFileTests",
    "VP5006": "needs a run on a real kernel: the kernel lab's signals",
    "VP5007": "needs a run on a real kernel, and a disk that is full",
    "VP5008": "needs two runs on a real kernel: the kernel lab's modes",
    "VP5009": "needs a run on a real kernel that is killed: the kernel lab's signals",
    "VP5010": "needs a run on a real kernel that is killed: JournalTests",
    "VP5011": "depends on the machine: the kernel lab's modes",
    "VP5012": "depends on the user: the kernel lab's modes",
    "VP5013": "needs a run on a real kernel: JournalTests",
    "VP5014": "depends on the machine: NodeRefusalTests",
    "VP5801": "depends on the machine: the programs of Tests/Emulate",
    "VP5802": "depends on the machine: the programs of Tests/Emulate",
    "VP5803": "needs a machine without processes left",
    "VP5804": "needs a program that makes a VM: the programs of Tests/Emulate",
    "VP5805": "needs a program that attaches: the programs of Tests/Emulate",
    "VP5806": "depends on the user: the programs of Tests/Emulate",
    "VP5807": "needs a program that attaches: the programs of Tests/Emulate",
    "VP5808": "needs a program that maps: the programs of Tests/Emulate",
    "VP5809": "needs a program that leaves others: the programs of Tests/Emulate",
    "VP5810": "needs a program that binds: the programs of Tests/Emulate",
    "VP5906": "needs a run on a real kernel: the laws on a fake /sys",
    "VP5907": "needs a run on a real kernel: FileSenderTests, and the kernel lab's handover",
    "VP5908": "needs a run on a real kernel: FileSenderTests, and the kernel lab's handover",
    "VP5909": "needs a run on a real kernel: the laws on a fake /sys",
    "VP5910": "needs a terminal and a device that can be taken away: the laws on a fake /sys",
    "VP5911": "needs a driver that does not let go: the laws on a fake /sys",
    "VP5915": "needs a machine without /dev/null: StreamTests",
  ]

  static let codes = DiagnosticCatalog.all.map(\.name)

  @Test func aCodeIsDeclaredOnce() { #expect(Set(Self.codes).count == Self.codes.count) }

  @Test(arguments: codes.filter { withoutFixture[$0] == nil })
  func aCodeHasAFixture(code: String) {
    let path = "Tests/Fixtures/catalogue/\(code).txt"
    #expect(CatalogueCase.all.contains { $0.code == code }, "\(path) is missing")
  }

  @Test(arguments: CatalogueCase.all)
  func aFixtureTriggersItsCode(fixture: CatalogueCase) throws {
    #expect(Self.codes.contains(fixture.code), "there is no code \(fixture.code)")
    let outcome = try fixture.run()
    #expect(outcome.errors.contains("[\(fixture.code)]"), "\(outcome.errors)")
    #expect(outcome.code == fixture.exitCode, "\(outcome.errors)")
    if Golden.isRecording { try fixture.record(outcome.errorScreen) }
    #expect(
      outcome.errorScreen == fixture.expected && !Golden.isRecording,
      "\(Golden.firstDifference(outcome.errorScreen, fixture.expected))")
  }

  @Test(arguments: DiagnosticCatalog.all.map(\.name))
  func explainPrintsAnExplanation(code: String) throws {
    let outcome = try Tool.run(["explain", code])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains(code))
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
  }

  @Test(arguments: DiagnosticCatalog.all)
  func anExplanationIsOneToSevenSentences(code: DiagnosticCode) {
    let sentences = code.explanation.matches(of: /[.?!](?=\s|$)/).count
    #expect((1...7).contains(sentences), "\(code.name) has \(sentences)")
    #expect(!code.title.hasSuffix("."))
  }
}
