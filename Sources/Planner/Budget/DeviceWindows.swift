import Parser

/// The BARs of a plan's devices, and where a VMM puts those of 64 bits at the lowest: above all
/// memory and above 4 GiB, each at a multiple of its size.
public struct DeviceWindows: Hashable, Sendable {
  /// How many bytes all known ones have.
  public let bytes: UInt64
  /// The names of the devices whose BARs are not known.
  public let unknown: [String]
  /// The last guest-physical address of memory.
  public let memoryLast: UInt64
  /// The last address of the BARs of 64 bits; `nil` if none is known of.
  public let last: UInt64?

  /// Places the BARs of a plan's devices above the memory of its VM.
  init(_ plan: IOASIDPlan, of vm: ResolvedVM, on host: HostDescription) {
    let known = Self.known(on: host)
    var (bars, unknown): ([BAR], [String]) = ([], [])
    // By index, here and below: to copy each of many devices takes longer.
    for index in plan.devices.indices {
      if let some = known[plan.devices[index].address] {
        bars += some
      } else {
        unknown.append(plan.devices[index].name)
      }
    }
    self.unknown = unknown
    bytes = bars.reduce(0) { Self.sum($0, $1.size) }
    memoryLast = vm.memory.reduce(0) { max($0, AddressSpaceMaps.last($1.gpa, $1.size)) }
    last = Self.last(of: bars.filter { $0.is64Bit && $0.size > 0 }.map(\.size), above: memoryLast)
  }

  private static func known(on host: HostDescription) -> [BDF: [BAR]] {
    var known: [BDF: [BAR]] = [:]
    for index in host.devices.indices where host.devices[index].bars != nil {
      known[host.devices[index].address] = host.devices[index].bars
    }
    return known
  }

  /// Where sizes end, the largest placed first and the others in the gap before it while they have
  /// room there: no way needs less, for each is a multiple of the next one.
  private static func last(of sizes: [UInt64], above memory: UInt64) -> UInt64? {
    guard let largest = sizes.max() else { return nil }
    let start = max(1 << 32, sum(memory, 1))
    // Beyond half of all addresses nothing has room.
    guard largest <= 1 << 62, start <= 1 << 62 else { return .max }
    let first = aligned(start + (roundedUp(largest) - 1), to: largest)
    var (gapEnd, next) = (first, first)
    for size in sizes.sorted(by: >) {
      if gapEnd - start >= size, aligned(gapEnd - size, to: size) >= start {
        gapEnd = aligned(gapEnd - size, to: size)
        continue
      }
      next = aligned(next + (roundedUp(size) - 1), to: size) + size
      guard next <= 1 << 62 else { return .max }
    }
    return next - 1
  }

  /// An address, or the next one below it that is a multiple of what a size is rounded up to.
  private static func aligned(_ address: UInt64, to size: UInt64) -> UInt64 {
    address & ~(roundedUp(size) - 1)
  }

  /// The power of two that a size is, or the next one above it.
  private static func roundedUp(_ size: UInt64) -> UInt64 {
    1 << UInt64(64 - (size - 1).leadingZeroBitCount)
  }

  /// A sum that ends at the last number.
  private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let (total, overflow) = one.addingReportingOverflow(other)
    return overflow ? .max : total
  }
}
