import Executor
import Glibc
import Parser
import Planner

/// The host that is emulated, as it was described or captured.
struct EmulatedHost {
  /// What it has.
  var description: HostDescription
  /// Its release, as its files say it.
  var release: String
  /// Configuration space of devices, as far as it was captured.
  var configurations: [BDF: [UInt8]] = [:]

  /// Reads a description, an archive of `host --capture` or a copy of a sysfs; without a path the
  /// machine that is built in.
  static func load(
    _ path: String?, release: ReleaseOption?, _ findings: inout Findings
  ) throws(CommandFailure) -> EmulatedHost {
    if let path, isTree(path) { return try captured(path, release, &findings) }
    let loaded: Loaded<HostDescription>
    if let path {
      loaded = try Inputs.read(path, .host, DescriptionReader.host).get()
    } else {
      let file = SourceFile(
        id: .host, name: BuiltInHost.name, bytes: Array(BuiltInHost.text.utf8))
      loaded = try Inputs.decoded(file, DescriptionReader.host).get()
    }
    findings.add(loaded.warnings, files: [loaded.file])
    return EmulatedHost(
      description: loaded.value, release: release?.text ?? loaded.value.kernel.release)
  }

  /// The hosts in a folder, by name; `nil` for what is not a folder of them.
  static func names(in path: String) -> [String]? {
    guard !isTree(path), let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if [".yaml", ".yml", ".tar", ".tar.gz"].contains(where: name.hasSuffix) {
        names.append(name)
      }
    }
    return names.sorted()
  }

  private static func isTree(_ path: String) -> Bool {
    path.hasSuffix(".tar.gz") || path.hasSuffix(".tar") || access(path + "/sys/bus", F_OK) == 0
  }

  private static func captured(
    _ path: String, _ release: ReleaseOption?, _ findings: inout Findings
  ) throws(CommandFailure) -> EmulatedHost {
    let tree: SysfsTree
    do throws(TreeError) { tree = try SysfsTree(root: path) } catch {
      throw CommandFailure([SysfsDiagnostics.noTree(path, error)], .inputUnreadable)
    }
    let inventory = HostInventory(tree, release: release?.text)
    findings.add(inventory.findings)
    var host = EmulatedHost(
      description: inventory.description,
      release: release?.text ?? inventory.description.kernel.release)
    for device in inventory.description.devices {
      let file = "/sys/bus/pci/devices/\(device.address)/config"
      if let bytes = tree.bytes(file), bytes.count >= 64 {
        host.configurations[device.address] = bytes
      }
    }
    return host
  }
}
