import Testing

@testable import Parser

/// Facts of a host of which one follows from another.
struct StatedFactTests {
  private static func word(_ key: String, _ fact: Fact?) -> String {
    fact.map { ", \(key): \($0.rawValue)" } ?? ""
  }

  private static let stated: [Fact?] = [nil, .no, .yes, .unknown]

  @Test func aVirtualFunctionHasItsPhysicalFunctionsFactWhateverIsStatedOfItself() throws {
    for physical in Self.stated {
      for virtual in Self.stated {
        let lines = [
          "  - { address: \"0000:17:00.0\"" + Self.word("noSnoopCapable", physical) + " }\n",
          "  - { address: \"0000:17:00.1\", physicalFunction: \"0000:17:00.0\""
            + Self.word("noSnoopCapable", virtual) + " }\n",
        ]
        for order in [lines, lines.reversed()] {
          var sink = DiagnosticSink()
          let text = Reading.hostText("devices:\n" + order.joined())
          let host = try DescriptionReader.host(
            SourceFile(id: .host, name: "t", text: text), into: &sink)
          let counts = physical ?? .unknown
          #expect(host.devices.map(\.noSnoopCapable) == [counts, counts])
          let isContradicted = virtual ?? .unknown != .unknown && virtual != counts
          #expect(sink.diagnostics.map(\.code.name) == (isContradicted ? ["VP1050"] : []))
        }
      }
    }
  }

  @Test func whatIsStatedOfAVirtualFunctionCountsWhereItsPhysicalFunctionIsNotDescribed() throws {
    let host = try Reading.host(
      Reading.hostText(
        "devices:\n  - { address: \"0000:17:00.1\", physicalFunction: \"0000:17:00.0\", "
          + "noSnoopCapable: false }\n"))
    #expect(host.devices[0].noSnoopCapable == .no)
  }

  /// Pages are those of the CPUs; what CPUs there are may follow from the IOMMUs.
  @Test func pagesAreThoseOfTheCPUsWhatCPUsThereAreMayFollowFromTheIOMMUs() {
    for (kernel, unit, sizes) in [
      ("architecture: aarch64", "other", [4, 16, 64]), ("architecture: x86_64", "other", [4]),
      ("release: \"6.8\"", "intel-vtd", [4]), ("release: \"6.8\"", "arm-smmu-v3", [4, 16, 64]),
      ("release: \"6.8\"", "other", [4, 16, 64]), ("architecture: other", "other", [4, 8, 16, 64]),
    ] {
      let accepted = [4, 8, 16, 64].filter { size in
        var sink = DiagnosticSink()
        let text = Reading.hostText(
          "kernel: { \(kernel), pageSize: \(size)KiB }\niommus: [ { name: u, type: \(unit) } ]\n"
            + "devices: []\n")
        _ = try? DescriptionReader.host(
          SourceFile(id: .host, name: "t", text: text), into: &sink)
        return sink.diagnostics.isEmpty
      }
      #expect(accepted == sizes, "\(kernel), \(unit)")
    }
  }
}
