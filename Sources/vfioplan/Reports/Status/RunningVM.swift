import Parser
import Planner

/// What a VMM that runs has made of its devices, as far as its command line tells.
struct RunningVM {
  /// The sentence: which DMA is coherent, and what KVM does.
  let today: StyledText

  /// Applies the rule of a VM's own VMM on a host; `nil` if the devices can't be planned there.
  init?(_ vm: VMDescription, on host: HostDescription) {
    guard let kind = vm.vmm?.kind, !vm.devices.isEmpty else { return nil }
    var sink = DiagnosticSink()
    guard
      let compiled = try? Compilation.compile(
        vm, on: host, target: vm.vmm?.interface?.rawValue, into: &sink)
    else { return nil }
    let rule: VMMRule = kind == .cloudHypervisor ? .cloudHypervisor : .qemu
    let text = VMMText(compiled, as: rule)
    guard text.canRun else { return nil }
    today = text.sentenceOfToday
  }
}
