import Parser
import Planner

/// A test that only an idle device can stand: whether its Enable No Snoop bit can be set.
///
/// The bit is writable in a device that may no-snoop, and hard-wired to zero in one that never does
/// (PCI Express Base Specification, Device Control). It is put back at once.
public enum NoSnoopTest {
  /// Why there is no answer.
  public struct Failure: Error {
    /// What is in the way.
    public let finding: Diagnostic
    /// Whether another user might do it.
    public let isDenied: Bool
  }

  /// Tests a device of this machine; `nil` if there is nothing to test, because it is not PCI
  /// Express or the bit is set already.
  ///
  /// Refuses virtual functions: their bit is reserved, so that a write says nothing (PCI Express
  /// 5.0, 9.3.5.4), and their physical function's fact holds.
  public static func run(on address: BDF) throws(Failure) -> NoSnoopFact? {
    if let physical = SysfsTree.machine().physicalFunction(of: address) {
      throw Failure(
        finding: MachineDiagnostics.virtual(address, of: physical), isDenied: false)
    }
    let device = DriverLinks.device(address)
    let driver = try looking(at: device + "/driver", of: address) { () throws(Errno) in
      try DriverLinks.driver(of: address)
    }
    if let driver {
      throw Failure(
        finding: MachineDiagnostics.driven(address, by: driver), isDenied: false)
    }
    return try looking(at: device + "/config", of: address) { () throws(Errno) in
      let file = try SystemCalls.open(device + "/config", 2)  // O_RDWR
      let outcome = Result { () throws(Errno) in try test(file) }
      try SystemCalls.close(file)
      return try outcome.get()
    }
  }

  /// Says of a failed call what it was about.
  private static func looking<Value>(
    at path: String, of address: BDF, _ call: () throws(Errno) -> Value
  ) throws(Failure) -> Value {
    do throws(Errno) {
      return try call()
    } catch {
      throw Failure(
        finding: error == .enoent
          ? KernelDiagnostics.missing(path, "a device at \(address)", nil)
          : KernelDiagnostics.denied(path, error, nil), isDenied: error.isDenial)
    }
  }

  private static func test(_ file: Int32) throws(Errno) -> NoSnoopFact? {
    let bytes = try SystemCalls.read(file, at: 0, count: 256)
    guard let offset = NoSnoopFact.deviceControl(in: bytes) else { return nil }
    let enable: UInt8 = 0x08  // PCI_EXP_DEVCTL_NOSNOOP_EN, in the upper byte
    let upper = bytes[offset + 1]
    if upper & enable != 0 { return nil }
    // The word as a whole, as the kernel accesses it; the lower byte stays.
    try SystemCalls.write([bytes[offset], upper | enable], to: file, at: offset)
    let answer = try SystemCalls.read(file, at: offset, count: 2)
    try SystemCalls.write([bytes[offset], upper], to: file, at: offset)
    return answer.count == 2 ? NoSnoopFact(isSettable: answer[1] & enable != 0) : nil
  }
}
