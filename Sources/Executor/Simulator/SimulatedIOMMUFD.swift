/// An object of an iommufd: what an id stands for.
enum SimulatedIOMMUFDObject {
  /// An I/O address space.
  case ioas(SimulatedIOAS)
  /// A hardware page table.
  case hwpt(SimulatedHWPT)
  /// A bound device, by position in the host.
  case device(Int)

  /// The kernel's word for its kind.
  var kind: String {
    switch self {
    case .ioas: "IOAS"
    case .hwpt: "HWPT"
    case .device: "device"
    }
  }
}

/// An open `/dev/iommu`: a context with its objects (`drivers/iommu/iommufd`, section 2.0 to 2.12).
///
/// Not simulated: nested and PASID page tables, faults, vIOMMU, dirty tracking. Those requests give
/// EOPNOTSUPP where the release has them and ENOTTY where it does not.
final class SimulatedIOMMUFD: SimulatedFile {
  /// Which Linux it behaves like.
  let release: KernelRelease
  private var objects: [SimulatedIOMMUFDObject?] = [nil]  // id 0 is never used
  private var lowestFree: UInt32 = 1
  private var objectCount = 0
  private var accountsPerProcess: UInt64 = 0
  /// The id of the address space behind the VFIO-compatible requests.
  var compatIOAS: UInt32?

  /// Makes an empty context.
  init(release: KernelRelease) { self.release = release }

  override var label: String { "/dev/iommu" }

  /// Its objects by ascending id.
  var liveObjects: [(id: UInt32, object: SimulatedIOMMUFDObject)] {
    objects.indices.compactMap { index in objects[index].map { (UInt32(index), $0) } }
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    let tableEnd: UInt32 = release >= .v7_3 ? 0x95 : 0x8e
    guard (0x80...tableEnd).contains(command & 0xff) else {
      return try compatIoctl(command, &argument, in: kernel)
    }
    try argument.require(4)  // the size is read before the command is looked at
    switch command {
    case 0x3b80: try destroy(argument)
    case 0x3b81: try allocateIOAS(&argument)
    case 0x3b82: try allowIOVAs(argument)
    case 0x3b83: try copy(&argument)
    case 0x3b84: try reportRanges(&argument)
    case 0x3b85: try map(&argument, in: kernel)
    case 0x3b86: try unmap(&argument)
    case 0x3b87: try option(&argument)
    case 0x3b88: try compatPointer(&argument)
    case 0x3b89: try allocateHWPT(&argument, in: kernel)
    case 0x3b8a: try reportHardware(&argument, in: kernel)
    case 0x3b8f: try mapFile(&argument, in: kernel)
    case 0x3b92: try changeProcess(argument)
    default:
      if command & 0xffff_ff00 != 0x3b00 { throw .enotty }
      throw .eopnotsupp
    }
    return 0
  }

  /// Destroys all objects: whoever needs one keeps the file open.
  override func release(in kernel: SimulatedKernel) {
    for case .ioas(let ioas)? in objects { ioas.clear() }
    objects = [nil]
  }

  /// Adds an object under the lowest free id.
  func add(_ object: SimulatedIOMMUFDObject) -> UInt32 {
    while lowestFree < objects.count, objects[Int(lowestFree)] != nil { lowestFree += 1 }
    if lowestFree == objects.count {
      objects.append(object)
    } else {
      objects[Int(lowestFree)] = object
    }
    lowestFree += 1
    objectCount += 1
    return lowestFree - 1
  }

  /// Removes an object and gives its id back.
  func remove(_ id: UInt32) {
    guard object(id) != nil else { return }
    objects[Int(id)] = nil
    lowestFree = min(lowestFree, id)
    objectCount -= 1
    if compatIOAS == id { compatIOAS = nil }
  }

  /// What an id stands for.
  func object(_ id: UInt32) -> SimulatedIOMMUFDObject? {
    Int(id) < objects.count ? objects[Int(id)] : nil
  }

  /// The address space of an id; anything else is ENOENT.
  func ioas(_ id: UInt32) throws(Errno) -> SimulatedIOAS {
    guard case .ioas(let ioas) = object(id) else { throw .enoent }
    return ioas
  }

  /// The bound device of an id; anything else is ENOENT.
  func device(_ id: UInt32) throws(Errno) -> Int {
    guard case .device(let device) = object(id) else { throw .enoent }
    return device
  }

  /// `IOMMU_DESTROY` (2.1).
  private func destroy(_ argument: SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 8, full: 8)
    let id = argument.u32(4)
    switch object(id) {
    case nil: throw .enoent
    case .device: throw .ebusy
    case .ioas(let ioas): if !ioas.hwpts.isEmpty { throw .ebusy }
    case .hwpt(let hwpt):
      if hwpt.attachedDevices > 0 { throw .ebusy }
      hwpt.ioas.removeHWPT(hwpt)
    }
    remove(id)
  }

  /// `IOMMU_IOAS_ALLOC` (2.2).
  private func allocateIOAS(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 12, full: 12)
    if argument.u32(4) != 0 { throw .eopnotsupp }
    let ioas = SimulatedIOAS()
    ioas.id = add(.ioas(ioas))
    argument.set32(ioas.id, 8)
  }

  /// `IOMMU_OPTION` (2.10).
  private func option(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 24, full: 24)
    if argument.u16(10) != 0 { throw .eopnotsupp }
    switch argument.u32(4) {
    case 0: try rlimitMode(&argument)
    case 1: try hugePages(&argument)
    default: throw .eopnotsupp
    }
  }

  private func rlimitMode(_ argument: inout SimulatedArgument) throws(Errno) {
    if argument.u32(12) != 0 { throw .eopnotsupp }
    switch argument.u16(8) {
    case 1: argument.set64(accountsPerProcess, 16)
    case 0:
      if objectCount > 0 { throw .ebusy }
      if argument.u64(16) > 1 { throw .einval }
      accountsPerProcess = argument.u64(16)
    default: throw .eopnotsupp
    }
  }

  private func hugePages(_ argument: inout SimulatedArgument) throws(Errno) {
    let ioas = try ioas(argument.u32(12))
    switch (argument.u16(8), argument.u64(16)) {
    case (1, _): argument.set64(ioas.usesHugePages ? 1 : 0, 16)
    case (0, 0): try ioas.forbidHugePages()
    case (0, 1): ioas.allowHugePages()
    case (0, _): throw .einval
    default: throw .eopnotsupp
    }
  }

  /// `IOMMU_VFIO_IOAS` (2.19).
  private func compatPointer(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 12, full: 12)
    if argument.u16(10) != 0 { throw .eopnotsupp }
    switch argument.u16(8) {
    case 0:
      guard let compatIOAS else { throw .enodev }
      argument.set32(compatIOAS, 4)
    case 1: compatIOAS = try ioas(argument.u32(4)).id
    case 2: compatIOAS = nil
    default: throw .eopnotsupp
    }
  }
}
