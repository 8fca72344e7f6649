import Executor
import Parser
import Planner

/// A plan's devices as a VMM is to attach them.
struct VMMDevices {
  /// One of them.
  struct Device {
    /// Where it is.
    let address: BDF
    /// The name of its file in the plan's program, also good as a name of the VMM; `nil` if the
    /// program opens none.
    let file: String?
    /// The token that opens it, if it is a virtual function that needs one.
    let token: VFToken?
    /// Whether libvirt changes its driver.
    let isManaged: Bool
  }

  /// Whether the VMM gets them on an iommufd, or makes a container of its own.
  let hasIOMMUFD: Bool
  /// The devices, in the order that leads to the planned page tables, if there is one.
  let devices: [Device]

  /// Puts a plan's devices in order for a rule.
  init(_ compiled: CompiledPlan, as rule: VMMRule) {
    let plan = compiled.plan
    let program = compiled.program
    var files: [BDF: String] = [:]
    for step in program.steps {
      guard case .open(.vfioDevice(let address), let file) = step.action else { continue }
      files[address] = program.results[Int(file.index)].name
    }
    let reaching = VMMGrouping.reaching(plan, on: compiled.host, as: rule)
    let managed = Set(compiled.vm.devices.lazy.filter { $0.managed == true }.map(\.address))
    hasIOMMUFD = plan.dialect?.hasAddressSpaceObjects == true
    devices = (reaching?.order ?? Array(plan.devices.indices)).map {
      let device = plan.devices[$0]
      return Device(
        address: device.address, file: files[device.address], token: device.vfToken,
        isManaged: managed.contains(device.address))
    }
  }
}

/// The width of the guest's addresses, where a VMM has to be told.
struct GuestWidth {
  /// How many bits it must not exceed; `nil` if any number will do.
  let limit: Int?
  /// How many bits it needs.
  let needed: Int

  /// `nil` where what VMMs do by themselves is right, and where there is no such option: on
  /// anything but x86 the machine has the width.
  init?(_ plan: CompiledPlan) {
    let budget = PlanBudget(plan)
    (limit, needed) = (budget.guestLimit, budget.guestBits)
    guard plan.host.architecture ?? .x86 == .x86 else { return nil }
    if limit == nil, needed <= PlanBudget.usualGuest { return nil }
  }
}
