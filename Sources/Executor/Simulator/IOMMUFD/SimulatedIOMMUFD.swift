import Planner

/// An object of an iommufd: what an id stands for.
enum SimulatedIOMMUFDObject {
  /// An I/O address space.
  case ioas(SimulatedIOAS)
  /// A hardware page table.
  case hwpt(SimulatedHWPT)
  /// A bound device, by position in the host.
  case device(Int)
  /// A device of the kernel's tests, by the object that keeps it plugged in.
  case mock(SimulatedMockDevice)
  /// Somebody in the kernel who uses an address space.
  case access(SimulatedAccess)

  /// The kernel's word for its kind.
  var kind: String {
    switch self {
    case .ioas: "IOAS"
    case .hwpt: "HWPT"
    case .device: "device"
    case .mock: "mock"
    case .access: "access"
    }
  }
}

/// An open `/dev/iommu`: a context with its objects (`drivers/iommu/iommufd`, §2.0 to §2.12).
///
/// Not simulated: nested and PASID page tables, faults, vIOMMU. Those requests give EOPNOTSUPP
/// where the release has them and ENOTTY where it does not.
final class SimulatedIOMMUFD: SimulatedFile {
  /// What its kernel does.
  let facts: SimulatedRelease
  private let isContainer: Bool
  private var objects: [SimulatedIOMMUFDObject?] = [nil]  // id 0 is never used
  private var lowestFree: UInt32 = 1
  private var objectCount = 0
  private var accountsPerProcess: UInt64
  /// The id of the address space behind the VFIO-compatible requests.
  var compatIOAS: UInt32?

  /// Makes an empty context; as `/dev/vfio/vfio` it accounts memory per process (§2.10).
  init(_ facts: SimulatedRelease, isContainer: Bool = false) {
    self.facts = facts
    self.isContainer = isContainer
    accountsPerProcess = isContainer ? 1 : 0
  }

  override var label: String { isContainer ? "/dev/vfio/vfio" : "/dev/iommu" }

  override func name(of command: UInt32) -> String? {
    Self.operations.name(of: command) ?? Self.compatOperations.name(of: command)
  }

  override var objectNames: [String] { liveObjects.map { "\($0.object.kind) \($0.id)" } }

  override var pageTables: [SimulatedPageTable] {
    liveObjects.compactMap { id, object in
      guard case .hwpt(let hwpt) = object else { return nil }
      return SimulatedPageTable(
        object: hwpt, name: "HWPT \(id) of IOAS \(hwpt.ioas.id)",
        enforcesSnoop: hwpt.enforcesSnoop, areas: hwpt.ioas.areas)
    }
  }

  override var pinnedBytes: UInt64 { bytesOfPinnedPages }

  /// Its objects by ascending id.
  var liveObjects: [(id: UInt32, object: SimulatedIOMMUFDObject)] {
    objects.indices.compactMap { index in objects[index].map { (UInt32(index), $0) } }
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    if kernel.hasMock, Self.testOperations.knows(command) {
      try argument.requireStatedSize()
      return try Self.testOperations.answer(command, &argument, of: self, in: kernel)
    }
    // The low byte alone decides which table is asked (§2.0.1).
    guard let operation = Self.operations.operation(numbered: command, in: facts) else {
      return try Self.compatOperations.answer(command, &argument, of: self, in: kernel)
    }
    // The size is read before the rest of the command is looked at (§2.0.2): a wrong command with a
    // null pointer is EFAULT.
    try argument.requireStatedSize()
    if operation.command != command { throw .enotty }
    return try operation.answer(&argument, of: self, in: kernel)
  }

  /// Destroys all objects: what needs one keeps the file open.
  override func release(in kernel: SimulatedKernel) {
    for case .mock(let mock)? in objects { mock.end(in: kernel) }
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

  /// `IOMMU_DESTROY` (§2.1).
  func destroy(_ request: inout SimulatedRequest<IOMMUDestroy>) throws(Errno) {
    switch object(request.id) {
    case nil: throw .enoent
    // The driver that bound it has a count on it until its file is closed.
    case .device, .access: throw .ebusy
    case .mock(let mock): mock.end(in: request.kernel)
    // Mappings do not count as users: they go with the address space.
    case .ioas(let ioas): if !ioas.hwpts.isEmpty || ioas.hasAccesses { throw .ebusy }
    case .hwpt(let hwpt):
      if hwpt.attachedDevices > 0 { throw .ebusy }
      hwpt.ioas.removeHWPT(hwpt)
    }
    remove(request.id)
  }

  /// `IOMMU_IOAS_ALLOC` (§2.2).
  func allocateIOAS(_ request: inout SimulatedRequest<IOASAlloc>) throws(Errno) {
    if !request.flags.isEmpty { throw .eopnotsupp }
    request.outIOASID = addIOAS().id
  }

  /// Makes an address space.
  private func addIOAS() -> SimulatedIOAS {
    let ioas = SimulatedIOAS(by: facts)
    ioas.id = add(.ioas(ioas))
    return ioas
  }

  /// Sees to it that there is an address space for the container's requests: a group that joins
  /// makes one (§2.25).
  func provideCompatIOAS() {
    if compatIOAS == nil { compatIOAS = addIOAS().id }
  }

  /// `IOMMU_OPTION` (§2.10).
  func option(_ request: inout SimulatedRequest<IOMMUOption>) throws(Errno) {
    if request.reserved != 0 { throw .eopnotsupp }
    switch OptionID(rawValue: request.optionID) {
    case .rlimitMode: try rlimitMode(&request)
    case .hugePages: try hugePages(&request)
    case nil: throw .eopnotsupp
    }
  }

  private func rlimitMode(_ request: inout SimulatedRequest<IOMMUOption>) throws(Errno) {
    if request.objectID != 0 { throw .eopnotsupp }
    switch OptionOp(rawValue: request.op) {
    case .get: request.val64 = accountsPerProcess
    case .set:
      // Objects before the value: with any of them even a wrong value is EBUSY
      // (`iommufd/ioas.c:629`).
      if objectCount > 0 { throw .ebusy }
      if request.val64 > 1 { throw .einval }
      accountsPerProcess = request.val64
    case nil: throw .eopnotsupp
    }
  }

  private func hugePages(_ request: inout SimulatedRequest<IOMMUOption>) throws(Errno) {
    let ioas = try ioas(request.objectID)
    switch (OptionOp(rawValue: request.op), request.val64) {
    case (.get, _): request.val64 = ioas.usesHugePages ? 1 : 0
    case (.set, 0): try ioas.forbidHugePages()
    case (.set, 1): ioas.allowHugePages()
    case (.set, _): throw .einval
    case (nil, _): throw .eopnotsupp
    }
  }

  /// `IOMMU_VFIO_IOAS` (§2.19); the pointer is not a counted user of the address space.
  func compatPointer(_ request: inout SimulatedRequest<IOMMUVFIOIOAS>) throws(Errno) {
    if request.reserved != 0 { throw .eopnotsupp }
    switch VFIOIOASOp(rawValue: request.op) {
    case .get:
      guard let compatIOAS else { throw .enodev }
      request.ioasID = compatIOAS
    case .set: compatIOAS = try ioas(request.ioasID).id
    case .clear: compatIOAS = nil
    case nil: throw .eopnotsupp
    }
  }
}
