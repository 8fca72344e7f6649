import Executor
import Parser
import Planner

/// The known forms, each by its name on the command line.
///
/// An enumeration, not a table: to make a table of emitters takes as long as to read a small host.
enum OutputForm: String, CaseIterable {
  case text, json, program, markdown, html, qemu, libvirt
  case cloudHypervisor = "cloud-hypervisor"

  /// What writes it.
  var emitter: any Emitter {
    switch self {
    case .text: TextEmitter()
    case .json: JSONEmitter()
    case .program: ProgramEmitter()
    case .markdown: MarkdownEmitter()
    case .html: HTMLEmitter()
    case .qemu: QEMUEmitter()
    case .libvirt: LibvirtEmitter()
    case .cloudHypervisor: CloudHypervisorEmitter()
    }
  }

  /// What writes it if it configures a VMM; to ask the emitter for that takes longer.
  var vmmEmitter: (any VMMEmitter)? {
    switch self {
    case .qemu: QEMUEmitter()
    case .libvirt: LibvirtEmitter()
    case .cloudHypervisor: CloudHypervisorEmitter()
    case .text, .json, .program, .markdown, .html: nil
    }
  }
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
