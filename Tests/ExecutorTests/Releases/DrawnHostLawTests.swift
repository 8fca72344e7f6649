import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// What compiles for a host whose kernel, units and rules are drawn simulates to what is planned,
/// and what a VMM is said to make is what the simulator makes of its requests.
struct DrawnHostLawTests {
  static let worlds: UInt64 = 3_000
  static let slices = 4

  @Test(arguments: 0..<slices)
  func everyPlanForADrawnHostRunsOnItAndDoesWhatItSays(slice: Int) {
    var feasible = 0
    for seed in stride(from: UInt64(slice), to: Self.worlds, by: Self.slices) {
      let world = SmallWorlds.random(seed: seed)
      let host = world.drawnHost(seed: seed)
      for dialect in Dialects.all {
        let vm = world.vm(.coherency)
        guard let failure = PlannedRun.disagreement(vm, on: host, dialect) else { continue }
        feasible += 1
        guard failure != "" else { continue }
        Issue.record("seed \(seed), \(dialect.name): \(failure)\n\(world)\n\(Self.text(host))")
        return
      }
    }
    #expect(feasible > 200, "only \(feasible) plans")
  }

  @Test(arguments: 0..<slices)
  func aVMMThatAttachesByIOASIdMakesThePageTablesThatAreSaid(slice: Int) throws {
    var compared = 0
    let rule = try #require(VMMRule.named("qemu-8.2"))
    for seed in stride(from: UInt64(slice), to: Self.worlds, by: Self.slices) {
      let world = SmallWorlds.random(seed: seed)
      var host = world.drawnHost(seed: seed)
      for index in host.devices.indices { host.devices[index].driver = "vfio-pci" }
      var sink = DiagnosticSink()
      guard
        let compiled = try? Compilation.compile(
          world.vm(), on: host, dialect: IOMMUFDDialect(), into: &sink)
      else { continue }
      let said = VMMGrouping(of: compiled.plan, on: host, as: rule)
      let made = Self.attach(compiled.plan.devices.map(\.address), on: host)
      compared += 1
      let planned = said.order.map { "\(said.tableOfDevice[$0]) \(Self.format(said, $0))" }
      guard made != planned else { continue }
      Issue.record(
        "seed \(seed): said \(planned), made \(made)\n\(world)\n\(Self.text(host))")
      return
    }
    #expect(compared > 40, "only \(compared)")
  }

  private static func text(_ host: HostDescription) -> String {
    let rules = host.kernel.statedRules.map { "\($0.key): \($0.value.holds)" }.sorted()
    let units = host.iommus.map {
      "\($0.name) \($0.type) \($0.addressBits) \($0.pageSizes.count) first \($0.firstStage) "
        + "\($0.pageTables.map { "\($0)" } ?? "")"
    }
    let container = host.kernel.vfioContainer.map { "\($0)" } ?? "nil"
    return "\(host.kernel.release), container \(container), kvm \(host.kernel.kvm), \(rules)\n"
      + units.joined(separator: "\n")
  }

  private static func format(_ grouping: VMMGrouping, _ device: Int) -> String {
    grouping.pageTables[grouping.tableOfDevice[device]].snoopPolicy == .enforced ? "yes" : "no"
  }

  /// Attaches devices to one address space in order: for each the number of its page table, by the
  /// first device, and whether it enforces.
  private static func attach(_ devices: [BDF], on host: HostDescription) -> [String] {
    let raw = RawKernel(kernel: SimulatedKernel(host))
    let iommufd = raw.file(.iommu)
    let files = devices.map { raw.file(.vfioDevice($0)) }
    for file in files { _ = raw.bind(file, iommufd) }
    guard let ioas = UInt64(raw.ioasAlloc(iommufd)) else { return ["no address space"] }
    for file in files {
      let answer = raw.attach(file, ioas)
      if UInt64(answer) == nil { return [answer] }
    }
    let state = raw.kernel.state()
    let tables = Dictionary(uniqueKeysWithValues: state.devices.map { ($0.address, $0.pageTable) })
    var numbers: [Int: Int] = [:]
    return devices.map { device in
      guard let table = tables[device] else { return "not attached" }
      let number = numbers[table] ?? numbers.count
      numbers[table] = number
      return "\(number) \(state.pageTables[table].enforcesSnoop ? "yes" : "no")"
    }
  }
}
