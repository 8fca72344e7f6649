import Parser
import Planner

/// Which other processes have a plan's devices, or devices of their groups, open.
///
/// A group's file is opened once only, and a device that is bound in one process can't be bound in
/// another (`vfio_group_fops_open`, `iommufd_device_bind`, 6.1 to 7.3). Only root sees all files.
public struct DeviceHolders {
  /// A process that has a device.
  struct Holder: Hashable {
    /// Its number.
    var process: String
    /// The name of its program.
    var command: String
  }

  private let tree: SysfsTree

  /// Looks at this machine, or a copy.
  public init(_ tree: SysfsTree = .machine) { self.tree = tree }

  /// The first process that has a device, or another one of its group; `nil` if there is none.
  func holder(of address: BDF) -> Holder? {
    guard let group = tree.link("/sys/bus/pci/devices/\(address)/iommu_group").flatMap({ Int($0) })
    else { return nil }
    let nodes = Set(nodes(ofGroup: group))
    let process = processes.first { files(of: $0).contains(where: nodes.contains) }
    return process.map { Holder(process: $0, command: command(of: $0)) }
  }

  /// An error for each device that another process has.
  public func findings(for plan: CompiledPlan) -> [Diagnostic] {
    // What is not with VFIO yet nobody can have open.
    let devices = plan.plan.devices.filter { $0.driver.map(VFIODriver.isVFIO) ?? false }
    if devices.isEmpty { return [] }
    var owners: [String: PlannedDevice] = [:]
    for device in devices {
      for node in nodes(ofGroup: device.group) where owners[node] == nil { owners[node] = device }
    }
    return processes.flatMap { process in
      files(of: process).compactMap { owners[$0] }.reduce(into: [PlannedDevice]()) {
        if !$0.contains($1) { $0.append($1) }
      }.map { device in
        let name = "device '\(device.name)' (\(device.address))"
        return MachineDiagnostics.held(
          name, by: Holder(process: process, command: command(of: process)), device.origin)
      }
    }
  }

  private var processes: [String] { tree.names(in: "/proc").filter { UInt32($0) != nil } }

  /// The files through which a group's devices can be had.
  private func nodes(ofGroup group: Int) -> [String] {
    let members = tree.names(in: "/sys/kernel/iommu_groups/\(group)/devices")
    let cdevs = members.flatMap { tree.names(in: "/sys/bus/pci/devices/\($0)/vfio-dev") }
    return ["/dev/vfio/\(group)"] + cdevs.map { "/dev/vfio/devices/\($0)" }
  }

  private func files(of process: String) -> [String] {
    if process == tree.link("/proc/self") { return [] }
    let directory = "/proc/\(process)/fd"
    return tree.names(in: directory).compactMap { tree.linkText("\(directory)/\($0)") }
  }

  private func command(of process: String) -> String {
    tree.text("/proc/\(process)/comm") ?? "?"
  }
}
