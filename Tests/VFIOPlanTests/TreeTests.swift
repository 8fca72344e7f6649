import Foundation
import TestSupport
import Testing

/// `vfioplan host --root` reads what is in a tree and nothing else, and says what it can't read.
struct TreeTests {
  private static let device = "sys/bus/pci/devices/0000:01:00.0"

  /// A tree with one device, beside a file that is none of its business.
  private let copy: SysfsCopy
  private let tree: String

  init() throws {
    copy = try SysfsCopy()
    tree = copy.path + "/tree"
    try copy.write("secret", "TOP-SECRET\n")
    let inside = try SysfsCopy()
    try inside.device("0000:01:00.0", 0x10de, 1, 0x030000, unit: nil, group: 1)
    try FileManager.default.moveItem(atPath: inside.path, toPath: tree)
  }

  private static func replace(_ path: String, byLinkTo target: String) throws {
    try? FileManager.default.removeItem(atPath: path)
    let folder = (path as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  @Test func nothingLeadsOutOfATree() throws {
    let up = String(repeating: "../", count: 12)
    for target in [copy.path + "/secret", up + copy.path + "/secret", up + "proc/self/cmdline"] {
      for name in ["proc/sys/kernel/hostname", "proc/sys/kernel/osrelease"] {
        try Self.replace("\(tree)/\(name)", byLinkTo: target)
      }
      for name in ["vendor", "config", "iommu_group", "driver"] {
        try Self.replace("\(tree)/\(Self.device)/\(name)", byLinkTo: target)
      }
      let shown = try Tool.run(["host", "--root", tree, "--format", "yaml"])
      #expect(shown.code == 66)
      #expect(!shown.output.contains("SECRET") && !shown.output.contains("vfioplan\0"))
      let archive = copy.path + "/capture.tar"
      _ = try Tool.run(["host", "--root", tree, "--capture", archive])
      let bytes = try Data(contentsOf: URL(filePath: archive))
      #expect(bytes.range(of: Data("TOP-SECRET".utf8)) == nil)
    }
  }

  @Test func linksAreFollowedInsideATree() throws {
    try Data("inside\n".utf8).write(to: URL(filePath: tree + "/name"))
    try Self.replace(tree + "/proc/sys/kernel/hostname", byLinkTo: "/name")
    let shown = try Tool.run(["host", "--root", tree, "--format", "yaml"])
    #expect(shown.code == 0 && shown.output.contains("name: inside\n"), "\(shown.errors)")
  }

  @Test func whatIsNoFileIsNamedAndNotOpened() throws {
    let path = "sys/kernel/iommu_groups/1/reserved_regions"
    try FileManager.default.createDirectory(
      atPath: tree + "/sys/kernel/iommu_groups/1", withIntermediateDirectories: true)
    #expect(mkfifo("\(tree)/\(path)", 0o600) == 0)
    for target in ["/\(path)", "reserved_regions", "../1"] {
      let shown = try Tool.run(["host", "--root", tree])
      #expect(shown.code == 66)
      #expect(shown.errors.contains("error[VP4022]: /\(path) can't be read: "), "\(target)")
      try Self.replace("\(tree)/\(path)", byLinkTo: target)
    }
  }

  @Test func whatOnlyRootMayReadIsAWarning() throws {
    try FileManager.default.setAttributes(
      [.posixPermissions: 0], ofItemAtPath: "\(tree)/\(Self.device)/config")
    // Root reads it all the same, unless it has given up the right to.
    let rights = ["--bounding-set", "-dac_override,-dac_read_search"]
    let asAnyUser = geteuid() == 0 ? ["setpriv"] + rights : []
    let shown = try Tool.run(
      "/usr/bin/env", asAnyUser + [Tool.vfioplan, "host", "--root", tree])
    #expect(shown.code == 0)
    #expect(shown.errors.contains("warning[VP4022]: /\(Self.device)/config can't be read: EACCES"))
  }

  @Test(arguments: ["/nowhere", "", "/dev/null", "/etc/hostname/x"])
  func aTreeThatIsNotThereIsAllThatIsSaid(path: String) throws {
    let outcome = try Tool.run(["host", "--root", path])
    #expect(outcome.code == 66 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("vfioplan: error[VP4023]: '\(path)' can't be read: "))
    #expect(outcome.errors.components(separatedBy: "[VP").count == 2, "\(outcome.errors)")
  }

  @Test(arguments: HostTests.captures)
  func anArchiveSaysWhatItsTreeSays(name: String) throws {
    let archive = PackageFiles.path("Tests/Fixtures/captures/\(name).tar.gz")
    let copy = try SysfsCopy(archive: archive)
    let wanted = try Tool.run(["host", "--root", copy.path, "--format", "yaml"])
    #expect(try Tool.run(["host", "--root", archive, "--format", "yaml"]) == wanted)
    let again = copy.path + "/again.tar"
    #expect(try Tool.run(["host", "--root", archive, "--capture", again]).code == 0)
    #expect(try Tool.run(["host", "--root", again, "--format", "yaml"]) == wanted)
  }

  @Test func aCaptureKeepsNamesOfAnyLength() throws {
    let copy = try SysfsCopy()
    let name = String(repeating: "u", count: 200)
    try copy.unit(name, cap: "d2008c40660462", ecap: "f020df")
    try copy.device("0000:01:00.0", 0x10de, 1, 0x030000, unit: name, group: 1)
    let archive = copy.path + "/capture.tar"
    #expect(try Tool.run(["host", "--root", copy.path, "--capture", archive]).code == 0)
    let list = try Tool.run("/usr/bin/env", ["tar", "-tvf", archive])
    #expect(list.code == 0 && list.errors == "", "\(list.errors)")
    #expect(list.output.contains("sys/class/iommu/\(name)/intel-iommu/cap\n"))
    #expect(list.output.contains("/iommu -> ../../../../class/iommu/\(name)\n"))
    let shown = try Tool.run(["host", "--root", archive, "--format", "yaml"])
    #expect(shown == (try Tool.run(["host", "--root", copy.path, "--format", "yaml"])))
    #expect(shown.output.contains("iommu: \(name)\n"))
  }

  @Test func aCaptureHasNothingOfVitalProductData() throws {
    let copy = try SysfsCopy()
    try copy.device("0000:01:00.0", 0x10de, 1, 0x030000, unit: nil, group: nil)
    let path = "\(Self.device)/config"
    var configuration = try Data(contentsOf: URL(filePath: "\(copy.path)/\(path)"))
    (configuration[0x60], configuration[0x61]) = (0x03, 0)
    configuration.replaceSubrange(0x64..<0x68, with: Array("SN42".utf8))
    try copy.write(path, configuration)
    let archive = copy.path + "/capture.tar"
    #expect(try Tool.run(["host", "--root", copy.path, "--capture", archive]).code == 0)
    let bytes = try Data(contentsOf: URL(filePath: archive))
    #expect(bytes.range(of: Data("SN42".utf8)) == nil)
  }
}
