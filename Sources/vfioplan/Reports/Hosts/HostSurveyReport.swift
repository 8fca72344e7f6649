import Parser
import Planner

/// Which of many hosts can run a VM, at what cost; and why the others can't.
struct HostSurveyReport {
  /// A host that can.
  struct Run: Sendable {
    /// The file that describes the host.
    let file: String
    /// Whether that is an archive, which --host does not read.
    let isCapture: Bool
    /// The host's name.
    let host: String
    /// The plan's kernel interface.
    let target: String
    /// What the plan costs.
    let metrics: PlanMetrics
    /// Whether all DMA of the VM is coherent there.
    let coherent: Fact
    /// The devices that the VM gets there.
    let devices: [Device]
    /// The drivers that lose devices, in order of the devices.
    let losses: [String]
    /// How many warnings there are.
    let warnings: Int

    /// A device that the VM gets.
    struct Device: Sendable {
      /// What the VM's description calls it.
      let name: String
      /// Its address on this host.
      let address: BDF
      /// Whether its no-snoop DMA reaches memory, or may.
      let isEffective: Bool
    }
  }

  /// A host that can't.
  struct Refusal: Sendable {
    /// The file that describes the host.
    let file: String
    /// The host's name; `nil` if the file can't be read.
    let host: String?
    /// The first reason; `nil` never happens with an error among the findings.
    let reason: Diagnostic?
    /// How many errors there are.
    let errors: Int
    /// What a compilation on this host alone would end with.
    fileprivate let status: ExitCode

    /// Takes what was found.
    init(file: String, host: String?, _ findings: [Diagnostic]) {
      let found = findings.filter { $0.severity == .error }
      (self.file, self.host) = (file, host)
      reason = found.first
      errors = found.count
      status = host == nil ? .hostUnable : ExitCode(of: found)
    }
  }

  /// The folder that was asked.
  let folder: String
  /// The VM's name.
  let vm: String
  /// The order of the metrics.
  let objective: Objective
  /// The hosts that can, the best first once they are sorted.
  var runs: [Run] = []
  /// The hosts that can't, by file.
  var refusals: [Refusal] = []
  /// How many files hold no host.
  var skipped = 0

  /// Starts without hosts.
  init(of vm: VMDescription, _ objective: Objective?, _ folder: String) {
    self.folder = folder
    self.vm = vm.name
    self.objective = objective ?? vm.objective
  }

  /// Puts the hosts in order: by the objective, then those where the VM may yet be coherent before
  /// those where it is known not to be, those that lose the fewest drivers, and by file.
  mutating func sort() {
    let order = objective.order
    let keys = runs.map { run in
      order.map { run.metrics[$0] } + [run.coherent == .no ? 1 : 0, run.losses.count]
    }
    runs = runs.indices.sorted { one, other in
      if keys[one] != keys[other] { return keys[one].lexicographicallyPrecedes(keys[other]) }
      return Self.isBefore(runs[one].file, runs[other].file)
    }.map { runs[$0] }
    refusals.sort { Self.isBefore($0.file, $1.file) }
  }

  private static func isBefore(_ one: String, _ other: String) -> Bool {
    one.utf8.lexicographicallyPrecedes(other.utf8)
  }

  /// Whether some host lacks an address that the VM's description names.
  var isAnyDeviceMissing: Bool {
    refusals.contains { $0.reason?.code == PlannerDiagnostics.deviceNotOnHost }
  }

  /// Done if any host can; else the description's fault only if every host says so.
  var status: ExitCode {
    if !runs.isEmpty { return .done }
    return refusals.allSatisfy { $0.status == .cannotCompile } ? .cannotCompile : .hostUnable
  }
}

extension HostSurveyReport.Run {
  /// Takes the plan of a host.
  init(file: String, isCapture: Bool, _ compiled: CompiledPlan, _ checked: CheckedVM) {
    let plan = compiled.plan
    (self.file, self.isCapture) = (file, isCapture)
    host = compiled.host.name
    target = plan.target
    metrics = plan.metrics
    coherent = checked.isCoherent
    devices = plan.devices.map {
      Device(name: $0.name, address: $0.address, isEffective: $0.isEffective)
    }
    losses =
      (plan.devices.filter { !$0.isOnVFIO }.compactMap(\.driver)
      + plan.companions.map(\.driver)).uniqued
    warnings = checked.diagnostics.count
  }
}
