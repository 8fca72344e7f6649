import Parser
import TestSupport
import Testing

@testable import Conform
@testable import Executor

/// What kernels once answered differently: the smallest programs that showed it, with the kernel's
/// answers as `Tests/KernelLab` recorded them.
struct ConformTests {
  static let fixtures = PackageFiles.entries("Tests/Fixtures/conform").filter {
    $0.hasSuffix(".txt")
  }

  @Test(arguments: fixtures)
  func theSimulatorAnswersAsTheKernelDid(name: String) throws {
    let text = try PackageFiles.text("Tests/Fixtures/conform/\(name)")
    let lines = text.split(separator: "\n").map(String.init)
    let machine = try #require(lines.first { $0.hasPrefix("host: ") }).dropFirst("host: ".count)
    let end = try #require(lines.firstIndex(of: "---"))
    let host = try host("Tests/Fixtures/conform/hosts/\(machine).yaml")
    let program = lines[..<end].filter { !$0.hasPrefix("host: ") }
    let answers = ConformProgram.answers(to: ["program it"] + program, on: host)
    #expect(Array(answers.dropFirst()) == Array(lines[(end + 1)...]), "\(name)")
  }

  /// A device's file is mapped in the iommufd that the device is bound to.
  ///
  /// Each keeps the other open. Kernels do not get rid of it either, so no kernel is asked.
  @Test func aRingOfFilesIsNeverClosed() throws {
    let program = [
      "program it", "iommu = open iommu",
      "ioas = ioctl iommu 0x3b81:IOMMU_IOAS_ALLOC size:4=12 flags:4=0 id:4=0!",
      "cdev = open cdev 0000:00:03.0",
      "ioctl cdev 0x3b76:VFIO_DEVICE_BIND_IOMMUFD argsz:4=16 flags:4=0 iommufd:4=iommu id:4=0!",
      "ioctl iommu 0x3b8f:IOMMU_IOAS_MAP_FILE size:4=40 flags:4=7 ioas:4=ioas fd:4=cdev"
        + " start:8=0 length:8=4096 iova:8=65536!",
    ]
    let host = try host("Tests/Fixtures/conform/hosts/7.3-intel-snoop.yaml")
    let last = try #require(ConformProgram.answers(to: program, on: host).last)
    #expect(last == #"left ["/dev/iommu", "device 0000:00:03.0"] ["IOAS 1", "device 2"]"#)
    let undone =
      program + [
        "ioctl iommu 0x3b86:IOMMU_IOAS_UNMAP size:4=24 ioas:4=ioas iova:8=65536 length:8=4096!"
      ]
    #expect(ConformProgram.answers(to: undone, on: host).last == "0 0x1000")
  }

  private func host(_ path: String) throws -> HostDescription {
    var sink = DiagnosticSink()
    let file = SourceFile(id: .host, name: path, text: try PackageFiles.text(path))
    return try DescriptionReader.host(file, into: &sink)
  }
}
