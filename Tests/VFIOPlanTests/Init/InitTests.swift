import Executor
import Parser
import Planner
import TestSupport
import Testing

@testable import vfioplan

/// `vfioplan init`: what is written for devices of a host, and what is said where nothing is.
struct InitTests {
  private static let hosts = PackageFiles.entries("examples/hosts").map { "examples/hosts/" + $0 }
  private static let z790 = "examples/hosts/z790.yaml"

  private static func host(_ path: String) throws -> HostDescription {
    try Inputs.read(path, .host, DescriptionReader.host).get().value
  }

  private static func text(for card: HostCard, of host: HostDescription) -> String {
    FirstDescription(
      [card], of: host, PCINames(for: host.devices, in: .machine, at: []),
      words: ["\(card.devices[0].address)"],
      isAskedFor: { $0.address == card.devices[0].address }
    ).text()
  }

  /// Compiles what is written for a card; the findings that are errors.
  private static func errors(for card: HostCard, of host: HostDescription) -> [String] {
    let file = SourceFile(id: .vm, name: "vm.yaml", text: text(for: card, of: host))
    var sink = DiagnosticSink()
    do {
      let vm = try Inputs.decoded(file, DescriptionReader.vm).get().value
      #expect(vm.devices.map(\.place) == card.devices.map { .address($0.address) })
      _ = try Compilation.compile(vm, on: host, into: &sink)
      return []
    } catch {
      return ["\(error)"]
    }
  }

  private static func expectEveryCardCompiles(_ host: HostDescription) {
    let cards = HostCard.all(of: host, uses: nil)
    let given = cards.flatMap(\.devices).map(\.address)
    #expect(Set(given).count == given.count, "a device is on one card")
    #expect(given.count == host.devices.count { !PCIClass.isBridge($0.classCode) })
    for card in cards where card.canBeGiven {
      let errors = errors(for: card, of: host)
      #expect(errors.isEmpty, "\(card.devices[0].address) of \(host.name): \(errors)")
    }
  }

  /// What is written for any card of an example's host that can be given compiles for that host.
  @Test(arguments: hosts)
  func everyCardOfAnExampleCompiles(path: String) throws {
    Self.expectEveryCardCompiles(try Self.host(path))
  }

  /// What is written for any card of a captured machine that can be given compiles for it.
  @Test(arguments: HostTests.captures)
  func everyCardOfACaptureCompiles(name: String) throws {
    let copy = try SysfsCopy(
      archive: PackageFiles.path("Tests/Fixtures/captures/\(name).tar.gz"))
    Self.expectEveryCardCompiles(HostInventory(copy.tree).description)
  }

  @Test(arguments: hosts)
  func eachKeyAndEachDeviceHasACommentOnTheLineBefore(path: String) throws {
    let outcome = try Tool.run(["init", "--all", "--host", path])
    // A guest of a cloud has nothing to give.
    guard outcome.code == 0 else {
      #expect(outcome.code == 69 && outcome.output == "", "\(outcome.errors)")
      return
    }
    let lines = outcome.output.split(separator: "\n")
    let fixed: Set<Substring> = ["apiVersion: vfioplan/v1", "kind: VM"]
    for (before, line) in zip(lines, lines.dropFirst())
    where !line.drop(while: { $0 == " " }).hasPrefix("#") && !fixed.contains(line) {
      #expect(before.drop(while: { $0 == " " }).hasPrefix("#"), "\(line)")
    }
    let compiled = try Tool.run(["compile", "-", "--host", path], input: outcome.output)
    #expect(compiled.code == 0, "\(compiled.errors)")
  }

