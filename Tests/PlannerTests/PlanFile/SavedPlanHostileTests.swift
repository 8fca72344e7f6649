import Parser
import Planner
import TestSupport
import Testing

/// Plan files that somebody changed: none of them is accepted, each is refused at the changed
/// place.
struct SavedPlanHostileTests {
  /// A change to a plan file, and the code it is refused with.
  struct Change: CustomTestStringConvertible, Sendable {
    var what: String
    var old: String
    var new: String
    var code: String
    var testDescription: String { what }

    init(_ what: String, _ old: String, _ new: String, _ code: String) {
      (self.what, self.old, self.new, self.code) = (what, old, new, code)
    }
  }

  static let steps = [
    Change("another device node", #""path":"/dev/iommu""#, #""path":"/dev/mem""#, "VP1804"),
    Change("a path that climbs", #""path":"/dev/iommu""#, #""path":"/dev/../etc""#, "VP1804"),
    Change(
      "a device that is not the plan's", #""path":"cdev(0000:03:00.0)""#,
      #""path":"cdev(0000:04:00.0)""#, "VP1804"),
    Change("a call that is not known", #""call":"open""#, #""call":"exec""#, "VP1804"),
    Change(
      "a request that is not known", #""request":"IOMMU_IOAS_ALLOC""#,
      #""request":"IOMMU_IOAS_NUKE""#, "VP1804"),
    Change(
      "a request that only undoes", #""request":"IOMMU_IOAS_ALLOC""#,
      #""request":"IOMMU_DESTROY""#, "VP1804"),
    Change("another number", #""number":"0x3b81""#, #""number":"0x3b80""#, "VP1804"),
    Change("a value nobody makes", #""fd":"iommufd""#, #""fd":"nobody""#, "VP1804"),
    Change("a value of another kind", #""fd":"iommufd""#, #""fd":"kvm""#, "VP1804"),
    Change("a step that uses its own result", #""fd":"nic""#, #""fd":"nic.id""#, "VP1804"),
    Change(
      "two results of one name", #""out_devid":"nic.id""#, #""out_devid":"igd.id""#, "VP1804"),
    Change("a driver that is not VFIO's", #""driver":"vfio-pci""#, #""driver":"evil""#, "VP1804"),
    Change(
      "another attribute", #""attribute":"driver_override""#, #""attribute":"remove""#, "VP1804"),
    Change(
      "a size of 2^64 and more", #""size":"0x80000000","result""#,
      #""size":"0x10000000000000000","result""#, "VP1804"),
    Change("a negative index", #""index":2,"#, #""index":-2,"#, "VP1804"),
    Change("an index out of order", #""index":2,"#, #""index":3,"#, "VP1804"),
    Change("another undo", #""undo":"close""#, #""undo":"none""#, "VP1804"),
    Change("a key more in a step", #""call":"open","#, #""call":"open","then":"rm","#, "VP1804"),
    Change("a step that is not a mapping", #"{"index":1,"#, #""hello",{"index":1,"#, "VP1804"),
  ]

  static let decisions = [
    Change("another format", "vfioplan.plan/v1", "vfioplan.plan/v2", "VP1801"),
    Change("no format", #""format":"#, #""shape":"#, "VP1801"),
    Change(
      "an objective with a metric twice", #"["wbinvd","incoherentDevices""#,
      #"["wbinvd","wbinvd""#, "VP1802"),
    Change(
      "another objective", #"["wbinvd","incoherentDevices","pageTables","blockedNoSnoop"]"#,
      #"["blockedNoSnoop","wbinvd","incoherentDevices","pageTables","x"]"#, "VP1036"),
    Change("another metric", #""incoherentDevices":1"#, #""incoherentDevices":0"#, "VP1803"),
    Change(
      "a table of another format", #""enforceSnoop":true,"iommus""#,
      #""enforceSnoop":false,"iommus""#, "VP1803"),
    Change("a device on another table", #""ioasid":"gpa.1""#, #""ioasid":"gpa.0""#, "VP1803"),
    Change("an effective device hidden", #""effective":true"#, #""effective":false"#, "VP1803"),
    Change("another box", #""box":3"#, #""box":2"#, "VP1803"),
    Change("another explanation", #""why":"alone"#, #""why":"safe, alone"#, "VP1803"),
    Change(
      "KVM told otherwise", #""kvm":{"incoherentDMA":true"#,
      #""kvm":{"incoherentDMA":false"#, "VP1803"),
    Change("another proof", #""proof":"igd""#, #""proof":"nic""#, "VP1803"),
    Change("another mapping", #""offset":"0x0"}"#, #""offset":"0x1000"}"#, "VP1803"),
    Change("another count", #""opens":"#, #""opens":1"#, "VP1803"),
    Change("another VM name", #""vm":"workstation""#, #""vm":"other""#, "VP1803"),
    Change(
      "an intent changed in the description", #""noSnoop":"forbidden"}"#,
      #""noSnoop":"allowed"}"#, "VP1803"),
    Change(
      "a host fact changed", #""enforceSnoop":true,"isolatedMSI""#,
      #""enforceSnoop":false,"isolatedMSI""#, "VP3005"),
    Change("a target that is not known", #""target":"iommufd""#, #""target":"magic""#, "VP1036"),
    Change("a target of another program", #""target":"iommufd""#, #""target":"type1""#, "VP1803"),
  ]

  static let sample = Result { try SavedPlanSample(Example.named("igd-and-nic"), "iommufd") }

  @Test(arguments: steps)
  func noChangedStepIsAccepted(change: Change) throws { try Self.expectRefused(change) }

  @Test(arguments: decisions)
  func noChangedDecisionOrFactIsAccepted(change: Change) throws { try Self.expectRefused(change) }

  private static func expectRefused(_ change: Change) throws {
    let sample = try sample.get()
    let findings = try sample.findings(replacing: change.old, with: change.new)
    let first = try #require(findings.first { $0.code.severity == .error }, "\(change.what)")
    #expect(first.code.name == change.code, "\(change.what): \(first.message)")
    let span = try #require(first.span)
    #expect(Int(span.end) <= sample.text.utf8.count + change.new.utf8.count, "\(change.what)")
  }

  @Test func aFindingStandsAtTheValueThatWasChangedAndSaysWhatBelongsThere() throws {
    let sample = try Self.sample.get()
    for (old, new, message) in [
      (
        #""effective":true"#, #""effective":false"#,
        "'devices[0].effective' says 'false', but the facts in this file give 'true'"
      ),
      (
        #""number":"0x3b81""#, #""number":"0x3b99""#,
        "is not what the decision needs: 'number' says '0x3b99', expected '0x3b81'"
      ),
    ] {
      let findings = try sample.findings(replacing: old, with: new)
      let finding = try #require(findings.first)
      #expect(finding.message.hasSuffix(message), "\(finding.message)")
      let place = try #require(sample.text.range(of: old)?.lowerBound)
      let key = sample.text.utf8.distance(from: sample.text.startIndex, to: place)
      let value = key + old.split(separator: ":")[0].utf8.count + 1
      #expect(Int(finding.span?.start ?? 0) == value)
    }
  }

  @Test func stepsThatAreRemovedRepeatedOrExchangedAreRefused() throws {
    let sample = try Self.sample.get()
    let lines = sample.text.split(separator: "\n", omittingEmptySubsequences: false)
    let steps = lines.indices.filter { lines[$0].contains(#"{"index":"#) }
    for (here, next) in zip(steps, steps.dropFirst()) where lines[next].hasSuffix("},") {
      var removed = lines
      removed.remove(at: here)
      var repeated = lines
      repeated.insert(lines[here], at: here)
      var exchanged = lines
      exchanged.swapAt(here, next)
      for text in [removed, repeated, exchanged] {
        let findings = sample.findings(reading: text.joined(separator: "\n"))
        #expect(findings.contains { $0.code.name == "VP1804" || $0.code.name == "VP1803" })
      }
    }
  }

  @Test func aStepOrDeviceMoreOrLessAtTheEndIsRefused() throws {
    let sample = try Self.sample.get()
    let end = try #require(sample.text.range(of: "\n  ],\n  \"diagnostics\"")?.lowerBound)
    let more = sample.text[..<end] + ",\n    {}" + sample.text[end...]
    #expect(sample.findings(reading: String(more)).contains { $0.code.name == "VP1803" })
    let last = try #require(sample.text[..<end].lastIndex(of: "\n"))
    let less = sample.text[..<last].dropLast() + sample.text[end...]
    #expect(sample.findings(reading: String(less)).contains { $0.code.name == "VP1803" })
  }

  @Test func anchorsAndAliasesCantMakeAPlanOutOfItself() throws {
    let sample = try Self.sample.get()
    for text in [
      sample.text.replacing(#""steps":["#, with: #""steps":&a [*a,"#),
      sample.text.replacing(#""description":{"#, with: #""description":&d {"x":*d,"#),
      "&p {\"format\":\"vfioplan.plan/v1\",\"host\":*p,\"description\":*p,\"steps\":*p}",
    ] {
      #expect(throws: (any Error).self) {
        _ = try sample.read(text)
      }
    }
  }

  @Test func anySingleByteOfTheFileMayGoWrongWithoutACrash() throws {
    let sample = try Self.sample.get()
    let bytes = Array(sample.text.utf8)
    var random = SeededNumbers(seed: 7)
    for round in 0..<300 {
      var changed = bytes
      let position = Int.random(in: 0..<bytes.count, using: &random)
      switch round % 3 {
      case 0: changed[position] = UInt8.random(in: 0...255, using: &random)
      case 1: changed.remove(at: position)
      default: changed.removeSubrange(position...)
      }
      let text = String(decoding: changed, as: UTF8.self)
      for finding in sample.findings(reading: text) {
        #expect(Int(finding.span?.end ?? 0) <= text.utf8.count, "seed 7, round \(round)")
      }
    }
  }
}
