import Parser

/// What a plan comes to for people who have to agree to it: the verdict, what would help, a row for
/// each device, what the host loses, what is locked.
///
/// Words, but no layout: every form of a review is written from it. Linear in the plan and in the
/// host; the ways out are bounded, see `WaysOut`.
public struct PlanReview: Hashable, Sendable {
  /// The VM's name.
  public let vm: String
  /// The host's name.
  public let host: String
  /// The release that the host runs; empty if nobody says.
  public let release: String
  /// The kernel interface.
  public let target: String
  /// Whether no kernel has that interface.
  public let isProposal: Bool
  /// The order of the metrics.
  public let objective: Objective
  /// Whether the VM is coherent, and why not.
  public let verdict: Verdict
  /// What would make it coherent, or less non-coherent; nothing if it is coherent.
  public let waysOut: WaysOut
  /// One for each device, in description order.
  public let rows: [Row]
  /// What the host loses until the VM ends.
  public let losses: [Loss]
  /// What is locked.
  public let locked: Locked
  /// How many page tables there are.
  public let pageTables: Int
  /// How many steps the program has.
  public let steps: Int

  /// Reviews a plan; `name` tells what a device is called, vendor included, if anybody knows.
  public init(_ compiled: CompiledPlan, name: (HostDevice) -> String? = { _ in nil }) {
    let plan = compiled.plan
    vm = compiled.vm.name
    host = compiled.host.name
    release = compiled.host.kernel.release
    target = plan.target
    isProposal = plan.dialect?.isProposalOnly ?? false
    objective = plan.objective
    rows = Row.all(of: compiled, name: name)
    verdict = Verdict(compiled, rows)
    waysOut = WaysOut(of: compiled)
    losses = Loss.all(of: compiled)
    locked = Locked(PlanBudget(compiled), isKnown: !compiled.vm.memory.isEmpty)
    pageTables = plan.pageTables.count
    steps = compiled.program.steps.count
  }
}

extension PlanReview {
  /// What a plan takes of the host's limits.
  public struct Locked: Hashable, Sendable {
    /// How many bytes are locked and counted.
    public let bytes: UInt64
    /// How many mappings the address space with the most of them has.
    public let mappings: Int
    /// How many it may have; `nil` without a limit.
    public let limit: MappingLimit?

    /// Whether the description says how much memory there is.
    public let isKnown: Bool

    init(_ budget: PlanBudget, isKnown: Bool) {
      self.isKnown = isKnown
      bytes = budget.lockedBytes
      mappings = budget.largestSpace
      limit = budget.mappingLimit
    }
  }

  /// A driver of the host that loses devices until the VM ends.
  public struct Loss: Hashable, Sendable {
    /// The driver's name.
    public let driver: String
    /// The devices that it loses.
    public private(set) var devices: [BDF]
    /// What the host uses them for, as far as anybody has looked, as clauses: `it is the console`.
    public private(set) var uses: [String]

    /// Every driver that loses devices, in order of the devices.
    static func all(of compiled: CompiledPlan) -> [Loss] {
      let plan = compiled.plan
      let own = plan.devices.lazy.filter { $0.driverToGet != nil }.compactMap { device in
        device.driver.map { ($0, device.address) }
      }
      let taken = Array(own) + plan.companions.map { ($0.driver, $0.address) }
      var (losses, places): ([Loss], [String: Int]) = ([], [:])
      for (driver, address) in taken {
        let uses = compiled.host.observations.uses[address] ?? []
        if let place = places[driver] {
          losses[place].devices.append(address)
          losses[place].uses += uses
        } else {
          places[driver] = losses.count
          losses.append(Loss(driver: driver, devices: [address], uses: uses))
        }
      }
      return losses
    }
  }
}
