import Executor
import Parser
import Planner

/// The known forms.
enum Emitters {
  /// Every form by its name on the command line; the first is the default.
  static let all: [(name: String, emitter: any Emitter)] =
    [
      ("text", TextEmitter()), ("json", JSONEmitter()), ("program", ProgramEmitter()),
      ("markdown", MarkdownEmitter()), ("html", HTMLEmitter()),
    ] + configuring.map { ($0.name, $0.emitter) }

  /// The forms that configure a VMM.
  static let configuring: [(name: String, emitter: any VMMEmitter)] = [
    ("qemu", QEMUEmitter()), ("libvirt", LibvirtEmitter()),
    ("cloud-hypervisor", CloudHypervisorEmitter()),
  ]
}

extension EmitterContext {
  /// What a device is called, vendor included; `nil` if nobody knows.
  func product(of device: HostDevice) -> String? {
    names?.name(vendor: device.vendor, device: device.device)
  }
}

/// A form that configures a VMM, which then attaches the devices by itself.
protocol VMMEmitter: Emitter {
  /// How the VMM comes to page tables with iommufd.
  var ownRule: VMMRule { get }
  /// Whether the form says what pages guest memory is made of.
  var writesMemory: Bool { get }
  /// Whether the form says how much memory there is.
  var needsMemory: Bool { get }
}

extension VMMEmitter {
  /// Memory is mostly the user's.
  var needsMemory: Bool { false }

  /// How the VMM comes to page tables with a plan's target.
  func rule(for plan: CompiledPlan) -> VMMRule {
    plan.plan.dialect?.vmmRule ?? ownRule
  }
}
