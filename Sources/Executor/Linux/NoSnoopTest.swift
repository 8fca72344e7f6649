import Parser

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
  public static func run(on address: BDF) throws(Failure) -> NoSnoopFact? {
    if let driver = DriverLinks.driver(of: address) {
      throw Failure(
        finding: MachineDiagnostics.driven(address, by: driver), isDenied: false)
    }
    let path = DriverLinks.device(address) + "/config"
    do throws(Errno) {
      let file = try SystemCalls.open(path, 2)  // O_RDWR
      let outcome = Result { () throws(Errno) in try test(file) }
      try SystemCalls.close(file)
      return try outcome.get()
    } catch {
      let isMissing = error == .enoent
      throw Failure(
        finding: isMissing
          ? KernelDiagnostics.missing(path, "a device at \(address)", nil)
          : KernelDiagnostics.denied(path, error, nil), isDenied: !isMissing)
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
    return NoSnoopFact(isSettable: answer.count == 2 && answer[1] & enable != 0)
  }
}
