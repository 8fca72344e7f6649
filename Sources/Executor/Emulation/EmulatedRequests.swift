import CLinux
import Glibc
import Parser
import Planner

/// Requests on files.
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
}
