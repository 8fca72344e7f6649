import Foundation
import TestSupport
import Testing

@testable import Parser

/// Archives are read exactly, whatever has compressed them, and nothing leads out of them.
struct ArchiveTests {
  private static func gzip(_ bytes: [UInt8], level: Int = 6) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gzip-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "file")
    try Data(bytes).write(to: file)
    #expect(try Tool.run("/usr/bin/env", ["gzip", "-n\(level)", file.path]).code == 0)
    return Array(try Data(contentsOf: file.appendingPathExtension("gz")))
  }

  /// The reason why an archive is refused; `nil` if it is not.
  private static func refusal(_ bytes: [UInt8]) -> String? {
    do throws(TreeError) { _ = try ArchivedFiles(bytes) } catch { return error.reason }
    return nil
  }

  private static func archive(_ add: (inout TarWriter) -> Void) -> [UInt8] {
    var writer = TarWriter()
    add(&writer)
    return writer.finished()
  }

  @Test(arguments: [1, 6, 9])
  func whatGzipCompressesIsExpanded(level: Int) throws {
    var random = SeededNumbers(seed: UInt64(level))
    let inputs: [[UInt8]] = [
      [], [7], [UInt8](repeating: 65, count: 100_000),
      (0..<70_000).map { _ in UInt8(random.below(256)) },
      (0..<200_000).flatMap { Array("\($0 % 977) ".utf8) },
    ]
    for input in inputs {
      let packed = try Self.gzip(input, level: level)
      #expect(try Gzip.expanded(packed, atMost: 1 << 24) == input)
      #expect(try Gzip.expanded(packed + packed, atMost: 1 << 24) == input + input)
    }
  }

  @Test func whatIsDamagedIsRefused() throws {
    let text = Array("the same again, the same again".utf8)
    let packed = try Self.gzip(text)
    for length in packed.indices {
      #expect(throws: TreeError.self) { try Gzip.expanded(Array(packed[..<length]), atMost: 99) }
    }
    // The flags, time and system of the header do not matter.
    for index in packed.indices.dropFirst(10) {
      for bit in 0..<8 {
        var other = packed
        other[index] ^= 1 << bit
        // Up to seven bits before the sum fill a byte, and mean nothing.
        let read = try? Gzip.expanded(other, atMost: 99)
        #expect(read == nil || read == text && index == packed.count - 9)
      }
    }
  }

  @Test func nothingIsExpandedWithoutEnd() throws {
    let bomb = try Self.gzip([UInt8](repeating: 0, count: ArchivedFiles.maximumBytes + 1))
    #expect(Self.refusal(bomb) == "the archive holds more than 64 MiB")
  }

  @Test func whatLeadsOutOrStandsThereTwiceIsRefused() {
    let reason = { (add: (inout TarWriter) -> Void) in Self.refusal(Self.archive(add)) }
    #expect(
      reason { $0.add("sys/../../etc/x", .file) } == "the archive has the name "
        + "'sys/../../etc/x'")
    #expect(
      reason {
        $0.add("sys/a", .file, [1])
        $0.add("./sys//a", .file, [2])
      } == "the archive has './sys//a' twice")
    #expect(reason { $0.add(String(repeating: "d/", count: 33), .directory) } != nil)
    #expect(reason { $0.add(String(repeating: "n", count: 1025), .file) } != nil)
    #expect(reason { $0.add("l", .link, link: String(repeating: "n", count: 1025)) } != nil)
    let whole = Self.archive { $0.add("sys/a", .file, Array("text".utf8)) }
    #expect(Self.refusal(whole) == nil)
    for length in stride(from: 0, to: 1025, by: 64) {
      #expect(Self.refusal(Array(whole[..<length])) == "the archive is cut off")
    }
    var damaged = whole
    damaged[0] ^= 1
    #expect(Self.refusal(damaged) == "not a tar archive, or a damaged one")
  }

  @Test func linksStayInside() throws {
    let files = try ArchivedFiles(
      Self.archive {
        $0.add("a/file", .file, Array("text".utf8))
        $0.add("a/up", .link, link: "../../../a/file")
        $0.add("b", .link, link: "/a")
        $0.add("c", .link, link: "c")
        $0.add("d", .link, link: "b/../a/./file")
      })
    for path in ["/a/file", "/a/up", "/b/file", "/b/../../a/file", "/d", "/b/up"] {
      #expect(try files.contents(of: path, atMost: 99) == Array("text".utf8), "\(path)")
    }
    #expect(try files.names(in: "/") == ["a", "b", "c", "d"])
    #expect(try files.names(in: "/b") == ["file", "up"])
    #expect(try files.linkText("/b") == "/a" && files.linkText("/a") == nil)
    #expect(try files.kind(of: "/b") == .directory && files.kind(of: "/a/file/x") == nil)
    #expect(throws: TreeError.loop) { try files.kind(of: "/c") }
    #expect(throws: TreeError.notRegular) { try files.contents(of: "/a", atMost: 1) }
    #expect(throws: TreeError.notDirectory) { try files.names(in: "/d") }
  }

  @Test func archivesOfGNUTarAreRead() throws {
    let copy = try SysfsCopy()
    let long = ["n", "m"].map { String(repeating: $0, count: 70) }.joined(separator: "/")
    try copy.write(long + "/file", "text")
    try copy.link("link", to: long + "/file")
    for format in ["gnu", "pax", "ustar"] {
      let path = copy.path + "/\(format).tar"
      let made = try Tool.run(
        "/usr/bin/env",
        ["tar", "-C", copy.path, "--format", format, "-cf", path, "./\(long)"]
          + (format == "ustar" ? [] : ["./link"]))
      #expect(made.code == 0, "\(made.errors)")
      let files = try ArchivedFiles(Array(try Data(contentsOf: URL(filePath: path))))
      #expect(try files.contents(of: "/\(long)/file", atMost: 99) == Array("text".utf8))
      if format != "ustar" { #expect(try files.linkText("/link") == long + "/file") }
    }
  }
}
