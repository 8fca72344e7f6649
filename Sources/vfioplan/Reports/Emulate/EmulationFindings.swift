import Executor
import Glibc
import Parser
import Planner

/// What is wrong with what a program made of an emulated machine.
struct EmulationFindings {
  private let record: EmulationRecord
  private let plan: IOASIDPlan?
  private let asksPageTables: Bool
  private var state: SimulatorState? { record.state }

  /// Looks at what was seen of a kernel, and at what a plan says of it.
  init(_ record: EmulationRecord, plan: IOASIDPlan?, of kernel: SimulatedKernel) {
    self.record = record
    self.plan = plan
    asksPageTables = kernel.type1EnforcesByTable
  }

  /// Everything, in the order of the host's devices.
  var all: [Diagnostic] {
    let found = mismatches.map { Diagnostic(EmulationDiagnostics.differs, $0, at: nil) }
    let last = faults + left
    guard let state else { return found + last }
    return found + last + untold(state) + trapped(state) + locked(state)
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
        help: help(state.pageTables[device.pageTable]))
    }
  }

  /// Before 5.19 type1 asks the bus, not the page table: then no order helps (§7.10).
  private func help(_ table: SimulatorState.PageTable) -> String {
    if !table.name.hasPrefix("type1") {
      return "attach it first, or give it a page table of its own"
    }
    if asksPageTables {
      return "add its group to the container first, or give it a container of its own"
    }
    return
      "before Linux 5.19 type1 enforces snoop only if all IOMMUs of the host can, whatever the "
      + "order: use a later kernel"
  }

  private var faults: [Diagnostic] {
    record.transfers.filter { $0.fault != nil }.map { transfer in
      let words = EmulationText.words(of: transfer)
      return Diagnostic(
        EmulationDiagnostics.dmaFault,
        "\(transfer.request.device) \(words.deed): \(words.outcome)", at: nil)
    }
  }

  private var left: [Diagnostic] {
    let open =
      record.leftOpen.isEmpty
      ? []
      : [
        Diagnostic(
          EmulationDiagnostics.leftOpen,
          "when the program ended, others still had open: \(nameList(record.leftOpen))", at: nil,
          help: "end what the program has started, or close the files there")
      ]
    // Who uses nothing of VFIO has given devices another driver on purpose.
    let isOnPurpose = record.calls.isEmpty
    return open
      + record.driverChanges.filter {
        $0.now != $0.before && !(isOnPurpose && $0.now != nil)
      }.map { change in
        let now = change.now.map { "driver " + $0 } ?? "no driver"
        return Diagnostic(
          EmulationDiagnostics.notGivenBack,
          "\(change.address) is left with \(now), and had \(change.before ?? "none")", at: nil,
          help: "give it back: unbind it, clear driver_override, write it to drivers_probe")
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
