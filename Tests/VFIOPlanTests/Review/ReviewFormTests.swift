import Parser
import Planner
import TestSupport
import Testing

@testable import vfioplan

/// The laws of reviews in Markdown and HTML that need no browser.
struct ReviewFormTests {
  private static let hostile =
    "<script>a</script> | `x` \u{202E}[l](u) **b** @me #1 \"'&amp; \\ _i_ "

  @Test(arguments: [
    ("review.css", ReviewAssets.styleHash), ("review.js", ReviewAssets.scriptHash),
  ])
  func thePolicyNamesTheFilesThatAreWritten(file: String, hash: String) throws {
    let path = "Sources/vfioplan/Reports/Review/Assets/\(file)"
    let script =
      "import base64, hashlib, sys; "
      + "print(base64.b64encode(hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()).decode())"
    let said = try Tool.run("/usr/bin/python3", ["-c", script, path])
    #expect(said.output == hash + "\n")
  }

  @Test func textInHTMLIsTextWhateverItSays() {
    var page = HTMLWriter()
    page.element("p", [("title", Self.hostile)], Self.hostile)
    let text = String(decoding: page.bytes, as: UTF8.self)
    #expect(text.count { $0 == "<" } == 2 && text.count { $0 == ">" } == 2)
    #expect(text.count { $0 == "\"" } == 2 && !text.contains("'") && !text.contains("\u{202E}"))
  }

  @Test func textInMarkdownIsTextWhateverItSays() {
    for scalar in (0x20..<0x7F).compactMap(Unicode.Scalar.init) {
      let text = MarkdownText.text(String(scalar) + "x" + String(scalar))
      let isEscaped = text.hasPrefix("\\")
      #expect(isEscaped == "\\`*_{}[]<>#~|!&$^=".unicodeScalars.contains(scalar), "\(scalar)")
    }
    #expect(MarkdownText.text("http://a www.b") == "http\\://a www\\.b")
    #expect(MarkdownText.text("\u{202E}") == "\\\\u\\{202e\\}")
  }

  @Test func codeInMarkdownEndsWhereItsTextEnds() {
    #expect(MarkdownText.code("a") == "`a`")
    #expect(MarkdownText.code("a``b") == "```a``b```")
    #expect(MarkdownText.code("`a|") == "`` `a\\| ``" || MarkdownText.code("`a|") == "`` `a\\|``")
    #expect(MarkdownText.code("") == "")
    var page = MarkdownText()
    page.code("text", ["a", "````"])
    #expect(String(decoding: page.bytes, as: UTF8.self) == "`````text\na\n````\n`````\n")
  }

  @Test(arguments: [3, 24, 25, 400])
  func manyDevicesThatGoTheSameWayAreOneNode(count: Int) throws {
    let (compiled, review) = try Self.review(of: count)
    let picture = ReviewPicture(compiled, review)
    let devices = picture.nodes.filter { $0.kind == .device }
    #expect(devices.count == (count <= ReviewPicture.mostDevices ? count : 2))
    let lines = MermaidPicture(picture).lines
    #expect(lines.count == 1 + picture.nodes.count + picture.edges.count)
    for (edge, coherence) in picture.edges where coherence == .not {
      #expect(picture.nodes[edge.to].coherence == .not)
      #expect(lines.contains { $0.hasPrefix("  n\(edge.from) -. no-snoop .-> n\(edge.to)") })
    }
    #expect(picture.nodes.contains { $0.kind == .kvm && $0.coherence == .not })
  }

  @Test func aLabelOfMermaidHasNoSigns() throws {
    let lines = MermaidPicture(try Self.picture(unit: Self.hostile)).lines
    let label = try #require(lines.first { $0.contains("script") })
    let inner = label.dropFirst("  n1{{\"".count).dropLast("\"}}".count)
    let text = inner.replacing("<br>", with: "")
    #expect(!text.contains { "<>\"'`|[]{}()&\\".contains($0) }, "\(label)")
  }

  private static func picture(unit: String) throws -> ReviewPicture {
    let (compiled, review) = try review(of: 1, unit: unit)
    return ReviewPicture(compiled, review)
  }

  /// A plan of devices behind two units, one of which can't enforce.
  private static func review(
    of count: Int, unit: String = "dmar0"
  ) throws -> (CompiledPlan, PlanReview) {
    let addresses = (0..<count).map {
      BDF(domain: 0, bus: UInt8($0 / 32 + 1), device: UInt8($0 % 32), function: 0)
    }
    let host = HostDescription(
      name: "h",
      kernel: HostKernel(release: "7.3.4", iommufd: .yes, vfioCdev: .yes, type1: .yes, kvm: .yes),
      iommus: [
        HostIOMMU(name: unit, type: HostIOMMU.intel, enforceSnoop: .no),
        HostIOMMU(name: "dmar1", type: HostIOMMU.intel, enforceSnoop: .yes),
      ],
      devices: addresses.enumerated().map { index, address in
        HostDevice(
          address: address, iommu: index % 2 == 0 ? unit : "dmar1", group: index,
          noSnoopCapable: .yes)
      })
    let vm = VMDescription(
      name: "v", memory: [MemoryRegion(gpa: 0, size: 1 << 21)],
      devices: addresses.enumerated().map { AssignedDevice(name: "d\($0)", address: $1) })
    var sink = DiagnosticSink()
    let dialect = try #require(Dialects.all.first { $0.name == "iommufd" })
    let compiled = try Compilation.compile(vm, on: host, dialect: dialect, into: &sink)
    return (compiled, PlanReview(compiled))
  }
}
