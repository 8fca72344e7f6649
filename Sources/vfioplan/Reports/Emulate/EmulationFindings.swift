import Executor
import Glibc
import Parser
import Planner

/// What is wrong with what a program made of an emulated machine.
struct EmulationFindings {
  private let state: SimulatorState?
  private let plan: IOASIDPlan?

  /// Looks at a state, and at what a plan says of it.
  init(_ state: SimulatorState?, plan: IOASIDPlan?) {
    self.state = state
    self.plan = plan
  }

  /// Everything, in the order of the host's devices.
  var all: [Diagnostic] {
    let found = mismatches.map { Diagnostic(EmulationDiagnostics.differs, $0, at: nil) }
    guard let state else { return found }
    return found + untold(state) + trapped(state) + locked(state)
      + (state.vms.isEmpty ? [] : CoherencyCheck.diagnostics(state, plan: plan))
  }

  /// Where the state is not what the plan says.
  var mismatches: [String] {
    guard let plan else { return [] }
    guard let state else { return ["the program opened nothing"] }
    return state.mismatches(with: plan, tellsKVM: !state.vms.isEmpty)
  }

  private func untold(_ state: SimulatorState) -> [Diagnostic] {
    if state.vms.isEmpty { return [] }
    let known = Set(state.vms.flatMap(\.knownDevices))
    return state.devices.filter { !known.contains($0.address) }.map { device in
      Diagnostic(
        EmulationDiagnostics.notTold, "KVM was not told of \(device.address), which is attached",
        at: nil, help: "add its file or group to KVM's VFIO device")
    }
  }

  private func trapped(_ state: SimulatorState) -> [Diagnostic] {
    state.devices.filter { device in
      device.canEnforceSnoop == .yes && device.canNoSnoop != .no
        && !state.pageTables[device.pageTable].enforcesSnoop
    }.map { device in
      let others = state.devices.filter {
        $0.pageTable == device.pageTable && $0.canEnforceSnoop != .yes
      }.map(\.address.description)
      let because = others.isEmpty ? "" : ", made for \(nameList(others))"
      return Diagnostic(
        EmulationDiagnostics.trapped,
        "\(device.address) is on a page table that does not enforce snoop\(because)", at: nil,
        notes: [.init("its IOMMU can enforce it")],
        help: "attach it first, or give it a page table of its own")
    }
  }

  private func locked(_ state: SimulatorState) -> [Diagnostic] {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit)
    guard geteuid() != 0, state.lockedBytes > UInt64(limit.rlim_cur) else { return [] }
    return [
      Diagnostic(
        EmulationDiagnostics.overLimit,
        "\(byteSizeText(state.lockedBytes)) would be locked, and this user may lock "
          + byteSizeText(UInt64(limit.rlim_cur)), at: nil, help: "raise the limit with ulimit -l")
    ]
  }
}
