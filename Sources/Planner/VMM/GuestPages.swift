import Parser

/// The pages that a VMM is told to make all guest memory of.
///
/// Without NUMA nodes of the guest QEMU and libvirt have one piece of memory, and one size of
/// pages.
public struct GuestPages: Hashable, Sendable {
  /// How large the pages are; `nil` for those of the CPU.
  public let bytes: UInt64?
  /// Whether every region has the pages that the description gives it.
  public let isExact: Bool
  /// How many bytes of memory there are.
  public let total: UInt64

  /// Chooses the largest pages of the description that all memory is a multiple of.
  public init(_ vm: DescribedVM<some DevicePlace>) {
    let total = vm.memory.reduce(0) { $0 &+ $1.size }
    let sizes = Set(vm.memory.compactMap(\.hugePageBytes)).sorted(by: >)
    let chosen = sizes.first { $0 > 0 && total.isMultiple(of: $0) }
    self.total = total
    bytes = chosen
    isExact = vm.memory.allSatisfy { $0.hugePageBytes == chosen }
  }
}
