import Foundation
import Parser
import TestSupport
import Testing

struct JSONWriterTests {
  @Test func aBlockPutsEachMemberOnItsOwnLineALineNone() {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("name", "nic")
    writer.key("steps")
    writer.beginArray(.block)
    for index in 1...2 {
      writer.beginObject()
      writer.member("index", index)
      writer.member("big", hex: UInt64(index) << 60)
      writer.endObject()
    }
    writer.endArray()
    writer.key("none")
    writer.beginArray(.block)
    writer.endArray()
    writer.endObject()
    writer.endText()
    #expect(
      String(decoding: writer.bytes, as: UTF8.self) == """
        {
          "name":"nic",
          "steps":[
            {"index":1,"big":"0x1000000000000000"},
            {"index":2,"big":"0x2000000000000000"}
          ],
          "none":[]
        }

        """)
  }

  @Test func anArrayWrittenInRunsIsTheArrayWrittenAtOnce() {
    var whole = JSONWriter()
    whole.beginObject(.block)
    whole.key("a")
    whole.beginArray(.block)
    for index in 0..<5 { whole.integer(index) }
    var head = JSONWriter()
    head.beginObject(.block)
    head.key("a")
    head.beginArray(.block)
    var bytes = head.bytes
    for run in [0..<2, 2..<5] {
      var part = JSONWriter(insideBlocks: 2, isFirstMember: run.lowerBound == 0)
      for index in run { part.integer(index) }
      bytes += part.bytes
    }
    #expect(bytes == whole.bytes)
  }

  @Test func everyScalarSurvivesFoundationsReaderAndWhatYAMLRefusesIsEscaped() throws {
    let scalars = (0..<0x3000).compactMap(Unicode.Scalar.init(_:)) + ["\u{FEFF}", "\u{FFFF}", "😀"]
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    var writer = JSONWriter(capacity: 1)
    writer.beginArray()
    writer.string(String(text))
    writer.endArray()
    let read = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String]
    #expect(read?.first.map { Array($0.unicodeScalars) } == scalars)
    let raw = String(decoding: writer.bytes, as: UTF8.self).unicodeScalars
    #expect(raw.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
    #expect(!raw.contains("\u{2028}") && !raw.contains("\u{FEFF}"))
  }

  @Test(arguments: [0, 9, 10, 99, 100, 999_999_999, 10_000_000_000, UInt64.max, 1 << 63])
  func integersAreExactToTheLastDigit(value: UInt64) {
    var writer = JSONWriter()
    writer.integer(value)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "\(value)")
    var hex = JSONWriter()
    hex.hex(value)
    #expect(String(decoding: hex.bytes, as: UTF8.self) == "\"0x\(String(value, radix: 16))\"")
    var least = JSONWriter()
    least.integer(Int.min)
    #expect(String(decoding: least.bytes, as: UTF8.self) == "\(Int.min)")
  }

  @Test func addressesAreWrittenAsLinuxWritesThem() {
    for address in [
      BDF(domain: 0, bus: 0x65, device: 31, function: 7),
      BDF(domain: 0xABC_DEF01, bus: 0, device: 0, function: 0),
    ] {
      var writer = JSONWriter()
      writer.string(address)
      #expect(String(decoding: writer.bytes, as: UTF8.self) == "\"\(address)\"")
    }
  }
}
