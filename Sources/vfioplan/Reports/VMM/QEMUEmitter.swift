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
  /// If there are huge pages.
  var writesMemory: Bool { true }

  /// Writes what the guest has to have for the devices, `-object iommufd`, and one
  /// `-device vfio-pci` for each device.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let vmm = VMMDevices(plan, as: rule(for: plan))
    var text = Self.processor(plan) + Self.memory(plan.vm)
    text += vmm.hasIOMMUFD ? "-object iommufd,id=iommufd0,fd={iommufd}\n" : ""
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

  /// The width of the CPU, where it has to be said: whatever model it is, which is the user's.
  private static func processor(_ plan: CompiledPlan) -> String {
    guard let width = GuestWidth(plan) else { return "" }
    let options =
      plan.host.kernel.kvm == .no
      ? ["phys-bits=\(width.limit ?? width.needed)"]
      : ["host-phys-bits=on"] + (width.limit.map { ["host-phys-bits-limit=\($0)"] } ?? [])
    return options.map { "-global x86_64-cpu.\($0)\n" }.joined()
  }

  /// Memory of huge pages, which has to be a piece of its own; else any will do.
  private static func memory(_ vm: ResolvedVM) -> String {
    let pages = GuestPages(vm)
    guard let bytes = pages.bytes else { return "" }
    let size = pages.total
    return """
      -m size=\(size & (1 << 20 - 1) == 0 ? "\(size >> 20)M" : "\(size)B")
      -object memory-backend-memfd,id=memory0,size=\(size),hugetlb=on,hugetlbsize=\(bytes)
      -machine memory-backend=memory0

      """
  }
}
