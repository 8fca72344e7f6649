import Parser
import Planner

/// The processes that have files of VFIO or iommufd open, and whose devices those are.
///
/// Nothing is opened. A device's file that comes from a group's has no name in `/proc`: the group
/// says then which devices it may be. Only root sees all processes.
public struct VFIOUsers {
  /// A process.
  public struct User: Hashable, Sendable {
    /// The process.
    public let holder: DeviceHolders.Holder
    /// What it has open, in order of names, each once.
    public let files: [String]
    /// The devices that can be had through these files, in order; of a group all that are with
    /// VFIO.
    public let devices: [BDF]
  }

  private let tree: SysfsTree
  private let openFiles: OpenFiles

  /// Looks at this machine.
  public init() { self.init(.machine, openFiles: OpenFiles()) }

  /// Looks at this machine, or a copy.
  init(_ tree: SysfsTree, openFiles: OpenFiles) {
    self.tree = tree
    self.openFiles = openFiles
  }

  /// Every such process, in order of `/proc`.
  public var users: [User] {
    var found: [(process: String, files: Set<String>)] = []
    for file in openFiles.files where Self.isVFIO(file.path) {
      if found.last?.process != file.process { found.append((file.process, [])) }
      found[found.count - 1].files.insert(file.path)
    }
    return found.map { process, files in
      User(
        holder: openFiles.holder(process), files: files.sorted(),
        devices: Set(files.flatMap(devices)).sorted())
    }
  }

  /// Why not all processes could be seen; `nil` if they could.
  public var blindness: String? { openFiles.blindness?.text }

  private static func isVFIO(_ path: String) -> Bool {
    path == "/dev/iommu" || path.hasPrefix("/dev/vfio/")
  }

  private func devices(of file: String) -> [BDF] {
    let parts = file.split(separator: "/").dropFirst(2).map(String.init)
    switch (parts.first, parts.count) {
    case ("devices", 2):
      return tree.link("/sys/class/vfio-dev/\(parts[1])/device").flatMap { BDF($0) }.map { [$0] }
        ?? []
    case (let group?, 1):
      return tree.names(in: "/sys/kernel/iommu_groups/\(group)/devices").compactMap { BDF($0) }
        .filter(isWithVFIO)
    default: return []
    }
  }

  private func isWithVFIO(_ address: BDF) -> Bool {
    tree.link("/sys/bus/pci/devices/\(address)/driver").map(VFIODriver.isVFIO) ?? false
  }
}
