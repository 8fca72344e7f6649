import Parser
import TestSupport
import Testing

@testable import Planner

/// Laws about pairs of questions: what a change of the question may do to the answer.
struct PlannerLawTests {
  @Test(arguments: 0..<4)
  func theOrderOfTheDevicesDecidesTiesOnly(slice: Int) {
    for seed in UInt64(slice * 250)..<UInt64(slice * 250 + 250) {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all { PlannerLaws.permute(world, dialect, seed) }
    }
  }

  @Test(arguments: 0..<4)
  func theLawsOfChangesHoldOnRandomWorlds(slice: Int) {
    var changes = 0
    for seed in UInt64(slice * 100)..<UInt64(slice * 100 + 100) {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all { changes += PlannerLaws.check(world, dialect, "seed \(seed)") }
    }
    #expect(changes > 1_000, "the random worlds allow few changes")
  }

  @Test func theLawsOfChangesHoldOnSmallWorlds() {
    var position = 0
    SmallWorlds.forEachSmall { world in
      position += 1
      guard position % 101 == 0 else { return }
      for dialect in Dialects.all { _ = PlannerLaws.check(world, dialect, "world \(position)") }
    }
  }

  /// Auto never makes a VM infeasible: small worlds.
  @Test func autoNeverMakesAVMInfeasibleSmallWorlds() {
    var position = 0
    SmallWorlds.forEachSmall { world in
      position += 1
      for dialect in Dialects.all { PlannerLaws.default(world, dialect, "world \(position)") }
    }
  }

  /// Auto never makes a VM infeasible: random worlds.
  @Test func autoNeverMakesAVMInfeasibleRandomWorlds() {
    for seed in UInt64(1)...4_000 {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all { PlannerLaws.default(world, dialect, "seed \(seed)") }
    }
  }

  @Test func theExceptionToTheLawOfTheAddedDeviceExistsAndAutoMakesNoOther() {
    let graphics = SmallWorld.Device(intent: .auto, isGraphics: true)
    let mate = SmallWorld.Device(intent: .forbidden)
    let box3 = SmallWorld.Device(group: 1, enforceSnoop: .no)
    let box4 = SmallWorld.Device(group: 1, enforceSnoop: .no, noSnoopCapable: .no)
    let never = SmallWorld(devices: [SmallWorld.Device()], kvm: .never)
    for dialect in Dialects.all {
      #expect(PlannerAnswer(never, dialect) != nil)
      #expect(PlannerAnswer(never.adding(box3), dialect) == nil)
      #expect(PlannerAnswer(never.adding(box4), dialect) != nil)
    }
    let shared = SmallWorld(devices: [graphics, mate])
    #expect(PlannerAnswer(shared, IOMMUFDDialect()) != nil)
    #expect(PlannerAnswer(shared.adding(box4), IOMMUFDDialect()) != nil)
  }
}

extension SmallWorld {
  /// The same world with one more device.
  func adding(_ device: Device) -> SmallWorld {
    changing { $0.devices.append(device) }
  }

  /// Whether no device may be effective: on x86, which unknown CPUs count as.
  fileprivate var forbidsEffectiveDevices: Bool {
    kvm == .never && (architecture ?? .x86) == .x86
  }

  /// The same world with another intent of a device, or another word about KVM.
  fileprivate func changing(_ change: (inout SmallWorld) -> Void) -> SmallWorld {
    var world = self
    change(&world)
    return world
  }
}

/// The laws, each checked on one world and one target.
///
/// They compare the planner with itself, so they hold it to the model where the brute force, which
/// was written from the same text, might share a misreading.
enum PlannerLaws {
  /// Checks all laws of changes; returns how many changes were made.
  static func check(_ world: SmallWorld, _ dialect: any Dialect, _ label: String) -> Int {
    guard let answer = PlannerAnswer(world, dialect) else { return 0 }
    attained(answer, world, dialect, label)
    return add(world, dialect, label) + relax(answer, world, dialect, label)
  }

  /// `auto` is a default guess: if a VM is infeasible with it, it is so with `allowed` as well.
  static func `default`(_ world: SmallWorld, _ dialect: any Dialect, _ label: String) {
    let autos = world.devices.indices.filter { world.devices[$0].intent == .auto }
    guard !autos.isEmpty, PlannerAnswer.question(world, dialect) == nil else { return }
    let plain = world.changing { for index in autos { $0.devices[index].intent = .allowed } }
    if PlannerAnswer.question(plain, dialect) != nil {
      Issue.record("\(label) \(dialect.name): auto makes it infeasible\n\(world)")
    }
  }

