import Glibc

private typealias Target = @Sendable ([UInt8]) -> Void

/// What gets the bytes that libFuzzer makes up, by the name in the environment.
private let target: Target = {
  let name = getenv("VFIOPLAN_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else {
    fatalError("VFIOPLAN_FUZZ_TARGET is none of \(targets.keys.sorted().joined(separator: ", "))")
  }
  return target
}()

private let targets: [String: Target] = [
  "vm": DescriptionTargets.vm, "host": DescriptionTargets.host,
  "policy": DescriptionTargets.policy, "plan": PlanTarget.run, "program": ProgramTarget.run,
  "sysfs": SysfsTarget.run, "archive": SysfsTarget.runArchive, "messages": MessageTarget.run,
  "journal": JournalTarget.run, "import": ImportTarget.run,
  "canary-law": Canaries.law, "canary-memory": Canaries.memory, "canary-hang": Canaries.hang,
]

/// What libFuzzer calls with every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

/// Stops the run if a law does not hold; libFuzzer then keeps the input.
func law(_ holds: Bool, _ message: @autoclosure () -> String) {
  if !holds { fatalError("broken law: \(message())") }
}

/// Targets that must fail: a run in which one of them does not shows that nothing would be found.
enum Canaries {
  private static let magic = Array("vfi".utf8)

  /// Breaks a law for inputs that only a search by coverage comes to.
  static func law(_ bytes: [UInt8]) { Fuzz.law(!isFound(bytes), "canary") }

  /// Reads a byte behind an allocation.
  static func memory(_ bytes: [UInt8]) {
    guard isFound(bytes) else { return }
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    defer { buffer.deallocate() }
    buffer.initialize(from: bytes, count: bytes.count)
    Fuzz.law(buffer[bytes.count + Int(bytes[0] & 1)] == 255, "not stopped at the read")
  }

  /// Does not come to an end.
  static func hang(_ bytes: [UInt8]) {
    while isFound(bytes) { usleep(1000) }
  }

  /// Byte by byte, so that each one that is right is new coverage.
  private static func isFound(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= magic.count else { return false }
    for (found, wanted) in zip(bytes, magic) where found != wanted { return false }
    return true
  }
}
