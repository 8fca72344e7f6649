import Executor
import Foundation
import Parser
import Planner
import TestSupport
import Testing

@testable import vfioplan

/// Captures with one thing wrong: nothing crashes, and what is said can be read back.
struct DamagedCaptureTests {
  /// What is done to a file, link or directory of a copy.
  enum Damage: CaseIterable {
    case deleted, emptied, garbage, zeros, long, directory, file, dangling, loop

    /// Whether it changes anything in something of a type.
    func fits(_ type: FileAttributeType) -> Bool {
      switch self {
      case .deleted, .dangling, .loop: true
      case .emptied, .garbage, .zeros, .long: type == .typeRegular
      case .directory: type != .typeDirectory
      case .file: type != .typeRegular
      }
    }

    /// Puts what the damage leaves in a free place.
    func make(_ path: String) throws {
      let files = FileManager.default
      func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: path)) }
      switch self {
      case .deleted: break
      case .emptied: try write([])
      case .garbage: try write(Array("0x\u{85} -1: {\n".utf8) + [0xff, 0xc2, 0x0a])
      case .zeros: try write([UInt8](repeating: 0, count: 300))
      case .long: try write([UInt8](repeating: UInt8(ascii: "7"), count: 5000))
      case .file: try write(Array("0x1234\n".utf8))
      case .directory: try files.createDirectory(atPath: path, withIntermediateDirectories: false)
      case .dangling: try files.createSymbolicLink(atPath: path, withDestinationPath: "../no/x y")
      case .loop: try files.createSymbolicLink(atPath: path, withDestinationPath: path)
      }
    }
  }

  /// A copy that can be damaged in one place after the other.
  struct Patient {
    let copy: SysfsCopy
    private let shelf: SysfsCopy

    init(_ name: String) throws {
      copy = try SysfsCopy(archive: PackageFiles.path("Tests/Fixtures/captures/\(name).tar.gz"))
      shelf = try SysfsCopy()
    }

    /// Every damage to everything in it, in a fixed order.
    var damages: [(path: String, damage: Damage)] {
      get throws {
        let names = FileManager.default.enumerator(atPath: copy.path)?.allObjects as? [String]
        return try (names ?? []).sorted().flatMap { name in
          let type = try FileManager.default.attributesOfItem(atPath: copy.path + "/" + name)[.type]
          return Damage.allCases.filter { $0.fits(type as? FileAttributeType ?? .typeUnknown) }
            .map { (name, $0) }
        }
      }
    }

    /// Does something with a damaged copy, then heals it.
    func with(_ damage: Damage, at path: String, _ body: () throws -> Void) throws {
      let (place, kept) = (copy.path + "/" + path, shelf.path + "/kept")
      try FileManager.default.moveItem(atPath: place, toPath: kept)
      try damage.make(place)
      try body()
      try? FileManager.default.removeItem(atPath: place)
      try FileManager.default.moveItem(atPath: kept, toPath: place)
    }
  }

  private static func read(_ bytes: [UInt8]) throws -> HostDescription {
    var sink = DiagnosticSink()
    return try DescriptionReader.host(SourceFile(id: .host, name: "t", bytes: bytes), into: &sink)
  }

  /// What is wrong with what is said of a tree; `nil` if all is well.
  private static func problem(in inventory: HostInventory) -> String? {
    let written = HostJSON.document(inventory.description).bytes
    for form in [written, Array(HostYAML(inventory).text().utf8)] {
      guard var read = try? read(form) else { return "can't be read back" }
      // In YAML the sources are comments.
      for (index, device) in inventory.description.devices.enumerated()
      where form != written && index < read.devices.count {
        read.devices[index].noSnoopSource = device.noSnoopSource
      }
      if HostJSON.document(read).bytes != written { return "is read back as something else" }
    }
    for finding in inventory.findings
    where !finding.message.contains("/sys/") && !finding.message.contains("/proc/") {
      return "names no path: \(finding.message)"
    }
    return nil
  }

  /// Whether a file must be right for what it says to be used at all.
  private static func isNeeded(_ path: String, _ damage: Damage) -> Bool {
    switch path.split(separator: "/").last {
    case "vendor", "device", "class": return path.contains("/0000:")
    case "cap", "ecap", "iommu_group": return damage != .deleted
    case "iommu": return damage != .deleted && path.contains("/0000:")
    default: return false
    }
  }

  @Test(arguments: HostTests.captures)
  func whatIsDamagedIsNamedAndTheRestCanBeReadBack(name: String) throws {
    let patient = try Patient(name)
    let healthy = HostInventory(patient.copy.tree)
    #expect(healthy.findings.isEmpty && Self.problem(in: healthy) == nil)
    var random = SeededNumbers(seed: 2026)
    let all = try patient.damages
    for (path, damage) in all.shuffled(using: &random).prefix(40) {
      try patient.with(damage, at: path) {
        let inventory = HostInventory(patient.copy.tree)
        let problem = Self.problem(in: inventory)
        #expect(problem == nil, "\(path) \(damage): \(problem ?? "")")
        guard Self.isNeeded(path, damage) else { return }
        let isNamed = inventory.findings.contains { $0.message.contains("/" + path) }
        #expect(isNamed, "\(path) \(damage): not named by \(inventory.findings.map(\.message))")
      }
    }
    let after = HostInventory(patient.copy.tree)
    #expect(after.description == healthy.description, "the copy is not what it was")
  }

  @Test(arguments: HostTests.captures)
  func theCommandEndsAsItsFindingsSay(name: String) throws {
    let patient = try Patient(name)
    var random = SeededNumbers(seed: 4020)
    for (path, damage) in try patient.damages.shuffled(using: &random).prefix(4) {
      try patient.with(damage, at: path) {
        let form = ["text", "yaml", "json"][random.below(3)]
        let outcome = try Tool.run(["host", "--root", patient.copy.path, "--format", form])
        let isWhole = outcome.code == 0 && outcome.errors == ""
        let isNamed = outcome.code == 66 && outcome.errors.contains("error[VP402")
        #expect(isWhole || isNamed, "\(path) \(damage): \(outcome.code) \(outcome.errors)")
        #expect(!outcome.output.isEmpty)
        guard form != "text" else { return }
        #expect(throws: Never.self) { try Self.read(Array(outcome.output.utf8)) }
      }
    }
  }

  @Test func aFileInPlaceOfTheDevicesIsNoMachine() throws {
    let patient = try Patient("laptop-coffee-lake")
    try patient.with(.file, at: "sys/bus/pci/devices") {
      let outcome = try Tool.run(["host", "--root", patient.copy.path])
      #expect(outcome.code == 66 && outcome.errors.contains("error[VP4020]"))
    }
  }

  @Test func namesThatNoDescriptionHoldsAreNotWritten() throws {
    let copy = try SysfsCopy()
    try copy.write("proc/sys/kernel/hostname", "a\u{7}b\n")
    try copy.write("proc/sys/kernel/osrelease", "\n")
    try copy.unit("dmar0\n", cap: "d2008c40660462", ecap: "f050da")
    try copy.device("0000:00:1f.0", 0x8086, 0xa30d, 0x060100, unit: nil, group: nil, driver: "a b")
    try copy.device("00000:00:1F.0", 0x8086, 0xa30d, 0x060100, unit: nil, group: nil)
    try copy.write("sys/bus/pci/devices/0000:00:1f.0/class", "0x1060100\n")
    try copy.device("0000:00:1f.1", 0x8086, 0xa30d, 0x060100, unit: nil, group: -1, driver: "a b")
    let inventory = HostInventory(copy.tree)
    #expect(Self.problem(in: inventory) == nil)
    #expect(inventory.description.name == "host" && inventory.description.kernel.release == "")
    #expect(inventory.findings.count == 7, "\(inventory.findings.map(\.message))")
    #expect(inventory.description.devices.map(\.address.description) == ["0000:00:1f.1"])
  }
}
