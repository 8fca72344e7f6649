import Parser
import TestSupport
import Testing

@testable import Planner

/// What VMMs make of devices, against a model written for this test, in all orders.
struct VMMGroupingTests {
  /// A device as the model sees it.
  struct Device {
    var group: Int
    var bits: Int
    var canEnforce: Bool
    var isFirstStage: Bool
  }

  /// What a release does, written down from the kernel's sources, not from the code under test.
  struct Kernel: CustomTestStringConvertible {
    var release: String
    /// An attach leaves the format of a table as it is.
    var keepsTables = true
    /// An attach looks at the widths of tables.
    var looksAtWidth = true
    /// There are first-stage tables.
    var hasFirstStage = false
    /// First-stage tables take devices that can't be enforced.
    var isUnchecked = false

    var testDescription: String { release }

    static let all = [
      Kernel(release: "6.5.0", keepsTables: false, looksAtWidth: false),
      Kernel(release: "6.6.30", keepsTables: false, looksAtWidth: false),
      Kernel(release: "6.7.3", looksAtWidth: false),
      Kernel(release: "6.12.8", looksAtWidth: false),
      Kernel(release: "6.18.2", hasFirstStage: true),
      Kernel(release: "6.19.6", hasFirstStage: true, isUnchecked: true),
      Kernel(release: "7.3.4", hasFirstStage: true, isUnchecked: true),
    ]
  }

  /// The tables of a rule, as sets of devices with their format; written down from the kernel and
  /// from QEMU, not from the code under test.
  static func model(
    _ devices: [Device], _ order: [Int], _ choice: VMMRule.Choice, _ kernel: Kernel
  ) -> Set<Set<String>> {
    var tables: [(enforced: Bool, maker: Int, devices: [Int])] = []
    for index in order {
      let device = devices[index]
      let canEnforce = devices.allSatisfy { $0.group != device.group || $0.canEnforce }
      let search = choice == .newest ? Array(tables.indices.reversed()) : Array(tables.indices)
      let mate = tables.indices.first { table in
        tables[table].devices.contains { devices[$0].group == device.group }
      }
      let found =
        mate
        ?? search.first { position in
          let table = tables[position]
          let maker = devices[table.maker]
          let isFirst = kernel.hasFirstStage && maker.isFirstStage
          let takesFirst = kernel.hasFirstStage && device.isFirstStage
          if kernel.looksAtWidth, maker.bits > device.bits { return false }
          if isFirst && !takesFirst { return false }
          switch choice {
          case .ownFormat: return table.enforced == canEnforce
          case .newest, .oldest:
            if table.enforced { return canEnforce || isFirst && kernel.isUnchecked }
            return !canEnforce || kernel.keepsTables
          }
        }
      if let found {
        tables[found].devices.append(index)
      } else {
        tables.append((canEnforce, index, [index]))
      }
    }
    return Set(tables.map { table in Set(table.devices.map { "\(table.enforced) \($0)" }) })
  }

  @Test(arguments: Kernel.all)
  func everyOrderOfUpToFourDevicesIsAsTheModelSays(kernel: Kernel) throws {
    var (count, reached, never) = (0, 0, 0)
    for seed in UInt64(1)...1_500 {
      let world = SmallWorlds.random(seed: seed)
      guard (1...4).contains(world.devices.count), world.devices.allSatisfy({ $0.space == 0 })
      else { continue }
      let host = Self.host(of: world, kernel, seed)
      guard Self.hasGroupsOfOneStage(host) else { continue }
      for dialect in Dialects.all {
        var sink = DiagnosticSink()
        let compiled = try? Compilation.compile(
          world.vm(), on: host, dialect: dialect, into: &sink)
        guard let plan = compiled?.plan else { continue }
        for rule in VMMRule.all {
          let isReached = Self.check(plan, host, world, rule, kernel)
          count += 1
          if isReached { reached += 1 } else { never += 1 }
        }
      }
    }
    #expect(count > 200 && reached > 80 && never > 8, "\(count) \(reached) \(never)")
  }

  /// The host of a world on a release, with first stages on some of its units.
  static func host(of world: SmallWorld, _ kernel: Kernel, _ seed: UInt64) -> HostDescription {
    var host = world.host
    host.kernel.release = kernel.release
    var random = SeededNumbers(seed: seed)
    let share = Int.random(in: 0...2, using: &random)
    for index in host.iommus.indices {
      host.iommus[index].firstStage = Fact(Int.random(in: 0...1, using: &random) < share)
    }
    return host
  }

  /// Whether every group is behind units of one stage, as it is on machines: behind one unit.
  static func hasGroupsOfOneStage(_ host: HostDescription) -> Bool {
    var stages: [Int: Set<Fact>] = [:]
    for device in host.devices {
      guard let group = device.group else { continue }
      let unit = host.iommus.first { $0.name == device.iommu }
      stages[group, default: []].insert(unit?.firstStage ?? .unknown)
    }
    return stages.values.allSatisfy { $0.count == 1 }
  }

  /// Compares all orders; returns whether one leads to the plan.
  static func check(
    _ plan: IOASIDPlan, _ host: HostDescription, _ world: SmallWorld, _ rule: VMMRule,
    _ kernel: Kernel
  ) -> Bool {
    let devices = plan.devices.map { device in
      let unit = host.iommus.first { $0.name == device.iommu }
      return Device(
        group: device.group, bits: unit?.addressBits ?? 0, canEnforce: device.canEnforceSnoop,
        isFirstStage: unit?.firstStage == .yes)
    }
    let planned = Set(
      plan.pageTables.map { table in
        Set(table.devices.map { "\(table.snoopPolicy == .enforced) \($0)" })
      })
    let choice = rule.settled(on: host.kernel, besides: plan.dialect).choice
    var isReached = false
    for order in SmallWorldTests.permutations(of: devices.count) {
      let wanted = model(devices, order, choice, kernel)
      let grouping = VMMGrouping(of: plan, on: host, as: rule, order: order)
      let found = Set(
        grouping.pageTables.map { table in
          Set(table.devices.map { "\(table.snoopPolicy == .enforced) \($0)" })
        })
      if found != wanted {
        Issue.record("\(rule.name) \(order): \(found), not \(wanted)\n\(world)")
      }
      let reaches = found == planned
      if reaches != grouping.hasGrouping(of: plan) {
        Issue.record("\(rule.name) \(order): reaches the plan or not\n\(world)")
      }
      isReached = isReached || reaches
    }
    let reaching = VMMGrouping.reaching(plan, on: host, as: rule)
    if isReached != (reaching != nil) {
      Issue.record(
        "\(rule.name): an order reaches the plan: \(isReached)\n\(world)\n\(host.iommus)")
    }
    if let reaching, !reaching.hasGrouping(of: plan) {
      Issue.record("\(rule.name): \(reaching.order) does not reach the plan\n\(world)")
    }
    return isReached
  }
}
