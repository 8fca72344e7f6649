import Executor
import Parser
import Planner

/// cloud-hypervisor's options for the devices, to go after `vfioplan apply --hand-over --`.
///
/// With iommufd version 53 or later takes the open files; with type1 it opens everything by itself.
struct CloudHypervisorEmitter: VMMEmitter {
  /// Makes an emitter.
  init() {}

  /// cloud-hypervisor's.
  var ownRule: VMMRule { .cloudHypervisor }
  /// Its `--memory` is the user's.
  var writesMemory: Bool { false }

  /// Writes `--platform` if it needs to be told anything, then one `--device` with a value for each
  /// device.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let vmm = VMMDevices(plan, as: rule(for: plan))
    guard !vmm.devices.isEmpty else { return }
    let options =
      (vmm.hasIOMMUFD ? ["iommufd_fd={iommufd}"] : [])
      + (Self.needsNoPeerToPeer(plan) ? ["vfio_p2p_dma=off"] : [])
    var text = options.isEmpty ? "" : "--platform \(options.joined(separator: ","))\n"
    text += "--device"
    for device in vmm.devices {
      if let file = device.file {
        text += " fd={\(file)},id=\(file)"
      } else {
        text += " path=/sys/bus/pci/devices/\(device.address)/"
      }
    }
    text += "\n"
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  /// Whether it would not start otherwise: mapping a BAR fails on an iommufd, for it maps them as
  /// memory whatever the kernel (EFAULT), and where the IOMMU may have no such address (EINVAL).
  private static func needsNoPeerToPeer(_ plan: CompiledPlan) -> Bool {
    let budget = PlanBudget(plan)
    return plan.plan.dialect?.hasAddressSpaceObjects == true || budget.mapsBARs != .yes
      || budget.fitsIOMMU == .no || budget.guestLimit != nil
  }
}
