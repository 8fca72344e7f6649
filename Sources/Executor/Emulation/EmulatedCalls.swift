import CLinux
import Glibc
import Parser
import Planner

/// What is done with each call that is caught.
extension Emulation {
  /// Answers a call, or leaves it to the kernel; `room` is for paths.
  func answer(_ call: EmulatedCall, _ room: UnsafeMutableBufferPointer<UInt8>) {
    let arguments = call.arguments
    switch call.number {
    case EMULATED_IOCTL.number: answerRequest(call)
    case EMULATED_OPENAT.number:
      open(
        call, Path(arguments.0, arguments.1), flags: Int32(truncatingIfNeeded: arguments.2), room)
    case EMULATED_OPEN.number:
      open(call, Path(nil, arguments.0), flags: Int32(truncatingIfNeeded: arguments.1), room)
    case EMULATED_CREAT.number: open(call, Path(nil, arguments.0), flags: O_WRONLY | O_CREAT, room)
    case EMULATED_OPENAT2.number:
      var flags: UInt64 = 0
      _ = move_user_bytes(call.thread, arguments.2, &flags, 8, 0)
      open(call, Path(arguments.0, arguments.1), flags: Int32(truncatingIfNeeded: flags), room)
    case EMULATED_STAT.number, EMULATED_LSTAT.number:
      look(call, Path(nil, arguments.0), into: arguments.1, room)
    case EMULATED_FSTAT.number:
      look(call, at: Int32(truncatingIfNeeded: arguments.0), into: arguments.1)
    case EMULATED_NEWFSTATAT.number:
      look(call, Path(arguments.0, arguments.1), into: arguments.2, room)
    case EMULATED_STATX.number:
      look(call, Path(arguments.0, arguments.1), into: arguments.4, isExtended: true, room)
    case EMULATED_EXIT.number:
      takeSnapshot()
      pass(call)
    case EMULATED_WRITE.number: write(call)
    case EMULATED_PWRITE.number: writeConfiguration(call)
    default: pass(call)
    }
  }

  /// A path as a call gives it.
  struct Path {
    /// The number of the directory it begins in; `nil` without one.
    let directory: Int32?
    /// Where it lies.
    let address: UInt64

    /// Takes arguments.
    init(_ directory: UInt64?, _ address: UInt64) {
      self.directory = directory.map { Int32(truncatingIfNeeded: $0) }
      self.address = address
    }
  }

  /// Reads a path; `nil` if there is none.
  private func text(
    of path: Path, _ call: EmulatedCall, _ room: UnsafeMutableBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8>? {
    guard let start = room.baseAddress else { return nil }
    // Most paths are short, and every page costs.
    for length in [256, room.count] {
      let count = move_user_bytes(call.thread, path.address, start, length, 0)
      if let end = memchr(start, 0, count) {
        let size = UnsafeRawPointer(end) - UnsafeRawPointer(start)
        return UnsafeBufferPointer(rebasing: room[..<size])
      }
    }
    return nil
  }

  /// Where a path that does not begin at the root begins.
  private func base(of path: Path, _ call: EmulatedCall) -> String? {
    guard let directory = path.directory, directory != AT_FDCWD else {
      return FileText.link("/proc/\(call.thread)/cwd")
    }
    return FileText.link("/proc/\(call.thread)/fd/\(directory)")
  }

  private func open(
    _ call: EmulatedCall, _ path: Path, flags: Int32,
    _ room: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard let text = text(of: path, call, room) else { return pass(call) }
    switch paths.kind(of: text, from: { base(of: path, call) }) {
    case .other: pass(call)
    case .driverOverride(let address):
      settleOverride(of: address)
      if flags & O_ACCMODE != O_RDONLY { tree.clearOverride(of: address) }
      pass(call)
    case .node(let node):
      if flags & OPEN_PLACE_ONLY != 0 { return pass(call) }
      open(node, call, closesOnExec: flags & O_CLOEXEC != 0)
    }
  }

  private func open(_ path: DevicePath, _ call: EmulatedCall, closesOnExec: Bool) {
    _ = enter(call)
    hasChanged = true
    node = tree.node(path)
    self.closesOnExec = closesOnExec
    guard is_notification_valid(call.listener, call.id) != 0 else { return }
    let result = Result { () throws(Errno) in
      if let errno = fault(in: "open") { throw errno }
      let number = try kernel.open(path)
      if let refusal { throw refusal }
      return number
    }
    finish(call, "open \(path.node)", result.map { Int64($0) })
  }

  /// Answers a call, and says so in the log.
  func finish(
    _ call: EmulatedCall, _ line: @autoclosure () -> String, _ result: Result<Int64, Errno>
  ) {
    switch result {
    case .success(let value):
      give(value, to: call)
      note("\(line()) -> \(value)")
    case .failure(let errno):
      refuse(call, with: errno)
      note("\(line()) -> \(errno)")
    }
  }

  // What files look like.

  private func look(
    _ call: EmulatedCall, _ path: Path, into address: UInt64, isExtended: Bool = false,
    _ room: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard let text = text(of: path, call, room) else { return pass(call) }
    if text.isEmpty, let directory = path.directory, directory >= 0 {
      return look(call, at: directory, into: address, isExtended: isExtended)
    }
    guard case .node(let node) = paths.kind(of: text, from: { base(of: path, call) }) else {
      return pass(call)
    }
    if case .vfioGroup(let number) = node, !kernel.host.isGroupShown(number) { return pass(call) }
    write(tree.node(node), of: call, to: address, isExtended)
  }

  private func look(
    _ call: EmulatedCall, at number: Int32, into address: UInt64, isExtended: Bool = false
  ) {
    guard let node = files.find(number, of: call.thread)?.node else { return pass(call) }
    write(node, of: call, to: address, isExtended)
  }

  private func write(
    _ node: EmulatedNode, of call: EmulatedCall, to address: UInt64, _ isExtended: Bool
  ) {
    let error = write_device_status(
      call.thread, address, node.device, node.mode, node.device, isExtended ? 1 : 0)
    if error == 0 { give(0, to: call) } else { refuse(call, with: .efault) }
  }
}

extension emulated_call {
  /// The number of the system call.
  var number: Int32 { Int32(bitPattern: UInt32(rawValue)) }
}

extension SimulatedHost {
  /// Whether a group has a node.
  func isGroupShown(_ number: Int) -> Bool {
    group(number).map { groups[$0].members.contains { devices[$0].isOnVFIO } } ?? false
  }
}
