import ArgumentParser
import Parser
import Planner
import Testing

@testable import Executor
@testable import vfioplan

/// What is said of an emulated run, without running anything.
struct EmulationReviewTests {
  private static let device = BDF("0000:01:00.0")
  private static let hostile = "<script>a</script> '\"&amp; \u{202E}"

  /// A run in which one device was attached.
  private static func report(
    _ name: String = "vmm", enforces: Bool, vm: Bool? = nil, findings: [Diagnostic] = []
  ) throws -> EmulationReport {
    let address = try #require(device)
    var state = SimulatorState()
    state.pageTables = [
      .init(
        name: "HWPT 2 of IOAS 1", enforcesSnoop: enforces, mappedBytes: 4096, devices: [address])
    ]
    state.devices = [
      .init(
        address: address, canNoSnoop: .yes, canEnforceSnoop: .yes, pageTable: 0,
        isEffective: !enforces)
    ]
    if let vm {
      state.vms = [.init(allowsIncoherentDMA: vm, knownDevices: [address], proofs: [])]
    }
    var record = EmulationRecord()
    record.state = state
    let lines = EmulationLines()
    lines.add(0.001, "open \(name) -> 3")
    return EmulationReport(
      command: [name], status: 0, record: record,
      host: HostDescription(name: name, devices: [HostDevice(address: address, iommu: name)]),
      release: "6.12", findings: findings, mismatches: nil, lines: lines)
  }

  @Test func theVerdictSaysWhoseDMAIsNotCoherentAndWhatKVMDoes() throws {
    let sentences = try [
      Self.report(enforces: true, vm: false), Self.report(enforces: false),
      Self.report(enforces: false, vm: true), Self.report(enforces: false, vm: false),
    ].map { EmulationReview($0).verdict }
    let start = "DMA of 0000:01:00.0 is NON-COHERENT"
    #expect(
      sentences == [
        "DMA of 1 device is coherent", start, start + ", and KVM carries out the guest's WBINVD",
        start + ", but KVM ignores the guest's WBINVD",
      ])
  }

  @Test func nothingThatARunSaysReachesThePageUnescaped() throws {
    let plain = try EmulationReview(Self.report("vmm", enforces: false, vm: true)).html()
    let hostile = try EmulationReview(Self.report(Self.hostile, enforces: false, vm: true)).html()
    let texts = [plain, hostile].map { String(decoding: $0, as: UTF8.self) }
    #expect(texts[0].count { $0 == "<" } == texts[1].count { $0 == "<" })
    #expect(!texts[1].contains("\u{202E}") && !texts[1].contains("<script>a"))
  }

  @Test func thePageLoadsNothingAndHasEveryPart() throws {
    let page = try EmulationReview(
      Self.report(
        enforces: false, vm: true,
        findings: [Diagnostic(EmulationDiagnostics.trapped, "it is trapped", at: nil)])
    ).html()
    let text = String(decoding: page, as: UTF8.self)
    #expect(text.contains("default-src &#39;none&#39;") && !text.contains("http://"))
    for part in ["tables", "picture", "findings", "calls"] {
      #expect(text.contains("<h2 id=\"\(part)\">"), "\(part)")
    }
  }

  @Test func theFirstCallsAreShownAndAllAreCounted() {
    let lines = EmulationLines()
    for index in 0..<EmulationLines.most + 5 { lines.add(0, String(index)) }
    #expect(lines.count == EmulationLines.most + 5 && lines.lines.count == EmulationLines.most)
  }

  @Test(arguments: ["read=16", "read=65536", "write=00", "write=C0ffee"])
  func aDeedIsSoManyBytesToReadOrBytesToWrite(deed: String) throws {
    let dma = try EmulatedDMA.reading("0000:01:00.0,0x1000," + deed)
    #expect(dma.address == 0x1000 && dma.device == Self.device)
    #expect(dma.isWrite == deed.hasPrefix("write"))
  }

  @Test(arguments: [
    "", "0000:01:00.0", "0000:01:00.0,0x1000", "01,0x1000,read=1", "0000:01:00.0,x,read=1",
    "0000:01:00.0,0x1000,read=0", "0000:01:00.0,0x1000,read=65537", "0000:01:00.0,1,read=-1",
    "0000:01:00.0,0x1000,write=", "0000:01:00.0,0x1000,write=abc", "0000:01:00.0,1,write=zz",
    "0000:01:00.0,0x1000,write=é1", "0000:01:00.0,0x1000,read=1,",
    "0000:01:00.0,0x10000000000000000,read=1",
  ])
  func whatIsNoDeedIsRefused(text: String) {
    #expect(throws: ValidationError.self) { try EmulatedDMA.reading(text) }
  }
}
