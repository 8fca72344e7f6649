import Parser
import TestSupport
import Testing

@testable import Planner

/// What VMMs make of devices, against a model written for this test, in all orders.
@Suite struct VMMGroupingTests {
  /// A device as the model sees it.
  struct Device {
    var group: Int
    var unitClass: Int
    var canEnforce: Bool
  }

  /// The tables of a rule, as sets of devices with their format; written down from the kernel and
  /// from QEMU, not from the code under test.
  static func model(_ devices: [Device], _ order: [Int], _ rule: String) -> Set<Set<String>> {
    var tables: [(enforced: Bool, unitClass: Int, devices: [Int])] = []
    for index in order {
      let device = devices[index]
      let canEnforce = devices.allSatisfy { $0.group != device.group || $0.canEnforce }
      let search = rule == "qemu" ? Array(tables.indices.reversed()) : Array(tables.indices)
      let mate = tables.indices.first { table in
        tables[table].devices.contains { devices[$0].group == device.group }
      }
      let found =
        mate
        ?? search.first { table in
          guard tables[table].unitClass == device.unitClass else { return false }
          if rule == "type1" { return tables[table].enforced == canEnforce }
          return canEnforce || !tables[table].enforced
        }
      if let found {
        tables[found].devices.append(index)
      } else {
        tables.append((canEnforce, device.unitClass, [index]))
      }
    }
    return Set(tables.map { table in Set(table.devices.map { "\(table.enforced) \($0)" }) })
  }

  @Test func everyOrderOfUpToFourDevicesIsAsTheModelSays() throws {
    var (count, reached, never) = (0, 0, 0)
    for seed in UInt64(1)...4_000 {
      let world = SmallWorlds.random(seed: seed)
      guard (1...4).contains(world.devices.count), world.devices.allSatisfy({ $0.space == 0 })
      else { continue }
      for dialect in Dialects.all {
        var sink = DiagnosticSink()
        let compiled = try? Compilation.compile(
          world.vm(), on: world.host, dialect: dialect, into: &sink)
        guard let plan = compiled?.plan else { continue }
        for rule in VMMRule.all {
          let isReached = Self.check(plan, world, rule)
          count += 1
          if isReached { reached += 1 } else { never += 1 }
        }
      }
    }
    #expect(count > 1_000 && reached > 500 && never > 50, "\(count) \(reached) \(never)")
  }

  /// Compares all orders; returns whether one leads to the plan.
  static func check(_ plan: IOASIDPlan, _ world: SmallWorld, _ rule: VMMRule) -> Bool {
    let devices = zip(world.devices, plan.devices).map {
      Device(group: $0.group, unitClass: $0.unitClass, canEnforce: $1.canEnforceSnoop)
    }
    let planned = Set(
      plan.pageTables.map { table in
        Set(table.devices.map { "\(table.snoopPolicy == .enforced) \($0)" })
      })
    var isReached = false
    for order in SmallWorldTests.permutations(of: devices.count) {
      let wanted = model(devices, order, rule.name)
      let grouping = VMMGrouping(of: plan, on: world.host, as: rule, order: order)
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
    if isReached != (VMMGrouping.reaching(plan, on: world.host, as: rule) != nil) {
      Issue.record("\(rule.name): an order reaches the plan: \(isReached)\n\(world)")
    }
    return isReached
  }
}
