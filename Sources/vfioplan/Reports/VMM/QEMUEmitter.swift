import Executor
import Parser
import Planner

/// QEMU's options for the devices, one a line, to go after `vfioplan apply --hand-over --`.
///
/// With iommufd QEMU 9.1 or later takes the open files; with type1 it opens everything by itself.
struct QEMUEmitter: VMMEmitter {
  /// Makes an emitter.
  init() {}

  /// QEMU's.
  var ownRule: VMMRule { .qemu }

  /// Writes `-object iommufd` and one `-device vfio-pci` for each device.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let vmm = VMMDevices(plan, as: rule(for: plan))
    var text = vmm.hasIOMMUFD ? "-object iommufd,id=iommufd0,fd={iommufd}\n" : ""
    for device in vmm.devices {
      text += "-device vfio-pci,"
      if let file = device.file {
        // QEMU's ids start with a letter; without one the device is as good.
        if file.first?.isLetter == true { text += "id=\(file)," }
        text += "iommufd=iommufd0,fd={\(file)}"
      } else {
        text += "host=\(device.address)"
      }
      text += (device.token.map { ",vf-token=\($0)" } ?? "") + "\n"
    }
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }
}
