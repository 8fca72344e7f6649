import CLinux
import Glibc
import Parser
import Planner

/// Requests on files, and writes to drivers' attributes.
extension Emulation {
  private static let createDevice: UInt32 = 0xc00c_aee0

  /// Answers a request on one of our files; others are the kernel's.
  func answerRequest(_ call: EmulatedCall) {
    let number = Int32(truncatingIfNeeded: call.arguments.0)
    let command = UInt32(truncatingIfNeeded: call.arguments.1)
    let isKnown = processes.isFirst(call.thread)
    guard let found = files.find(number, of: call.thread, isKnown: isKnown) else {
      if command == Self.createDevice, !simulatesKVM { return createDevice(call, of: number) }
      return pass(call)
    }
    if !found.isKnown, is_place_only(call.thread, number) != 0 { return pass(call) }
    if !found.isSameThread { processes.forget(call.thread) }
    let process = enter(call)
    if !found.isSameThread, is_notification_valid(call.listener, call.id) == 0 { return }
    answer(call, on: found.file, command, of: process)
  }

  private func answer(
    _ call: EmulatedCall, on file: SimulatedFile, _ command: UInt32, of process: EmulatedProcess
  ) {
    node = nil
    closesOnExec = true
    if EmulatedRequest.takesAway(command) { takeSnapshot() }
    hasChanged = true
    let entry = record.entry(of: command, on: file)
    var argument = SimulatedArgument(call.arguments.2, in: process)
    let result = Result { () throws(Errno) in
      if !faults.isEmpty, let errno = fault(in: record.calls[entry].name) { throw errno }
      let value = try kernel.answer(file, command, &argument)
      if let refusal { throw refusal }
      return Int64(value)
    }
    record.note(entry, result)
    finish(call, EmulatedRequest.line(command, on: file, argument), result)
  }

  /// `KVM_CREATE_DEVICE` on a VM of the real KVM: its VFIO device is ours.
  private func createDevice(_ call: EmulatedCall, of number: Int32) {
    var words: (UInt32, UInt32, UInt32) = (0, 0, 0)
    let length = move_user_bytes(call.thread, call.arguments.2, &words, 12, 0)
    guard length == 12, words.0 == KVMConstant.deviceTypeVFIO,
      FileText.link("/proc/\(call.thread)/fd/\(number)") == "anon_inode:kvm-vm"
    else { return pass(call) }
    let process = enter(call)
    let key = MachineKey(process: process.number, number: number)
    let vm = machines[key] ?? SimulatedVM(of: process.memory)
    if machines.updateValue(vm, forKey: key) == nil { kernel.openFiles.add(vm) }
    answer(call, on: vm, Self.createDevice, of: process)
  }

  // Drivers.

  /// A write as long as an address: to an attribute of a driver, or to any other file.
  func write(_ call: EmulatedCall) {
    var status = stat()
    let number = Int32(truncatingIfNeeded: call.arguments.0)
    guard stat_file_of_process(call.thread, number, &status) == 0,
      let attribute = tree.attributes[Inode(status)], attribute != .other
    else { return pass(call) }
    var room = [UInt8](repeating: 0, count: min(Int(call.arguments.2), 13))
    let length = move_user_bytes(call.thread, call.arguments.1, &room, room.count, 0)
    guard length == room.count else { return refuse(call, with: .efault) }
    let text = String(decoding: room.prefix { $0 != 10 && $0 != 0 }, as: UTF8.self)
    let result = Result { () throws(Errno) in
      try change(attribute, text)
      return Int64(room.count)
    }
    finish(call, "write \(attribute.path) \(text)", result)
  }

  private func change(_ attribute: EmulatedAttribute, _ text: String) throws(Errno) {
    let missing: Errno = attribute == .probe ? .einval : .enodev
    guard let address = BDF(text), let device = kernel.host.device(address) else { throw missing }
    settleOverride(of: address)
    takeSnapshot()
    defer {
      tree.update(kernel.host)
      showNodes()
    }
    switch attribute {
    case .unbind(let driver):
      guard kernel.host.devices[device].driver == driver else { throw .enodev }
      try kernel.host.apply(.unbind(address, from: driver))
    case .bind(let driver):
      guard kernel.host.devices[device].driver == nil, driver == fitting(device) else {
        throw .enodev
      }
      try probe(device, by: driver)
    case .probe:
      guard kernel.host.devices[device].driver == nil, let driver = fitting(device) else { return }
      // The kernel does not say what a driver's probe came to.
      try? probe(device, by: driver)
    case .other: return
    }
  }

  /// The driver that takes a device: the one it is told to have, else its own.
  private func fitting(_ device: Int) -> String? {
    let device = kernel.host.devices[device]
    if let override = device.driverOverride { return override }
    return device.initialDriver.flatMap { VFIODriver.isVFIO($0) ? nil : $0 }
  }

  private func probe(_ device: Int, by driver: String) throws(Errno) {
    let override = kernel.host.devices[device].driverOverride
    let address = kernel.host.devices[device].address
    kernel.host.devices[device].driverOverride = driver
    defer { kernel.host.devices[device].driverOverride = override }
    try kernel.host.apply(.probe(address, by: driver))
    kernel.host.bringBack(behind: device)
  }

  /// Takes over what a program has written to `driver_override`, and shows it as the kernel does.
  func settleOverride(of address: BDF) {
    guard let device = kernel.host.device(address), let text = tree.override(of: address) else {
      return
    }
    let old = kernel.host.devices[device].driverOverride
    // Nothing at all was written; a line without a word takes the choice back.
    let isWritten = tree.isOverrideWritten(of: address)
    let name = isWritten ? (text.isEmpty || text == "(null)" ? nil : text) : old
    kernel.host.devices[device].driverOverride = name
    if !isWritten || name != old || text.isEmpty { tree.show(override: name, of: address) }
  }
}

extension EmulatedAttribute {
  /// Where it is.
  var path: String {
    switch self {
    case .unbind(let driver): "/sys/bus/pci/drivers/\(driver)/unbind"
    case .bind(let driver): "/sys/bus/pci/drivers/\(driver)/bind"
    case .probe: "/sys/bus/pci/drivers_probe"
    case .other: "an attribute"
    }
  }
}
