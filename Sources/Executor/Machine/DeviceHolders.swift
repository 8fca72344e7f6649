import Parser
import Planner

/// Which other processes have a plan's devices, or devices of their groups, open.
///
/// A group's file is opened once only, and a device that is bound in one process can't be bound in
/// another (`vfio_group_fops_open`, `iommufd_device_bind`, 6.1 to 7.3). Only root sees all files.
public struct DeviceHolders {
  private let tree: SysfsTree

  /// Looks at this machine, or a copy.
  public init(_ tree: SysfsTree = .machine) { self.tree = tree }

  /// An error for each device that another process has.
  public func findings(for plan: CompiledPlan) -> [Diagnostic] {
    // What is not with VFIO yet nobody can have open.
    let devices = plan.plan.devices.filter { $0.driver.map(VFIODriver.isVFIO) ?? false }
    if devices.isEmpty { return [] }
    var owners: [String: PlannedDevice] = [:]
    for device in devices {
      for node in nodes(ofGroup: device.group) where owners[node] == nil { owners[node] = device }
    }
    return tree.names(in: "/proc").filter { UInt32($0) != nil }.flatMap { process in
      files(of: process).compactMap { owners[$0] }.reduce(into: [PlannedDevice]()) {
        if !$0.contains($1) { $0.append($1) }
      }.map { MachineDiagnostics.held($0, process: process, command: command(of: process)) }
    }
  }

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