  @Test func aCardComesWithAllThatIsOnIt() throws {
    let outcome = try Tool.run(["init", "01:00.0", "--host", Self.z790])
    #expect(outcome.code == 0)
    #expect(outcome.output.hasPrefix("# yaml-language-server: $schema="))
    #expect(outcome.output.contains("  - { name: gpu, address: \"0000:01:00.0\" }\n"))
    #expect(outcome.output.contains("  - { name: gpu-audio, address: \"0000:01:00.1\" }\n"))
    #expect(outcome.output.contains("of the same card, in IOMMU group 2, which is given whole"))
    #expect(
      outcome.errors == "next: add '-o vm.yaml' to save it, then vfioplan compile vm.yaml "
        + "--host \(Self.z790)\n")
  }

  @Test(arguments: ["10de:", "10de:2684", "nouveau", "0000:01:00.1"])
  func wordsOfAllKindsPickACard(word: String) throws {
    let outcome = try Tool.run(["init", word, "--host", Self.z790])
    #expect(outcome.code == 0 && outcome.output.contains("0000:01:00.0"), "\(outcome.errors)")
  }

  @Test func severalCardsAreListedAndNothingIsWritten() throws {
    let outcome = try Tool.run(["init", "gpu", "--host", Self.z790])
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP1920]: 2 cards of the host fit 'gpu'"))
    for text in ["0000:00:02.0: graphics card [8086:a780], driver i915, group 0", "(and 1 more)"] {
      #expect(outcome.errors.contains(text), "\(outcome.errors)")
    }
    let all = try Tool.run(["init", "gpu", "--all", "--host", Self.z790])
    #expect(all.code == 0 && all.output.contains("gpu2"), "\(all.errors)")
  }

  @Test func whatCannotBeGivenIsRefusedWithItsReason() throws {
    let copy = try SysfsCopy(
      archive: PackageFiles.path("Tests/Fixtures/captures/desktop-b550.tar.gz"))
    let folder = try TemporaryFolder()
    let host = try folder.write(HostYAML(HostInventory(copy.tree)).text(), to: "host.yaml")
    let outcome = try Tool.run(["init", "8086:2723", "--host", host])
    #expect(outcome.code == 69 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP4056]: the card that fits '8086:2723' can't be given"))
    #expect(outcome.errors.contains("no: the host's USB and SATA are in its group"))
  }

  @Test func fromNothingToAPlanForACapturedDesktopInTwoCommands() throws {
    let copy = try SysfsCopy(
      archive: PackageFiles.path("Tests/Fixtures/captures/desktop-b550.tar.gz"))
    let folder = try TemporaryFolder()
    let host = try folder.write(HostYAML(HostInventory(copy.tree)).text(), to: "host.yaml")
    let file = folder.path("vm.yaml")
    let first = try Tool.run(["init", "gpu", "--host", host, "-o", file])
    #expect(first.code == 0, "\(first.errors)")
    let next = first.errors.drop { $0 != ":" }.dropFirst(2).split(whereSeparator: \.isWhitespace)
    #expect(next.first == "vfioplan")
    let second = try Tool.run(next.dropFirst().map(String.init) + ["-o", folder.path("plan.json")])
    #expect(second.code == 0 && folder.names.contains("plan.json"), "\(second.errors)")
  }

  @Test func aFileThatIsThereStaysAsItIs() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("mine\n", to: "vm.yaml")
    let refused = try Tool.run(["init", "01:00.0", "--host", Self.z790, "-o", path])
    #expect(refused.code == 73 && refused.errors.contains("VP5902"), "\(refused.errors)")
    #expect(try folder.text("vm.yaml") == "mine\n")
    let other = folder.root + "/new.yaml"
    let written = try Tool.run(["init", "01:00.0", "--host", Self.z790, "-o", other])
    #expect(written.code == 0 && written.output == "")
    #expect(written.errors == "next: vfioplan compile \(other) --host \(Self.z790)\n")
    #expect(try folder.text("new.yaml").contains("kind: VM"))
  }

  @Test func aHostsTextStaysInItsComment() throws {
    var host = try Self.host(Self.z790)
    host.name = "a\nname: b"
    for index in host.devices.indices { host.devices[index].driver = "x\n- y\u{1b}[31m" }
    let card = try #require(HostCard.all(of: host, uses: nil).first)
    let text = Self.text(for: card, of: host)
    #expect(!text.contains("\nname: b") && !text.contains("\n- y") && !text.contains("\u{1b}"))
    #expect(Self.errors(for: card, of: try Self.host(Self.z790)).isEmpty)
  }
}
