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
    var lines = ["apiVersion: vfioplan/v1", "kind: Host", "name: " + Self.scalar(host.name)]
    lines.append(Self.line(host.kernel))
    lines += Self.line(host.memory).map { [$0] } ?? []
    lines.append(host.iommus.isEmpty ? "iommus: []" : "iommus:")
    lines += host.iommus.map(Self.line)
    lines.append(host.devices.isEmpty ? "devices: []" : "devices:")
    lines += host.devices.flatMap(Self.lines)
    return lines.joined(separator: "\n") + "\n"
  }
}

extension HostYAML {
  private static func line(_ kernel: HostKernel) -> String {
    var members: [String] = []
    if !kernel.release.isEmpty { members.append("release: \(quoted(kernel.release))") }
    let interfaces = [
      ("iommufd", kernel.iommufd), ("vfioCdev", kernel.vfioCdev), ("type1", kernel.type1),
      ("kvm", kernel.kvm),
    ]
    members += interfaces.compactMap(known)
    members.append("allowUnsafeInterrupts: \(kernel.allowUnsafeInterrupts)")
    if let owner = kernel.vfioContainer { members.append("vfioContainer: \(owner.rawValue)") }
    let processor = kernel.processor
    if let word = processor.architecture { members.append("architecture: \(word.rawValue)") }
    if let word = processor.vendor { members.append("cpuVendor: \(word.rawValue)") }
    members += processor.facts.compactMap(known)
    if let bits = processor.addressBits { members.append("cpuAddressBits: \(bits)") }
    if let limit = kernel.mappingLimit { members.append("dmaEntryLimit: \(limit)") }
    if let bytes = kernel.statedPageBytes { members.append("pageSize: \(size(bytes))") }
    if !kernel.statedRules.isEmpty {
      let rules = kernel.statedRules.sorted { $0.key < $1.key }
      members.append(
        "rules: { " + rules.map { "\($0.key): \($0.value.holds)" }.joined(separator: ", ") + " }")
    }
    return "kernel: { " + members.joined(separator: ", ") + " }"
  }

  private static func line(_ memory: HostMemory) -> String? {
    var members: [String] = []
    if let bytes = memory.bytes { members.append("size: \(size(bytes))") }
    if let pools = memory.pools {
      let list = pools.map { "{ size: \(size($0.pageBytes)), count: \($0.count) }" }
      members.append("hugepages: [\(list.joined(separator: ", "))]")
    }
    return members.isEmpty ? nil : "memory: { " + members.joined(separator: ", ") + " }"
  }

  private static func line(_ unit: HostIOMMU) -> String {
    var members = [
      "name: \(scalar(unit.name))", "type: \(scalar(unit.type))",
      "enforceSnoop: \(unit.enforceSnoop.rawValue)", "isolatedMSI: \(unit.isolatedMSI)",
      "addressBits: \(unit.addressBits)",
      "pageSizes: [\(unit.pageSizes.map(size).joined(separator: ", "))]",
    ]
    let registers = [("cap", unit.cap), ("ecap", unit.ecap), ("features", unit.features)]
    members += registers.compactMap { name, value in value.map { "\(name): \(hexText($0))" } }
    members += [known(("canwbs", unit.canwbs))].compactMap { $0 }
    if let format = unit.pageTables { members.append("pageTables: \(format.rawValue)") }
    members += [known(("firstStage", unit.firstStage))].compactMap { $0 }
    return "  - { " + members.joined(separator: ", ") + " }"
  }

  /// A fact that is left out where it is not known.
  private static func known(_ fact: (name: String, value: Fact)) -> String? {
    fact.value == .unknown ? nil : "\(fact.name): \(fact.value.rawValue)"
  }

  private static func lines(_ device: HostDevice) -> [String] {
    var lines = [
      "  - address: \"\(device.address)\"",
      "    vendor: \(hexText(UInt64(device.vendor), digits: 4))",
      "    device: \(hexText(UInt64(device.device), digits: 4))",
      "    class: \(hexText(UInt64(device.classCode), digits: 6))",
    ]
    if let subsystem = device.subsystem { lines.append("    subsystem: \"\(subsystem)\"") }
    if let unit = device.iommu { lines.append("    iommu: " + scalar(unit)) }
    if let group = device.group { lines.append("    group: \(group)") }
    if let driver = device.driver { lines.append("    driver: " + scalar(driver)) }
    if let fact = known(("vfioDriver", device.vfioDriver)) { lines.append("    " + fact) }
    if device.isUnprotected { lines.append("    noIOMMU: true") }
    if let physical = device.physicalFunction {
      lines.append("    physicalFunction: \"\(physical)\"")
    }
    if let parent = device.behind { lines.append("    behind: \"\(parent)\"") }
    if let path = device.path { lines.append("    path: \"\(path)\"") }
    let source = device.noSnoopSource.map { "  # " + $0 } ?? ""
    lines.append("    noSnoopCapable: \(device.noSnoopCapable.rawValue)" + source)
    if !device.reserved.isEmpty { lines.append("    reserved:") }
    lines += device.reserved.map {
      "      - { start: \(hexText($0.start)), end: \(hexText($0.end)), type: \($0.kind.rawValue) }"
    }
    if let bars = device.bars { lines += Self.lines(of: bars) }
    return lines
  }

  private static func lines(of bars: [BAR]) -> [String] {
    if bars.isEmpty { return ["    bars: []"] }
    return ["    bars:"]
      + bars.map {
        "      - { index: \($0.index), size: \(size($0.size)), prefetchable: \($0.isPrefetchable), "
          + "bits: \($0.bits) }"
      }
  }

  /// A size as descriptions have it: what is not a multiple of 1 KiB is a plain number.
  static func size(_ bytes: UInt64) -> String {
    bytes & 0x3ff == 0 ? byteSizeText(bytes).filter { $0 != " " } : "\(bytes)"
  }

  /// A name as it is if nobody can take it for something else, else in quotes.
  static func scalar(_ text: String) -> String {
    let isName = text.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == 45 || byte == 95
    }
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    let starts = text.utf8.first.map { (97...122).contains($0 | 32) } ?? false
    return isName && starts && !words.contains(text.lowercased()) ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
