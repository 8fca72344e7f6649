import Parser
import Testing

@testable import Parser

/// The windows of a device's memory: lines of sysfs, and lists of descriptions.
struct BARTests {
  private static let nothing = "0x0000000000000000 0x0000000000000000 0x0000000000000000"

  private static func text(_ lines: [String]) -> String {
    (lines + Array(repeating: nothing, count: 13 - lines.count)).joined(separator: "\n")
  }

  @Test func windowsOfMemoryAreReadAndPortsAndTheROMAreNot() {
    let text = Self.text([
      "0x00000000f4000000 0x00000000f4ffffff 0x0000000000040200",
      "0x000000e000000000 0x000000e3ffffffff 0x000000000014220c", Self.nothing,
      "0x000000e400000000 0x000000e401ffffff 0x000000000014220c", Self.nothing,
      "0x000000000000e000 0x000000000000e07f 0x0000000000040101",
      "0x00000000f5000000 0x00000000f507ffff 0x0000000000046200",
    ])
    #expect(
      BAR.all(in: text) == [
        BAR(index: 0, size: 16 << 20, isPrefetchable: false, is64Bit: false),
        BAR(index: 1, size: 16 << 30, isPrefetchable: true, is64Bit: true),
        BAR(index: 3, size: 32 << 20, isPrefetchable: true, is64Bit: true),
      ])
  }

  @Test func aWindowWithoutAnAddressHasASizeAndADeviceMayHaveNone() {
    let unset = "0x0000000000000000 0x000000000000ffff 0x0000000020140204"
    #expect(BAR.all(in: Self.text([unset])) == [BAR(index: 0, size: 64 << 10)])
    #expect(BAR.all(in: Self.text([])) == [])
  }

  @Test(arguments: [
    "", "0x0 0x0 0x0", "0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0",
    "0 0 0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0",
    "0x9 0x1 0x200\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0",
    "0x0 0xffffffffffffffff 0x200\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0",
  ])
  func whatIsNoListOfWindowsIsUnknownAndNotNone(text: String) {
    #expect(BAR.all(in: text) == nil)
  }

  /// The BARs of the only device of a description, and the codes found.
  private static func read(_ bars: String) throws -> (bars: [BAR]?, codes: [String]) {
    var sink = DiagnosticSink()
    let text =
      "apiVersion: vfioplan/v1\nkind: Host\nname: h\ndevices:\n  - address: \"0000:01:00.0\"\n"
      + bars
    let file = SourceFile(id: .host, name: "host.yaml", bytes: Array(text.utf8))
    let host = try? DescriptionReader.host(file, into: &sink)
    return (host?.devices.first?.bars, sink.diagnostics.map(\.code.name))
  }

  @Test func aListIsReadByIndexAndALeftOutWidthMayLieAnywhere() throws {
    let read = try Self.read(
      "    bars: [ { index: 2, size: 256MiB }, "
        + "{ index: 0, size: 16MiB, prefetchable: true, bits: 32 } ]"
    )
    #expect(read.codes == [])
    #expect(
      read.bars == [
        BAR(index: 0, size: 16 << 20, isPrefetchable: true, is64Bit: false),
        BAR(index: 2, size: 256 << 20, isPrefetchable: false, is64Bit: true),
      ])
  }

  @Test(
    arguments: [("", nil), ("    bars: []", [BAR]()), ("    bars: null", nil)] as [(String, [BAR]?)]
  )
  func leftOutIsUnknownAndAnEmptyListIsNone(text: String, expected: [BAR]?) throws {
    #expect(try Self.read(text).bars == expected)
  }

  @Test(arguments: [
    ("{ index: 6, size: 4KiB }", "VP1033"), ("{ size: 4KiB }", "VP1022"),
    ("{ index: 0, size: 4KiB, bits: 16 }", "VP1036"),
  ])
  func whatIsWrongInAListIsFound(items: String, code: String) throws {
    #expect(try Self.read("    bars: [ \(items) ]").codes == [code])
  }
}
