import Parser

extension HostIOMMU {
  /// What a unit can do, as its registers and the driver of a kernel's release have it.
  init(_ facts: IOMMUFacts, on kernel: HostKernel) {
    self.init(name: facts.name, type: facts.name, isolatedMSI: facts.isolatesInterrupts)
    switch facts.unit {
    case .intel(let capabilities, let extended): conclude(intel: capabilities, extended)
    case .amd(let features): conclude(amd: features, on: kernel)
    case .arm:
      // Whether it can enforce is in the firmware's IORT table (CANWBS), which sysfs hides.
      (type, addressBits, pageSizes) = (Self.arm, 48, Self.threeSizes)
    case .virtio: (type, enforceSnoop, addressBits) = (Self.virtio, .no, 64)
    case .other(let kind): (type, addressBits) = (kind, 32)
    }
  }

  private static let threeSizes: [UInt64] = [4 << 10, 2 << 20, 1 << 30]

  /// VT-d's registers (specification 4.1, sections 11.4.2 and 11.4.3): widths of addresses and
  /// tables, large pages, snoop control.
  private mutating func conclude(intel capabilities: UInt64?, _ extended: UInt64?) {
    type = Self.intel
    enforceSnoop = extended.map { $0 & 1 << 7 != 0 ? .yes : .no } ?? .unknown
    guard let cap = capabilities else { return }
    let guestBits = Int(cap >> 16 & 0x3f) + 1
    let tableBits = [1: 39, 2: 48, 3: 57].filter { cap >> 8 & 1 << $0.key != 0 }.values.max()
    addressBits = min(guestBits, tableBits ?? guestBits)
    pageSizes = [4 << 10]
    if cap & 1 << 34 != 0 { pageSizes.append(2 << 20) }
    if cap & 1 << 35 != 0 { pageSizes.append(1 << 30) }
  }

  /// AMD's extended features: levels of host tables (HATS, bits 10 and 11).
  ///
  /// Tables of version 1 always make requests coherent.
  private mutating func conclude(amd features: UInt64?, on kernel: HostKernel) {
    (type, enforceSnoop, pageSizes) = (Self.amd, .yes, Self.threeSizes)
    if KernelRules.amdTableWidthByHATS.holds(on: kernel) {
      addressBits = features.map { [48, 57, 64, 48][Int($0 >> 10 & 3)] } ?? 48
    } else {
      addressBits = kernel.release.isEmpty ? 48 : 64
    }
  }
}
