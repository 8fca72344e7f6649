import Planner

/// `IOMMU_TEST_CMD`: what the kernel's own tests of iommufd ask for (`iommufd/selftest.c`).
///
/// Where a kernel is built for tests; no other one has it.
extension SimulatedIOMMUFD {
  /// Does what the operation says.
  func test(_ request: inout SimulatedRequest<MockCommand>) throws(Errno) {
    switch MockOperation(rawValue: request.op) {
    case .addReserved: try request.view(testReserved)
    case .mockDomain: try request.view(plugPlain)
    case .mockDomainFlags: try request.view(plugFlagged)
    case .replaceDomain: try request.view(testReplace)
    case .checkMap: try request.view(testMap)
    case .checkReferences: try request.view(testReferences)
    case .createAccess: try request.view(openAccess)
    case .accessPages: try request.view(pinPages)
    case .destroyAccessPages: try request.view(unpinPages)
    case .accessBytes: try request.view(testBytes)
    case .replaceAccess: try request.view(moveAccess)
    case .setMemoryLimit: if request.content & 0xffff_ffff < Mock.leastLimit { throw .einval }
    case .setDirty: try request.view(setDirty)
    case .checkCache: try request.view(testCache)
    case .attachPASID: try request.view(attachPASID)
    case .detachPASID: try request.view(detachPASID)
    case nil: throw .eopnotsupp
    }
  }

  private func testReserved(_ request: inout SimulatedRequest<MockRange>) throws(Errno) {
    let (start, length) = (request.first, request.second)
    if length == 0 { throw .einval }
    let (last, wraps) = start.addingReportingOverflow(length - 1)
    if wraps { throw .eoverflow }
    try ioas(request.id).reserve([AddressRange(start: start, last: last)])
  }

  private func plugPlain(_ request: inout SimulatedRequest<MockDomain>) throws(Errno) {
    try plug([], &request)
  }

  private func plugFlagged(_ request: inout SimulatedRequest<MockDomain>) throws(Errno) {
    try plug(request.flags, &request)
  }

  /// A device comes with an object of its own, is bound, and is attached.
  private func plug(
    _ flags: MockDeviceFlags, _ request: inout SimulatedRequest<MockDomain>
  ) throws(Errno) {
    if !flags.isSubset(of: [.noDirty, .pasid]) { throw .einval }
    let kernel = request.kernel
    let mock = SimulatedMockDevice(
      MockUnit(tracksDirty: !flags.contains(.noDirty), hasPASIDs: flags.contains(.pasid)),
      in: kernel)
    let id = add(.mock(mock))
    do throws(Errno) {
      let table = try mock.begin(request.id, of: self, in: kernel)
      (request.outDevice, request.outTable) = (id, table)
      request.outBound = mock.binding?.id ?? 0
    } catch {
      mock.end(in: kernel)
      remove(id)
      throw error
    }
  }

  private func testReplace(_ request: inout SimulatedRequest<MockDomain>) throws(Errno) {
    guard case .mock(let mock) = object(request.id) else { throw .enoent }
    request.outDevice = try mock.attach(to: request.outDevice, in: request.kernel).id
  }

  /// Whether each page under some addresses is the one at an address of the caller.
  private func testMap(_ request: inout SimulatedRequest<MockRange>) throws(Errno) {
    let (iova, length, address) = (request.first, request.second, request.third)
    guard case .hwpt(let hwpt) = object(request.id) else { throw .enoent }
    let page = Mock.pageBytes
    if (iova | length | address) & (page - 1) != 0 { throw .einval }
    if address.addingReportingOverflow(length).overflow { throw .einval }
    let memory = request.kernel.memory
    for offset in stride(from: UInt64(0), to: length, by: Int(page)) {
      try memory.pin((address + offset) & ~4095, 4096)
      let place = AddressRange(start: iova + offset, last: iova + offset)
      guard let index = hwpt.ioas.areas.indices(touching: place).first else { throw .einval }
      let area = hwpt.ioas.areas.areas[index]
      // Where a file's pages are mapped is not known here.
      if area.pages?.isFile ?? false { continue }
      if area.source &+ (place.start - area.range.start) != address + offset { throw .einval }
    }
  }

  /// Whether each page is pinned so many times.
  private func testReferences(_ request: inout SimulatedRequest<MockRange>) throws(Errno) {
    let (length, address) = (request.first, request.second)
    let wanted = Int(request.third & 0xffff_ffff)
    if (length | address) & 4095 != 0 { throw .einval }
    if address.addingReportingOverflow(length).overflow { throw .einval }
    let kernel = request.kernel
    for offset in stride(from: UInt64(0), to: length, by: 4096) {
      try kernel.memory.pin(address + offset, 4096)
      let count = kernel.pins(of: (address + offset) / 4096)
      if count != wanted, !kernel.mapsFiles { throw .eio }
    }
  }

  private func attachPASID(_ request: inout SimulatedRequest<MockPASID>) throws(Errno) {
    guard case .mock(let mock) = object(request.id) else { throw .enoent }
    try mock.attach(request.pasid, to: request.table, in: request.kernel)
  }

