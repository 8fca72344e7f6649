import Parser
import Planner

/// Which other processes have a plan's devices, or devices of their groups, open.
///
/// A group's file is opened once only, and a device that is bound in one process can't be bound in
/// another (`vfio_group_fops_open`, `iommufd_device_bind`, 6.1 to 7.3). Only root sees all files.
public struct DeviceHolders {
  /// A process that has a device.
  public struct Holder: Hashable, Sendable {
    /// Its number.
    public var process: String
    /// The name of its program.
    public var command: String
  }

  private let tree: SysfsTree
  private let openFiles: OpenFiles

  /// Looks at this machine, or a copy.
  init(_ tree: SysfsTree = .machine, openFiles: OpenFiles = OpenFiles()) {
    self.tree = tree
    self.openFiles = openFiles
  }

  /// The first process that has a device, or another one of its group; `nil` if there is none.
  func holder(of address: BDF) -> Holder? {
    guard let group = tree.link("/sys/bus/pci/devices/\(address)/iommu_group").flatMap({ Int($0) })
    else { return nil }
    let nodes = Set(nodes(ofGroup: group))
    return openFiles.holders(where: { nodes.contains($0.path) }).first
  }

  /// An error for each device that another process has.
  public func findings(for plan: CompiledPlan) -> [Diagnostic] {
    // What is not with VFIO yet nobody can have open.
    let devices = plan.plan.devices.filter(\.isOnVFIO)
    if devices.isEmpty { return [] }
    var owners: [String: PlannedDevice] = [:]
    for device in devices {
      for node in nodes(ofGroup: device.group) where owners[node] == nil { owners[node] = device }
    }
    let held = openFiles.files.compactMap { file in
      owners[file.path].map { Holding(process: file.process, device: $0) }
    }.uniqued
    return held.map { holding in
      MachineDiagnostics.held(
        Self.name(of: holding.device), by: openFiles.holder(holding.process),
        holding.device.origin)
    } + ignorance(of: devices.filter { device in !held.contains { $0.device == device } })
  }

  /// Errors for devices of which it can't be told whether somebody has them.
  ///
  /// Who may not look, as is usual for others than root, learns it from the kernel (`EBUSY`).
  private func ignorance(of devices: [PlannedDevice]) -> [Diagnostic] {
    guard let blindness = openFiles.blindness, !blindness.error.isDenied else { return [] }
    return devices.map { MachineDiagnostics.perhapsHeld(Self.name(of: $0), blindness, $0.origin) }
  }

  private static func name(of device: PlannedDevice) -> String {
    "device '\(device.name)' (\(device.address))"
  }

  /// A device in a process.
  private struct Holding: Hashable {
    let process: String
    let device: PlannedDevice
  }

  /// The files through which a group's devices can be had.
  private func nodes(ofGroup group: Int) -> [String] {
    let members = tree.names(in: "/sys/kernel/iommu_groups/\(group)/devices")
    let cdevs = members.flatMap { tree.names(in: "/sys/bus/pci/devices/\($0)/vfio-dev") }
    return ["/dev/vfio/\(group)"] + cdevs.map { "/dev/vfio/devices/\($0)" }
  }
}
