import Executor
import Parser
import Planner
import TestSupport
import Testing

@testable import vfioplan

/// What holds of every configuration that is read and of every one that is written.
struct ImportLawTests {
  private static let host = "examples/hosts/z790.yaml"

  private static func host(_ path: String) throws -> HostDescription {
    var sink = DiagnosticSink()
    let file = SourceFile(id: .host, name: path, text: try PackageFiles.text(path))
    return try DescriptionReader.host(file, into: &sink)
  }

  private static func read(_ text: String) throws -> VMDescription {
    var sink = DiagnosticSink()
    return try DescriptionReader.vm(SourceFile(id: .vm, name: "vm", text: text), into: &sink)
  }

  private static func compiled(
    _ vm: VMDescription, on host: HostDescription, for target: String
  ) -> CompiledPlan? {
    var sink = DiagnosticSink()
    return try? Compilation.compile(vm, on: host, target: target, into: &sink)
  }

  private static func text(_ plan: CompiledPlan, _ emitter: any VMMEmitter) -> String {
    var bytes: [UInt8] = []
    emitter.emit(plan, EmitterContext(files: [])) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The pages and sizes of memory, wherever it is.
  private static func total(_ vm: DescribedVM<some DevicePlace>) -> UInt64 {
    vm.memory.reduce(0) { $0 + $1.size }
  }

  @Test(arguments: Example.all, ["iommufd", "type1"])
  func whatIsExportedToLibvirtIsImportedAsItWas(example: Example, target: String) throws {
    let vm = try Self.read(example.text)
    guard let plan = Self.compiled(vm, on: try Self.host(example.hostPath), for: target) else {
      return
    }
    let emitter = LibvirtEmitter()
    let file = SourceFile(id: .vm, name: "x.xml", text: Self.text(plan, emitter))
    var sink = DiagnosticSink()
    let again = try ImportReader.vm(file, from: .libvirt, into: &sink).vm
    let exported = VMMDevices(plan, as: emitter.rule(for: plan)).devices.map(\.address)
    #expect(again.devices.map(\.place) == exported.map(\.reference))
    #expect(Self.total(again) == Self.total(plan.vm))
    #expect(again.memory.allSatisfy { $0.hugePageBytes == GuestPages(plan.vm).bytes })
    if !exported.isEmpty { #expect(again.vmm?.interface?.rawValue == target) }
    #expect(again.name == plan.vm.name)
  }

  @Test(arguments: Example.all)
  func whatIsExportedByAddressIsImportedInItsOrder(example: Example) throws {
    let vm = try Self.read(example.text)
    guard let plan = Self.compiled(vm, on: try Self.host(example.hostPath), for: "type1"),
      !plan.plan.devices.isEmpty
    else { return }
    let emitters: [(any VMMEmitter, VMMClause.Kind)] = [
      (QEMUEmitter(), .qemu), (CloudHypervisorEmitter(), .cloudHypervisor),
    ]
    for (emitter, kind) in emitters {
      let file = SourceFile(id: .vm, name: "x.sh", text: Self.text(plan, emitter))
      #expect(ImportReader.kind(of: file) == kind)
      var sink = DiagnosticSink()
      let again = try ImportReader.vm(file, from: kind, into: &sink).vm
      let exported = VMMDevices(plan, as: emitter.rule(for: plan)).devices
      #expect(again.devices.map(\.place) == exported.map(\.address.reference))
      #expect(again.vmm == VMMClause(kind: kind, interface: .type1))
      if kind == .qemu {
        #expect(again.devices.map(\.vfToken) == exported.map(\.token))
        let pages = GuestPages(plan.vm).bytes
        #expect(again.memory.first?.hugePageBytes == pages)
        if pages != nil { #expect(Self.total(again) == Self.total(plan.vm)) }
      }
    }
  }

  @Test(arguments: ImportedFile.all)
  func whatIsImportedIsWrittenAndReadAsItIs(file: ImportedFile) throws {
    guard let imported = try file.imported() else { return }
    let text = DescriptionYAML(imported, from: try file.file(), on: nil).text()
    let again = try Self.read(text)
    let vm = imported.vm
    #expect(again.name == vm.name && again.vmm == vm.vmm)
    #expect(again.devices.map(\.name) == vm.devices.map(\.name))
    #expect(again.devices.map(\.place) == vm.devices.map(\.place))
    #expect(again.devices.map(\.driver) == vm.devices.map(\.driver))
    #expect(again.devices.map(\.vfToken) == vm.devices.map(\.vfToken))
    #expect(again.devices.map(\.managed) == vm.devices.map(\.managed))
    #expect(again.memory.map(\.gpa) == vm.memory.map(\.gpa))
    #expect(again.memory.map(\.size) == vm.memory.map(\.size))
    #expect(again.memory.map(\.hugePageBytes) == vm.memory.map(\.hugePageBytes))
    #expect(again.memory.map(\.population) == vm.memory.map(\.population))
  }

  @Test(arguments: ImportedFile.all)
  func whatIsImportedCompilesOrIsRefusedWithAPlaceInTheOriginal(file: ImportedFile) throws {
    let outcome = try Tool.run(["compile", file.path, "--host", Self.host])
    if outcome.code == 0 { return }
    let place = try Regex("\(file.path):\\d+:\\d+: error\\[VP\\d+\\]: ")
    #expect(outcome.errors.contains(place), "\(outcome.errors)")
  }

  @Test(arguments: ImportedFile.all)
  func theExportOfAnImportNamesTheSameDevices(file: ImportedFile) throws {
    guard var vm = try file.imported()?.vm, !vm.memory.isEmpty else { return }
    // Few files name all devices of a group.
    vm.companions = .bind
    guard let plan = Self.compiled(vm, on: try Self.host(Self.host), for: "type1")
    else { return }
    let text = SourceFile(id: .vm, name: "x.xml", text: Self.text(plan, LibvirtEmitter()))
    var sink = DiagnosticSink()
    let again = try ImportReader.vm(text, from: .libvirt, into: &sink).vm
    #expect(Set(again.devices.map(\.place)) == Set(plan.vm.devices.map(\.place.reference)))
  }

  @Test func aDomainThatIsPastedIsAnsweredAsItIsStartedToday() throws {
    let fixtures = [("01-plain", "type1"), ("11-iommufd-of-devices", "iommufd")]
    for (name, backend) in fixtures {
      let text = try PackageFiles.text("Tests/Fixtures/Import/libvirt/\(name).xml")
      let arguments = ["compile", "-", "--as", "libvirt", "--host", Self.host]
      let outcome = try Tool.run(arguments, input: text)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("as libvirt 12.2 with \(backend)"), "\(outcome.output)")
    }
  }

  @Test func memoryMayBeLeftOutWhereOnlyDevicesMatter() throws {
    let text = """
      apiVersion: vfioplan/v1
      kind: VM
      name: vm
      devices:
        - { name: gpu, address: "01:00" }
      """
    for arguments in [["--as", "qemu"], [], ["--format", "qemu", "--target", "type1"]] {
      let outcome = try Tool.run(
        ["compile", "-", "--host", Self.host] + arguments, input: text)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains("warning[VP1614]"), "\(outcome.errors)")
    }
    for arguments in [["--format", "json"], ["--format", "libvirt"], ["--steps"]] {
      let outcome = try Tool.run(
        ["compile", "-", "--host", Self.host] + arguments, input: text)
      #expect(outcome.code == 1 && outcome.output.isEmpty)
      #expect(outcome.errors.contains("error[VP1614]"), "\(outcome.errors)")
    }
  }
}
