import Executor
import Parser
import Planner

/// A libvirt domain with the devices; what else the VM has is for the user to add.
///
/// With iommufd it needs libvirt 12.2. The devices are not `managed`: vfioplan changes drivers,
/// with `apply --hand-over`.
struct LibvirtEmitter: VMMEmitter {
  /// Makes an emitter.
  init() {}

  /// That of QEMU, which libvirt starts.
  var ownRule: VMMRule { .qemu }
  /// In `memoryBacking`.
  var writesMemory: Bool { true }
  /// A domain has to have some.
  var needsMemory: Bool { true }

  /// Writes the domain.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let vmm = VMMDevices(plan, as: rule(for: plan))
    let isArm = plan.host.iommus.contains { $0.type.hasPrefix("arm") }
    let isOld = plan.vm.machine == .i440fx
    let (processor, machine) = isArm ? ("aarch64", "virt") : ("x86_64", isOld ? "pc" : "q35")
    var text = """
      <domain type='\(plan.host.kernel.kvm != .no ? "kvm" : "qemu")'>
        <name>\(Self.escaped(plan.vm.name))</name>
        <memory unit='b'>\(plan.vm.memory.reduce(0) { $0 &+ $1.size })</memory>
      \(Self.memoryBacking(plan.vm))\(Self.processor(plan))\
      \(vmm.hasIOMMUFD ? "  <iommufd enabled='yes'/>\n" : "")\
        <os>
          <type arch='\(processor)' machine='\(machine)'>hvm</type>
        </os>
        <devices>

      """
    for device in vmm.devices { text += Self.element(device, vmm.hasIOMMUFD) }
    text += "  </devices>\n</domain>\n"
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  private static func element(_ device: VMMDevices.Device, _ hasIOMMUFD: Bool) -> String {
    let address = device.address
    return """
          <hostdev mode='subsystem' type='pci' managed='\(device.isManaged ? "yes" : "no")'>
            <driver name='vfio'\(hasIOMMUFD ? " iommufd='yes'" : "")/>
            <source>
              <address domain='\(hexText(UInt64(address.domain), digits: 4))' \
      bus='\(hexText(UInt64(address.bus), digits: 2))' \
      slot='\(hexText(UInt64(address.device), digits: 2))' \
      function='\(hexText(UInt64(address.function)))'/>
            </source>
          </hostdev>

      """
  }

  /// Huge pages, of one size for all memory.
  private static func memoryBacking(_ vm: ResolvedVM) -> String {
    guard let bytes = GuestPages(vm).bytes else { return "" }
    return """
        <memoryBacking>
          <hugepages>
            <page size='\(bytes)' unit='b'/>
          </hugepages>
        </memoryBacking>

      """
  }

  /// The CPU, where its width has to be said: BARs of 64 bits lie in the guest's addresses, and a
  /// VMM maps them there for the devices.
  private static func processor(_ plan: CompiledPlan) -> String {
    guard let width = GuestWidth(plan) else { return "" }
    let isFast = plan.host.kernel.kvm != .no
    let limit =
      isFast
      ? "mode='passthrough'" + (width.limit.map { " limit='\($0)'" } ?? "")
      : "mode='emulate' bits='\(width.limit ?? width.needed)'"
    return """
        <cpu mode='\(isFast ? "host-passthrough" : "maximum")'>
          <maxphysaddr \(limit)/>
        </cpu>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.escaped { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      default: scalar.isShown ? nil : "&#\(scalar.value);"
      }
    }
  }
}
