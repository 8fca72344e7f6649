import CLinux
import Glibc
import Parser
import Planner

/// A write to an attribute of a driver.
struct EmulatedWrite {
  /// The call, which is answered when the write is done.
  var call: EmulatedCall
  var attribute: EmulatedAttribute
  /// What was written, without the end of its line.
  var text: String
  /// How many bytes that were.
  var length: Int

  /// What the log says of it.
  var line: String { "write \(attribute.path) \(text)" }
}

/// Writes to drivers' attributes.
///
/// A process that takes a device from VFIO waits until its files are closed, also if it is killed
/// meanwhile (`vfio_unregister_group_dev`, drivers/vfio/vfio_main.c).
extension Emulation {
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
    let write = EmulatedWrite(call: call, attribute: attribute, text: text, length: room.count)
    if carryOut(write) { return }
    note("\(write.line) waits")
    waitingWrites.append(write)
    if let device = BDF(text).flatMap(kernel.host.device) { kernel.host.askForReturn(of: device) }
  }

  /// Answers those who waited for files that are closed by now.
  func resumeWrites() {
    let waiting = waitingWrites
    waitingWrites = []
    waitingWrites += waiting.filter { !carryOut($0) }
  }

  /// Does what a write says and answers it, unless it has to wait for a device in use.
  private func carryOut(_ write: EmulatedWrite) -> Bool {
    let result = Result { () throws(Errno) in
      try change(write.attribute, write.text)
      return Int64(write.length)
    }
    if case .failure(.ebusy) = result, case .unbind = write.attribute { return false }
    finish(write.call, write.line, result)
    return true
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
