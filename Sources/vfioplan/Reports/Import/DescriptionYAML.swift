import Executor
import Parser
import Planner

/// A VM description as a file, with comments on what it was made from.
struct DescriptionYAML {
  private let imported: ImportedVM
  private let file: SourceFile
  /// The devices of the host by their slots, if there is one.
  private let slots: [UInt64: [HostDevice]]?
  private var vm: VMDescription { imported.vm }

  /// Prepares the text of what was read of a file; a host tells what the devices are.
  init(_ imported: ImportedVM, from file: SourceFile, on host: HostDescription?) {
    self.imported = imported
    self.file = file
    slots = host.map { Dictionary(grouping: $0.devices) { $0.address.packed >> 3 } }
  }

  /// The text, ending with a line end.
  func text() -> String {
    let kind = vm.vmm?.kind.title ?? "another program"
    var lines = Self.comment("Made by 'vfioplan import' from \(file.name) (\(kind)).")
    lines += LeftOut.lines(imported.leftOut).flatMap { Self.comment("Not taken over: \($0).") }
    lines += ["apiVersion: vfioplan/v1", "kind: VM", "name: " + YAMLText.scalar(vm.name)]
    lines += memory + vmm
    lines.append(vm.devices.isEmpty ? "devices: []" : "devices:")
    let table = LineTable(file)
    lines += vm.devices.flatMap { entry($0, table) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What a person is told of it when it was written to a file.
  func summary(of path: String) -> [String] {
    let memory = vm.memory.reduce(0) { $0 &+ $1.size }
    let size = vm.memory.isEmpty ? "no memory" : byteSizeText(memory)
    return ["\(path): \(counted(vm.devices.count, "device")), \(size)"]
      + LeftOut.lines(imported.leftOut).map { "not taken over: \($0)" }
      + ["next: vfioplan compile \(path)"]
  }
}

extension DescriptionYAML {
  /// A size for the layout of a machine, or a list of regions.
  private var memory: [String] {
    guard !vm.memory.isEmpty else { return [] }
    let total = vm.memory.reduce(0) { $0 &+ $1.size }
    let isPlain = vm.memory.allSatisfy {
      VMKeys.region.isSame($0, MemoryRegion(gpa: $0.gpa, size: $0.size))
    }
    if let machine = vm.machine, isPlain {
      return ["memory: \(ByteSize.written(total))", "machine: \(machine.rawValue)"]
    }
    return (vm.machine.map { ["machine: \($0.rawValue)"] } ?? []) + ["memory:"]
      + vm.memory.map { "  - " + VMKeys.region.flow($0) }
  }

  private var vmm: [String] {
    vm.vmm.map { ["vmm: " + VMKeys.vmm.flow($0)] } ?? []
  }

  private func entry(_ device: AssignedDevice<DeviceReference>, _ table: LineTable) -> [String] {
    let line = table.position(of: device.span.start).line
    var lines = VMKeys.device.lines(device)
    lines[0] += "  # line \(line)" + remark(device.place)
    return lines.enumerated().map { ($0 == 0 ? "  - " : "    ") + $1 }
  }

  /// What the host has there.
  private func remark(_ place: DeviceReference) -> String {
    let (address, isSlot): (BDF, Bool)
    switch place {
    case .address(let function): (address, isSlot) = (function, false)
    case .slot(let first): (address, isSlot) = (first, true)
    // No configuration of a VMM names devices in another way.
    case .path, .match: return ""
    }
    guard let slots else { return isSlot ? ": all functions of the slot" : "" }
    let found = (slots[address.packed >> 3] ?? []).filter { isSlot || $0.address == address }
    guard !found.isEmpty else { return ": the host has no such device" }
    return ": "
      + found.map { fact in
        let group = fact.group.map { ", group \($0)" } ?? ""
        return PCIClass.kind(of: fact.classCode) + " [\(fact.ids)]" + group
      }.joined(separator: "; ")
  }

  /// Lines of comment; nothing of the original ends one early.
  private static func comment(_ text: String) -> [String] {
    StyledText(text.visible).wrapped(to: 96, then: 96).map { "# " + $0.marked(for: .plain) }
  }
}
