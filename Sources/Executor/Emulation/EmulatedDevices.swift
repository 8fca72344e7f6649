import CLinux
import Glibc
import Planner

/// Configuration space of devices, which is read as the file has it and written through the
/// simulator.
extension Emulation {
  /// The most that is written at once: all of a function of PCI Express, in bytes.
  private static let mostBytes = 4096

  /// Has a device's file show its configuration space.
  func showConfiguration(of file: SimulatedDeviceFile) {
    let bytes = kernel.host.function(of: file.device).configuration.bytes
    files.show(bytes, at: UInt64(PCIRegionIndex.configuration) << PCIRegionIndex.shift, in: file)
  }

  /// A write at an offset where devices have configuration space.
  func writeConfiguration(_ call: EmulatedCall) {
    let number = Int32(truncatingIfNeeded: call.arguments.0)
    guard let file = files.find(number, of: call.thread)?.file as? SimulatedDeviceFile else {
      return pass(call)
    }
    _ = enter(call)
    let start = UInt64(PCIRegionIndex.configuration) << PCIRegionIndex.shift
    let offset = call.arguments.3 - start
    let count = Int(min(call.arguments.2, UInt64(Self.mostBytes) + 1))
    var bytes = [UInt8](repeating: 0, count: count)
    let length = bytes.withUnsafeMutableBytes {
      $0.baseAddress.map { move_user_bytes(call.thread, call.arguments.1, $0, count, 0) } ?? 0
    }
    let result = Result { () throws(Errno) in
      if length < count { throw .efault }
      try file.writeConfiguration(bytes, at: offset, in: kernel)
      return Int64(count)
    }
    showConfiguration(of: file)
    finish(call, "pwrite \(file.label): \(count) bytes at \(offset)", result)
  }
}
