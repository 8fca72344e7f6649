import Parser
import Planner
import TestSupport
import Testing

/// A compiled plan and its file, for tests.
struct SavedPlanSample {
  let compiled: CompiledPlan
  let text: String

  /// Compiles an example for a target, on its host as it is or changed.
  init(
    _ example: Example, _ target: String, _ change: (inout HostDescription) -> Void = { _ in }
  ) throws {
    var sink = DiagnosticSink()
    let files = [
      SourceFile(id: .vm, name: "vm.yaml", text: example.text),
      SourceFile(id: .host, name: "host.yaml", text: try PackageFiles.text(example.hostPath)),
    ]
    let vm = try DescriptionReader.vm(files[0], into: &sink)
    var host = try DescriptionReader.host(files[1], into: &sink)
    change(&host)
    self.init(
      try Compilation.compile(vm, on: host, target: target, into: &sink), files: files)
  }

  init(_ compiled: CompiledPlan, files: [SourceFile]) {
    self.compiled = compiled
    text = String(decoding: SavedPlanWriter.text(compiled, files: files), as: UTF8.self)
  }

  /// A plan file's text as a tree.
  func tree(_ text: String) throws -> YAMLTree {
    var sink = DiagnosticSink()
    return try DescriptionReader.tree(
      of: SourceFile(id: .vm, name: "plan.json", text: text), into: &sink)
  }

  /// The plan that a plan file's text is read as; both ways of reading it must agree.
  func read(_ text: String) throws -> CompiledPlan {
    var sink = DiagnosticSink()
    let asWritten = SavedPlanReader.readAsWritten(
      SourceFile(id: .vm, name: "plan.json", text: text))
    do {
      let plan = try SavedPlanReader.read(tree(text), into: &sink)
      #expect(sink.diagnostics.isEmpty)
      #expect(asWritten == nil || asWritten == plan, "the same file is read as two plans")
      return plan
    } catch let error as DiagnosticsError {
      #expect(asWritten == nil, "a plan is accepted that is not")
      #expect(!error.diagnostics.isEmpty)
      throw error
    }
  }

  /// The findings on reading a plan file with one text in place of another; none if it is accepted.
  func findings(replacing old: String, with new: String) throws -> [Diagnostic] {
    let changed = text.replacing(old, with: new, maxReplacements: 1)
    try #require(changed != text, "'\(old)' is not in the plan file")
    return findings(reading: changed)
  }

  /// The findings on reading a plan file; none if it is accepted.
  func findings(reading text: String) -> [Diagnostic] {
    do {
      _ = try read(text)
      return []
    } catch {
      return (error as? DiagnosticsError)?.diagnostics ?? []
    }
  }
}

/// Descriptions that are made, not read.
enum SampleWorld {
  /// A VM with 0 to 4 devices on a host with two IOMMUs; often, not always, feasible.
  static func random(_ random: inout SeededNumbers) -> (VMDescription, HostDescription) {
    var host = HostDescription(name: "host")
    host.kernel.release = "7.3.4"
    host.iommus = (0..<2).map { index in
      HostIOMMU(
        name: "dmar\(index)", enforceSnoop: Fact.allCases.randomElement(using: &random) ?? .yes,
        addressBits: Bool.random(using: &random) ? 48 : 39, pageSizes: [4096, 2 << 20])
    }
    var vm = VMDescription(name: "vm")
    vm.objective = Objective.presets.randomElement(using: &random)?.objective ?? .coherency
    vm.memory = [
      MemoryRegion(gpa: 0, size: 1 << 31),
      MemoryRegion(gpa: 1 << 32, size: 4 << 30, hugePageBytes: 2 << 20),
    ]
    vm.kvm.incoherentDMA = Int.random(in: 0..<6, using: &random) == 0 ? .always : .auto
    vm.addressSpaces = [
      AddressSpace(
        name: "dma0", windows: [.init(iova: 0, gpa: 4096, size: 64 << 20)])
    ]
    for index in 0..<Int.random(in: 0...4, using: &random) {
      add(device: index, to: &vm, &host, &random)
    }
    return (vm, host)
  }

  private static func add(
    device index: Int, to vm: inout VMDescription, _ host: inout HostDescription,
    _ random: inout SeededNumbers
  ) {
    let address = BDF(domain: 0, bus: UInt8(index / 2 + 1), device: UInt8(index), function: 0)
    let space = Int.random(in: 0..<5, using: &random) == 0 ? "dma0" : "gpa"
    host.devices.append(
      HostDevice(
        address: address, vendor: 0x8086, device: UInt16(index), classCode: 0x020000,
        subsystem: index % 2 == 0 ? PCISubsystem(vendor: 0x8086, device: 0x7b48) : nil,
        iommu: "dmar\(index % 2)", group: 10 + index / Int.random(in: 1...2, using: &random),
        driver: [nil, "i40e", "vfio-pci"].randomElement(using: &random) ?? nil,
        noSnoopCapable: Fact.allCases.randomElement(using: &random) ?? .yes,
        reserved: [ReservedRegion(start: 0xfee0_0000, end: 0xfeef_ffff, kind: .msi)]))
    if Int.random(in: 0..<6, using: &random) == 0 { return }
    vm.devices.append(
      AssignedDevice(
        name: "dev\(index)", address: address,
        noSnoop: NoSnoopIntent.allCases.randomElement(using: &random) ?? .auto,
        addressSpace: space))
  }

  /// A plan for many devices in groups of their own.
  static func wide(_ count: Int) throws -> CompiledPlan {
    var host = HostDescription(name: "wide", iommus: [HostIOMMU(name: "dmar0", enforceSnoop: .yes)])
    var vm = VMDescription(name: "wide", memory: [MemoryRegion(gpa: 0, size: 1 << 30)])
    for index in 0..<count {
      let address = BDF(
        domain: UInt32(index >> 16), bus: UInt8(index >> 8 & 255), device: UInt8(index >> 3 & 31),
        function: UInt8(index & 7))
      host.devices.append(HostDevice(address: address, iommu: "dmar0", group: index))
      vm.devices.append(AssignedDevice(name: "d\(index)", address: address))
    }
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: host, target: "iommufd", into: &sink)
  }
}
