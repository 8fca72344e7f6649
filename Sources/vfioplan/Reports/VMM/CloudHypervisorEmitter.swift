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

  /// Writes `--platform` for iommufd, then one `--device` with a value for each device.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let vmm = VMMDevices(plan, as: rule(for: plan))
    guard !vmm.devices.isEmpty else { return }
    var text = vmm.hasIOMMUFD ? "--platform iommufd_fd={iommufd}\n" : ""
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
}
