import Planner

/// The requests about address spaces of an iommufd (`iommufd/ioas.c`, §2.3 to §2.9).
///
/// All of them look at flags and reserved members first, then at numbers that no request may have,
/// and only then for the objects: what is wrong in any state is found in any state.
extension SimulatedIOMMUFD {
  /// `IOMMU_IOAS_IOVA_RANGES` (§2.3).
  func reportRanges(_ request: inout SimulatedRequest<IOASIOVARanges>) throws(Errno) {
    if request.reserved != 0 { throw .eopnotsupp }
    let ioas = try ioas(request.ioasID)
    let room = Int(request.numIOVAs)
    let ranges = ioas.usableRanges
    let shown = ranges.prefix(room)
    if !shown.isEmpty {
      guard var array = request.allowedIOVAs else { throw .efault }
      for (index, range) in shown.enumerated() { array.set(range, at: index) }
      request.allowedIOVAs = array
      // The elements before one that cannot be written stay written, the header is not (§2.3.3).
      if !array.holds(shown.count) { throw .efault }
    }
    request.numIOVAs = UInt32(ranges.count)
    request.outIOVAAlignment = ioas.alignment
    // Too little room is found out last, so that the caller learns how much it takes (§2.3.5).
    if ranges.count > room { throw .emsgsize }
  }

  /// `IOMMU_IOAS_ALLOW_IOVAS` (§2.4).
  func allowIOVAs(_ request: inout SimulatedRequest<IOASAllowIOVAs>) throws(Errno) {
    if request.reserved != 0 { throw .eopnotsupp }
    let ioas = try ioas(request.ioasID)
    let array = request.allowedIOVAs
    var ranges: [AddressRange] = []
    // Each element is looked at before the next one is read (§2.4.3).
    for index in 0..<Int(request.numIOVAs) {
      guard let array, array.holds(index + 1) else { throw .efault }
      let range = array.range(at: index)
      if range.start >= range.last || ranges.contains(where: { $0.overlaps(range) }) {
        throw .einval
      }
      ranges.append(range)
    }
    try ioas.allow(ranges)
  }

  /// `IOMMU_IOAS_MAP` (§2.6).
  func map(_ request: inout SimulatedRequest<IOASMap>) throws(Errno) {
    let (flags, source) = (request.flags, request.userVA)
    let (length, iova) = (request.length, request.iova)
    if request.reserved != 0 { throw .eopnotsupp }
    try checkMapArguments(flags, [iova, length])
    let ioas = try ioas(request.ioasID)
    try checkMemory(source, length)
    request.iova = try ioas.map(
      source, length: length, at: flags.contains(.fixedIOVA) ? iova : nil,
      writeable: flags.contains(.writeable),
      accessible: !flags.isDisjoint(with: [.writeable, .readable]),
      of: SimulatedPages(of: request.kernel.memory))
  }

  /// `IOMMU_IOAS_MAP_FILE` (§2.7).
  func mapFile(_ request: inout SimulatedRequest<IOASMapFile>) throws(Errno) {
    let (flags, start) = (request.flags, request.start)
    let (length, iova) = (request.length, request.iova)
    try checkMapArguments(flags, [iova, length])
    let ioas = try ioas(request.ioasID)
    // Before 6.19 the file comes first, and a length of 0 after sums.
    let isEarly = facts.has(.fileNumbersFirst)
    if isEarly, length == 0 { throw .einval }
    let wraps = length > 0 && start.addingReportingOverflow(length - 1).overflow
    if isEarly, wraps { throw .eoverflow }
    let file = try request.kernel.files.file(request.fd)
    if wraps { throw .eoverflow }
    // Only what makes pages of the file looks at the length again (`iommufd/pages.c:1377`), so that
    // a wrong number comes first.
    if length == 0 || length > SimulatedPages.longest { throw .einval }
    request.iova = try ioas.map(
      start, length: length, at: flags.contains(.fixedIOVA) ? iova : nil,
      writeable: flags.contains(.writeable), of: SimulatedPages(of: file, in: request.kernel))
  }