  private func detachPASID(_ request: inout SimulatedRequest<MockPASID>) throws(Errno) {
    guard case .mock(let mock) = object(request.id) else { throw .enoent }
    mock.detach(request.pasid)
  }

  private func testCache(_ request: inout SimulatedRequest<MockCache>) throws(Errno) {
    _ = try device(request.id)
    if request.index >= MockCache.count || request.content != MockCache.initial { throw .einval }
  }

  private func openAccess(_ request: inout SimulatedRequest<MockAccessRequest>) throws(Errno) {
    if !request.flags.isSubset(of: .pinsPages) { throw .eopnotsupp }
    let access = SimulatedAccess(pinsPages: request.flags.contains(.pinsPages))
    let id = add(.access(access))
    do throws(Errno) {
      try access.move(to: ioas(request.id))
    } catch {
      remove(id)
      throw error
    }
    request.outFile = request.kernel.install(SimulatedAccessFile(access, id, of: self))
  }

  private func access(
    _ number: UInt32, in kernel: SimulatedKernel
  ) throws(Errno) -> SimulatedAccess {
    let file = try? kernel.files.file(Int32(bitPattern: number))
    guard let file = file as? SimulatedAccessFile else { throw .ebadfd }
    return file.access
  }

  private func pinPages(_ request: inout SimulatedRequest<MockPages>) throws(Errno) {
    let (iova, length, address) = (request.iova, request.length, request.address)
    if length > Mock.longestAccess { throw .enomem }
    if !request.flags.isSubset(of: .write) { throw .eopnotsupp }
    let access = try access(request.id, in: request.kernel)
    if !access.pinsPages { throw .eopnotsupp }
    let writes = request.flags.contains(.write)
    let id = try access.pin(iova, length, writes: writes)
    if address != 0 {
      let pieces = try access.pieces(
        of: access.range(iova, length), writes: writes, wholePages: true)
      let isRight = pieces.allSatisfy {
        $0.pages?.isFile ?? true || $0.source == address &+ ($0.range.start - iova)
      }
      if !isRight {
        try access.unpin(id)
        throw Errno(name: "EBADE") ?? .einval
      }
    }
    request.outID = id
  }

  private func unpinPages(_ request: inout SimulatedRequest<MockPages>) throws(Errno) {
    try access(request.id, in: request.kernel).unpin(request.flags.rawValue)
  }

  private func moveAccess(_ request: inout SimulatedRequest<MockPages>) throws(Errno) {
    let access = try access(request.id, in: request.kernel)
    if access.ioas == nil { throw .enoent }
    try access.move(to: ioas(request.flags.rawValue))
  }

  /// Copies between the caller and what is mapped.
  private func testBytes(_ request: inout SimulatedRequest<MockRange>) throws(Errno) {
    let (iova, length, address) = (request.first, request.second, request.third)
    if length > Mock.longestAccess { throw .enomem }
    if !request.flags.isSubset(of: [.write, .slowPath]) { throw .eopnotsupp }
    let access = try access(request.id, in: request.kernel)
    let writes = request.flags.contains(.write)
    let ours = request.kernel.memory
    let range = try access.range(iova, length)
    for piece in try access.pieces(of: range, writes: writes, wholePages: false) {
      guard case .memory(let memory) = piece.pages?.source else { continue }
      let place = address &+ (piece.range.start - iova)
      if writes {
        try memory.write(ours.read(place, piece.length), to: piece.source)
      } else {
        try ours.write(memory.read(piece.source, piece.length), to: place)
      }
    }
  }
}

extension SimulatedRequest {
  /// Looks at the same memory as another structure.
  mutating func view<Other>(
    _ function: (inout SimulatedRequest<Other>) throws(Errno) -> Void
  ) throws(Errno) {
    var other = SimulatedRequest<Other>(argument: argument, kernel: kernel)
    defer { argument = other.argument }
    try function(&other)
  }
}

extension SimulatedKernel {
  /// How often a page of the calling process is pinned: once for each request that has mapped it,
  /// as long as a page table or an access has it.
  fileprivate func pins(of page: UInt64) -> Int {
    var holders: Set<ObjectIdentifier> = []
    for case let file as SimulatedIOMMUFD in openFiles.all {
      for (_, object) in file.liveObjects {
        if case .access(let access) = object { holders.formUnion(access.pins(page, of: memory)) }
        guard case .ioas(let ioas) = object, !ioas.hwpts.isEmpty else { continue }
        for area in ioas.areas.areas {
          guard let pages = area.pages, pages.isOf(memory),
            area.source / 4096 <= page, page <= (area.source + (area.length - 1)) / 4096
          else { continue }
          holders.insert(ObjectIdentifier(pages))
        }
      }
    }
    return holders.count
  }

  /// Whether anything maps a file, whose pages may be anywhere in the process.
  fileprivate var mapsFiles: Bool {
    openFiles.all.contains { file in
      (file as? SimulatedIOMMUFD)?.liveObjects.contains {
        guard case .ioas(let ioas) = $0.object else { return false }
        return ioas.areas.areas.contains { $0.pages?.isFile ?? false }
      } ?? false
    }
  }
}
