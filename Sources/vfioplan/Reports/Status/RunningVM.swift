import Executor
import Parser
import Planner

/// What a VMM that runs has made of its devices, as far as its command line tells.
struct RunningVM {
  /// The sentence: which DMA is coherent, and what KVM does.
  let today: StyledText

  /// The VMs of processes that are VMMs, by number of the process; what can't be told is left out.
  ///
  /// The process's command line and open files are read, and the rule of its VMM applied to them.
  static func all(of users: [VFIOUsers.User]) -> [String: RunningVM] {
    let processes = users.map(\.holder.process)
    let loaded = processes.compactMap { process in
      Int32(process).flatMap { try? ProcessInput($0).loaded(from: nil) }.map { (process, $0) }
    }
    guard !loaded.isEmpty, let host = try? Inputs.thisMachine(.host) else { return [:] }
    let found = loaded.compactMap { process, vm in
      RunningVM(vm.value.vm, on: host.value).map { (process, $0) }
    }
    return Dictionary(found, uniquingKeysWith: { first, _ in first })
  }

  /// Applies the rule of a VM's own VMM on a host; `nil` if the devices can't be planned there.
  init?(_ vm: VMDescription, on host: HostDescription) {
    guard let kind = vm.vmm?.kind, !vm.devices.isEmpty else { return nil }
    var sink = DiagnosticSink()
    guard
      let compiled = try? Compilation.compile(
        vm, on: host, target: vm.vmm?.backend?.rawValue, into: &sink)
    else { return nil }
    let rule: VMMRule = kind == .cloudHypervisor ? .cloudHypervisor : .qemu
    let text = VMMText(compiled, as: rule)
    guard text.canRun else { return nil }
    today = text.sentenceOfToday
  }
}