  /// Every Pareto point is the cost of an allowed choice, and none dominates another.
  static func attained(
    _ answer: PlannerAnswer, _ world: SmallWorld, _ dialect: any Dialect, _ label: String
  ) {
    guard let front = ParetoFront(answer.question.problem) else { return }
    let force = BruteForce(world, target: dialect.name)
    let assembly = answer.question.assembly(answer.question.problem, .paretoRow)
    for point in front.sums.indices {
      let plan = assembly.plan(isEnforced: front.choice(point))
      SmallWorldTests.check(plan, world, force, label)
      if SmallWorldTests.costs(plan) != answer.front?[point] {
        Issue.record("\(label) \(dialect.name): point \(point) is not attained\n\(world)")
      }
    }
    let points = answer.front ?? []
    if BruteForce.front(points) != points || Set(points).count != points.count {
      Issue.record("\(label) \(dialect.name): \(points) dominate each other\n\(world)")
    }
  }

  /// Permuting the devices of the file changes neither feasibility, optima nor front.
  static func permute(_ world: SmallWorld, _ dialect: any Dialect, _ seed: UInt64) {
    var random = SeededNumbers(seed: seed &+ 1)
    let shuffled = world.changing { $0.devices.shuffle(using: &random) }
    let (one, two) = (PlannerAnswer(world, dialect), PlannerAnswer(shuffled, dialect))
    if one?.optima != two?.optima || one?.front != two?.front {
      Issue.record("seed \(seed) \(dialect.name): order matters\n\(world)\n\(shuffled)")
    }
  }

  /// An added `allowed` device in a group of its own leaves a feasible VM feasible, but for this.
  ///
  /// `kvm: never` and the device is in box 3: its no-snoop DMA can't be blocked. That it may let
  /// `auto` of a device beside it become `required`, on iommufd, contradicts nothing.
  private static func add(
    _ world: SmallWorld, _ dialect: any Dialect, _ label: String
  ) -> Int {
    let group = (world.devices.map(\.group).max() ?? 0) + 1
    var count = 0
    for (space, unitClass) in [(0, 0), (1, 0), (0, 1)] {
      for box in [(Fact.yes, Fact.yes), (.yes, .no), (.no, .yes), (.no, .no)] {
        let device = SmallWorld.Device(
          group: group, space: space, unitClass: unitClass, enforceSnoop: box.0,
          noSnoopCapable: box.1)
        let larger = world.adding(device)
        let isFeasible = PlannerAnswer(larger, dialect) != nil
        let isBox3 = device.enforceSnoop != .yes && device.noSnoopCapable != .no
        if isFeasible == (world.forbidsEffectiveDevices && isBox3) {
          Issue.record("\(label) \(dialect.name): feasible \(isFeasible) with one more\n\(larger)")
        }
        count += 1
      }
    }
    return count
  }

  /// Relaxing what was asked for never makes a VM infeasible nor its optimum worse.
  ///
  /// A device that was forbidden counts as blocked once it is `allowed`, so there the optimum may
  /// be worse by that one device, and only by it. What `auto` gave way to may bring it back when
  /// it is relaxed: the optima are compared with `auto` pinned to what it was.
  private static func relax(
    _ answer: PlannerAnswer, _ world: SmallWorld, _ dialect: any Dialect, _ label: String
  ) -> Int {
    var count = 0
    let resolved = answer.question.intents.resolved
    let pinned = world.changing { world in
      for index in resolved.indices { world.devices[index].intent = resolved[index] }
    }
    for (index, device) in pinned.devices.enumerated()
    where device.intent != .allowed {
      let relaxed = pinned.changing { $0.devices[index].intent = .allowed }
      let isCounted = device.intent == .forbidden && device.noSnoopCapable != .no
      notWorse(relaxed, than: answer, isCounted ? [0, 0, 0, 1] : [0, 0, 0, 0], dialect, label)
      count += 1
    }
    if world.kvm != .auto {
      let relaxed = pinned.changing { $0.kvm = .auto }
      notWorse(relaxed, than: answer, [0, 0, 0, 0], dialect, label)
      count += 1
    }
    return count
  }

  private static func notWorse(
    _ relaxed: SmallWorld, than answer: PlannerAnswer, _ allowance: [Int], _ dialect: any Dialect,
    _ label: String
  ) {
    guard let other = PlannerAnswer(relaxed, dialect) else {
      Issue.record("\(label) \(dialect.name): infeasible once relaxed\n\(relaxed)")
      return
    }
    for (index, order) in SmallWorldTests.orders.enumerated() {
      guard let before = answer.optima[index], let after = other.optima[index] else { continue }
      let bound = zip(before, allowance).map { $0 + $1 }
      let isWorse = order.positions.map { bound[$0] }
        .lexicographicallyPrecedes(order.positions.map { after[$0] })
      if isWorse {
        Issue.record("\(label) \(dialect.name): \(after) is worse than \(bound)\n\(relaxed)")
      }
    }
  }
}
