import Foundation
import Planner
import Testing

/// Compares descriptors with this machine's headers by compiling a probe in C.
///
/// Debian 12 has `linux/vfio.h` and `linux/kvm.h` of 6.1: no `linux/iommufd.h`, structs of then.
struct UAPIHeaderTests {
  static let compiler = ["/usr/bin/gcc", "/usr/bin/cc", "/usr/bin/clang"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }
  static let hasHeaders = ["vfio.h", "kvm.h"].allSatisfy {
    FileManager.default.fileExists(atPath: "/usr/include/linux/\($0)")
  }

  static let requests: [RequestDescriptor] = [
    KVMRequests.getAPIVersion, KVMRequests.createVM, KVMRequests.createDevice,
    KVMRequests.addFile, VFIOContainerRequests.getAPIVersion,
    VFIOContainerRequests.checkExtension, VFIOContainerRequests.setIOMMU,
    VFIOContainerRequests.getInfo, VFIOContainerRequests.mapDMA, VFIOContainerRequests.unmapDMA,
    VFIOGroupRequests.getStatus, VFIOGroupRequests.setContainer,
    VFIOGroupRequests.unsetContainer, VFIOGroupRequests.getDeviceFD,
  ]

  @Test(.enabled(if: compiler != nil && hasHeaders, "needs a C compiler and Linux headers"))
  func numbersAndOffsetsAreThoseOfACCompiler() throws {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "vfioplan-probe-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let source = directory.appending(path: "probe.c")
    try Data(Self.program.utf8).write(to: source)
    let binary = directory.appending(path: "probe").path
    let compiler = try #require(Self.compiler)
    #expect(try Self.run(compiler, ["-o", binary, source.path]).isEmpty)
    #expect(try Self.run(binary, []) == Self.expected)
  }

  private static var program: String {
    var lines = [
      "#include <stdio.h>", "#include <stddef.h>", "#include <linux/vfio.h>",
      "#include <linux/kvm.h>", "int main(void) {",
    ]
    for request in requests {
      lines.append(
        "printf(\"\(request.name) %#x\\n\", (unsigned)\(request.name));")
      for (structure, field) in members(request) {
        lines.append(
          "printf(\"\(structure).\(field.name) %zu %zu\\n\", "
            + "offsetof(struct \(structure), \(field.name)), "
            + "sizeof(((struct \(structure) *)0)->\(field.name)));")
      }
    }
    return (lines + ["return 0; }", ""]).joined(separator: "\n")
  }

  private static var expected: String {
    var text = ""
    for request in requests {
      text += "\(request.name) 0x\(String(request.code.command, radix: 16))\n"
      for (structure, field) in members(request) {
        text += "\(structure).\(field.name) \(field.offset) \(field.width)\n"
      }
    }
    return text
  }

  /// The members that the headers of 6.1 have, too.
  private static func members(_ request: RequestDescriptor) -> [(String, Field)] {
    guard let layout = UAPILayoutTests.layout(request), layout.name != "int" else { return [] }
    return layout.fields.filter { $0.name != "pad" }.map { (layout.name, $0) }
  }

  private static func run(_ path: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}
