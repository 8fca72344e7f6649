import Parser
import TestSupport
import Testing

@testable import Planner

/// KVM has a non-coherent mode on x86 only; what it does there with a guest's caches is said as it
/// is.
struct ArchitectureTests {
  static let others = HostProcessor.Architecture.allCases.filter { $0 != .x86 }

  static func compile(
    _ world: SmallWorld, _ dialect: any Dialect, _ kvm: KVMClause.IncoherentDMA
  ) -> CompiledPlan? {
    var world = world
    world.kvm = kvm
    var sink = DiagnosticSink()
    return try? Compilation.compile(world.vm(), on: world.host, dialect: dialect, into: &sink)
  }

  @Test(arguments: others)
  func elsewhereTheWordAboutKVMDecidesNothing(architecture: HostProcessor.Architecture) {
    var feasible = 0
    for seed in UInt64(1)...700 {
      var world = SmallWorlds.random(seed: seed)
      world.architecture = architecture
      for dialect in Dialects.all {
        let plans = KVMClause.IncoherentDMA.allCases.map { Self.compile(world, dialect, $0) }
        let isSame = plans.allSatisfy { $0?.plan == plans[0]?.plan }
        if !isSame { Issue.record("seed \(seed), \(dialect.name): plans differ\n\(world)") }
        guard let plan = plans[0] else { continue }
        feasible += 1
        if let problem = Self.problem(plan, dialect) {
          Issue.record("seed \(seed), \(dialect.name): \(problem)\n\(world)")
        }
      }
    }
    #expect(feasible > 200, "only \(feasible) plans")
  }

  /// What of a plan speaks of a mode that is not there.
  static func problem(_ compiled: CompiledPlan, _ dialect: any Dialect) -> String? {
    let plan = compiled.plan
    if plan.metrics.wbinvd != 0 { return "wbinvd is \(plan.metrics.wbinvd)" }
    if plan.coherency.allowsIncoherentDMA || plan.coherency.proof != nil { return "KVM is told" }
    if dialect.registersFiles, !plan.devices.allSatisfy(\.isKnownToKVM) { return "a file is out" }
    let isAllowed = compiled.program.steps.contains { step in
      guard case .ioctl(_, let request, _, _) = step.action else { return false }
      return request == IOASIDRequests.allowIncoherentDMA
    }
    if isAllowed { return "non-coherent DMA is allowed" }
    let said = PlanConsequences.notes(for: compiled) + [PlanExplanation(plan).kvm]
    return said.first { $0.contains("WBINVD") || $0.contains("cache attributes") }
  }

  @Test func alwaysIsAWarningElsewhere() throws {
    var world = SmallWorld(devices: [SmallWorld.Device(enforceSnoop: .no)])
    world.architecture = .riscv
    let plan = try #require(Self.compile(world, IOMMUFDDialect(), .always))
    #expect(plan.diagnostics.map(\.code.name) == ["VP3015"])
    var host = world.host
    host.kernel.kvm = false
    world.kvm = .always
    var sink = DiagnosticSink()
    let without = try Compilation.compile(world.vm(), on: host, into: &sink)
    #expect(without.diagnostics.map(\.code.name) == ["VP4009", "VP3015"])
  }

  @Test func elsewhereNoVMMMakesKVMDoAnything() throws {
    var world = SmallWorld(devices: [SmallWorld.Device(enforceSnoop: .no, noSnoopCapable: .no)])
    for architecture in [HostProcessor.Architecture.x86, .arm] {
      world.architecture = architecture
      let compiled = try #require(Self.compile(world, IOMMUFDDialect(), .auto))
      let other = VMMGrouping(of: compiled.plan, on: compiled.host, as: .qemu)
      let isX86 = architecture == .x86
      #expect(other.metrics(of: compiled.plan).wbinvd == (isX86 ? 1 : 0))
      let codes = VMMDiagnostics.findings(for: compiled, with: .qemu).map(\.code.name)
      #expect(codes == (isX86 ? ["VP3021"] : []))
    }
  }

  // MARK: - What counts on x86

  struct Case: Sendable {
    var vendor: HostProcessor.Vendor?
    var release: String
    var quirk = Fact.unknown
    var selfSnoop = Fact.unknown
    var coherent: String
    var incoherent: String
  }

  static let ignored = "the guest's cache attributes are ignored"
  static let pat = "the guest's PAT is honoured"
  static let amd = "the guest's PAT is honoured, as in every VM"
  static let all =
    "the guest's PAT, MTRRs and CR0.CD are honoured; changing them empties its page tables (EPT)"
  static let switchable =
    ignored + ", unless the VMM switches KVM_X86_QUIRK_IGNORE_GUEST_PAT off"
  static let cases = [
    Case(vendor: .intel, release: "6.1.0", coherent: ignored, incoherent: all),
    Case(vendor: .intel, release: "6.10.14", coherent: ignored, incoherent: all),
    Case(vendor: .intel, release: "6.11.0", coherent: ignored, incoherent: pat),
    Case(vendor: .intel, release: "7.3.4", coherent: switchable, incoherent: pat),
    // Without a release the newest is meant.
    Case(vendor: .intel, release: "", coherent: switchable, incoherent: pat),
    // Backports: the fact counts more than the number.
    Case(vendor: .intel, release: "6.12.117", quirk: .yes, coherent: switchable, incoherent: pat),
    Case(vendor: .intel, release: "7.3.4", quirk: .no, coherent: ignored, incoherent: pat),
    Case(vendor: .intel, release: "7.3.4", selfSnoop: .no, coherent: ignored, incoherent: pat),
    Case(vendor: .amd, release: "6.1.0", coherent: amd, incoherent: amd),
    Case(vendor: .amd, release: "7.3.4", coherent: amd, incoherent: amd),
    Case(
      vendor: .other, release: "6.1.0", coherent: "on Intel \(ignored); on AMD \(amd)",
      incoherent: "on Intel \(all); on AMD \(amd)"),
  ]

  @Test(arguments: cases)
  func attributesCountByVendorReleaseAndQuirk(of wanted: Case) {
    var host = HostDescription(name: "host")
    host.kernel.release = wanted.release
    host.kernel.processor.vendor = wanted.vendor
    host.kernel.processor.guestPATQuirk = wanted.quirk
    host.kernel.processor.selfSnoop = wanted.selfSnoop
    let caching = GuestCaching(host)
    #expect(caching.attributes(inIncoherentMode: false) == wanted.coherent)
    #expect(caching.attributes(inIncoherentMode: true) == wanted.incoherent)
  }

  @Test func theUnitsTellTheVendor() {
    var host = HostDescription(name: "host", iommus: [HostIOMMU(name: "u", type: HostIOMMU.amd)])
    host.kernel.release = "7.3.4"
    #expect(GuestCaching(host).attributes(inIncoherentMode: false) == Self.amd)
    host.iommus[0].type = HostIOMMU.intel
    #expect(GuestCaching(host).attributes(inIncoherentMode: true) == Self.pat)
    host.iommus[0].type = HostIOMMU.virtio
    #expect(GuestCaching(host).attributes(inIncoherentMode: true).hasPrefix("on Intel"))
  }
}