  /// `IOMMU_IOAS_COPY` (§2.8).
  func copy(_ request: inout SimulatedRequest<IOASCopy>) throws(Errno) {
    let (flags, length) = (request.flags, request.length)
    let (to, from) = (request.dstIOVA, request.srcIOVA)
    try checkMapArguments(flags, [length, to, from])
    let source = try ioas(request.srcIOASID)
    if length == 0 { throw .einval }
    let (last, overflow) = from.addingReportingOverflow(length - 1)
    if overflow { throw .eoverflow }
    var pieces = try source.pieces(of: AddressRange(start: from, last: last))
    // The destination is looked for when the source is known to be mapped (§2.8.7, §2.8.8).
    let destination = try ioas(request.dstIOASID)
    let place = try destination.place(
      pieces[0].source, length: length, at: flags.contains(.fixedIOVA) ? to : nil)
    for index in pieces.indices {
      let offset = pieces[index].range.start - from
      let size = pieces[index].length
      pieces[index].range = AddressRange(start: place + offset, last: place + offset + (size - 1))
      pieces[index].isAccessible = !flags.isDisjoint(with: [.writeable, .readable])
      try destination.admit(pieces[index], writeable: flags.contains(.writeable))
    }
    destination.insert(pieces)
    request.dstIOVA = place
  }

  /// `IOMMU_IOAS_UNMAP` (§2.9).
  func unmap(_ request: inout SimulatedRequest<IOASUnmap>) throws(Errno) {
    let (iova, length) = (request.iova, request.length)
    let ioas = try ioas(request.ioasID)
    // Everything: the one length that would be too long, and the one case in which nothing mapped
    // is not an error (§2.9.2).
    if iova == 0, length == .max {
      request.length = try ioas.unmap(.everything)
      return
    }
    if iova == .max || length == .max { throw .eoverflow }
    if length == 0 { throw .einval }
    let (last, overflow) = iova.addingReportingOverflow(length - 1)
    if overflow { throw .eoverflow }
    let bytes = try ioas.unmap(AddressRange(start: iova, last: last))
    if bytes == 0 { throw .enoent }
    request.length = bytes
  }

  /// `IOMMU_IOAS_CHANGE_PROCESS` (§4.5): the caller owns what is mapped, which has to be files.
  func changeProcess(_ request: inout SimulatedRequest<IOASChangeProcess>) throws(Errno) {
    if request.reserved != 0 { throw .eopnotsupp }
    for case .ioas(let ioas) in liveObjects.map(\.object) {
      if ioas.areas.areas.contains(where: { $0.pages?.isFile != true }) { throw .einval }
    }
  }

  /// Where memory may lie; before 6.13 its length is looked at first (§2.6, `iommufd/pages.c`).
  func checkMemory(_ source: UInt64, _ length: UInt64) throws(Errno) {
    let isLengthWrong = length == 0 || length > SimulatedPages.longest
    if !facts.has(.sumsComeFirst), isLengthWrong { throw .einval }
    if source.addingReportingOverflow(length).overflow { throw .eoverflow }
    if isLengthWrong { throw .einval }
  }

  /// What a mapping may not be in any state; addresses are looked at even if they are not fixed
  /// (§2.6.2).
  private func checkMapArguments(_ flags: MapFlags, _ numbers: [UInt64]) throws(Errno) {
    if !flags.isSubset(of: [.fixedIOVA, .writeable, .readable]) { throw .eopnotsupp }
    if numbers.contains(.max) { throw .eoverflow }
    if facts.has(.mappingsAreUsable), flags.isDisjoint(with: [.writeable, .readable]) {
      throw .einval
    }
  }
}

extension StructureArray<IOVARange> {
  /// The addresses that an element says.
  func range(at index: Int) -> AddressRange {
    AddressRange(start: self[index, \.start], last: self[index, \.last])
  }

  /// Makes an element say addresses.
  mutating func set(_ range: AddressRange, at index: Int) {
    self[index, \.start] = range.start
    self[index, \.last] = range.last
  }
}
