import Executor
import Parser
import Planner

/// A host description as a file that `--host` reads.
struct HostYAML {
  private let inventory: HostInventory

  /// Prepares the text of what a machine has.
  init(_ inventory: HostInventory) { self.inventory = inventory }

  /// YAML with a comment where each no-snoop fact comes from.
  func text() -> String {
    let host = inventory.description
    var lines = ["apiVersion: vfioplan/v1", "kind: Host", "name: " + YAMLText.scalar(host.name)]
    lines.append("kernel: " + HostKeys.kernel.flow(host.kernel))
    if host.memory.isKnown { lines.append("memory: " + HostKeys.memory.flow(host.memory)) }
    lines.append(host.iommus.isEmpty ? "iommus: []" : "iommus:")
    lines += host.iommus.map { "  - " + HostKeys.unit.flow($0) }
    lines.append(host.devices.isEmpty ? "devices: []" : "devices:")
    lines += host.devices.flatMap { device in
      HostKeys.device.lines(device).enumerated().map { ($0 == 0 ? "  - " : "    ") + $1 }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
