import Parser
import Planner

/// The IOMMU groups that VFIO has, as devices for containers: a specification of the Container
/// Device Interface, for a file in `/etc/cdi`.
///
/// One device a group, which is what can be given away. Nodes are those that there are: the files
/// of devices if their names are known, else that of the group. What is not on a driver of VFIO's
/// has no node and is left out: a container with it would not start.
struct ContainerDevices {
  /// The version that knows all that is written: annotations came with it.
  private static let version = "0.6.0"
  private static let (common, iommufd) = ("/dev/vfio/vfio", "/dev/iommu")

  private let host: HostDescription
  private let groups: [HostGroups.Group]
  private let nodes: [BDF: String]

  /// Takes a host and the names of its VFIO devices' files in `/dev/vfio/devices`, as far as they
  /// are known.
  init(_ host: HostDescription, nodes: [BDF: String]) {
    self.host = host
    self.nodes = nodes
    groups = HostGroups(host, uses: nil).all.filter(\.isReady)
  }

  /// Whether there is no device, which no reader takes.
  var isEmpty: Bool { groups.isEmpty }

  /// The specification, one device a line.
  func document() -> JSONWriter {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("cdiVersion", Self.version)
    writer.member("kind", "vfioplan/vfio")
    writer.list("devices", of: groups, .block) { write($0, to: &$1) }
    let files = groups.map(files)
    Self.writeEdits(
      (files.contains { $0 != nil } ? [Self.iommufd] : [])
        + (files.contains { $0 == nil } ? [Self.common] : []), to: &writer)
    writer.endObject()
    writer.endText()
    return writer
  }

  private func write(_ group: HostGroups.Group, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", "group\(group.number)")
    writer.key("annotations")
    writer.beginObject()
    writer.member(
      "vfioplan/addresses", group.devices.map(\.address.description).joined(separator: " "))
    writer.member("vfioplan/coherent", group.verdict.coherence.rawValue)
    writer.endObject()
    Self.writeEdits(files(of: group) ?? ["/dev/vfio/\(group.number)"], to: &writer)
    writer.endObject()
  }

  /// The files of a group's devices; `nil` if it is given away by its own.
  private func files(of group: HostGroups.Group) -> [String]? {
    guard host.kernel.iommufd == .yes, host.kernel.vfioCdev == .yes else { return nil }
    let names = group.devices.filter(\.hasVFIODriver).map { nodes[$0.address] }
    return names.contains(nil) ? nil : names.compactMap { $0.map { "/dev/vfio/devices/" + $0 } }
  }

  private static func writeEdits(_ paths: [String], to writer: inout JSONWriter) {
    writer.key("containerEdits")
    writer.beginObject()
    writer.objects("deviceNodes", of: paths) { path, writer in
      writer.member("path", path)
      writer.member("type", "c")
      writer.member("permissions", "rw")
    }
    writer.endObject()
  }
}
