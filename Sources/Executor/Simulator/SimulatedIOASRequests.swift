/// The requests about address spaces of an iommufd (`iommufd/ioas.c`, sections 2.3 to 2.9).
extension SimulatedIOMMUFD {
  private static let fixedIOVA: UInt32 = 1
  private static let writeable: UInt32 = 2
  private static let readable: UInt32 = 4

  /// `IOMMU_IOAS_IOVA_RANGES` (2.3).
  func reportRanges(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 32, full: 32)
    if argument.u32(12) != 0 { throw .eopnotsupp }
    let ioas = try ioas(argument.u32(4))
    let room = Int(argument.u32(8))
    let ranges = ioas.usableRanges
    let shown = ranges.prefix(room)
    if !shown.isEmpty {
      guard var array = argument.target(at: 16) else { throw .efault }
      for (index, range) in shown.enumerated() {
        array.setLittleEndian(range.start, at: index * 16, width: 8)
        array.setLittleEndian(range.last, at: index * 16 + 8, width: 8)
      }
      argument.setTarget(array, at: 16)
      if array.count < shown.count * 16 { throw .efault }
    }
    argument.set32(UInt32(ranges.count), 8)
    argument.set64(ioas.alignment, 24)
    if ranges.count > room { throw .emsgsize }
  }

  /// `IOMMU_IOAS_ALLOW_IOVAS` (2.4).
  func allowIOVAs(_ argument: SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 24, full: 24)
    if argument.u32(12) != 0 { throw .eopnotsupp }
    let ioas = try ioas(argument.u32(4))
    let array = argument.target(at: 16) ?? []
    var ranges: [AddressRange] = []
    for index in 0..<Int(argument.u32(8)) {  // each is looked at before the next one is read
      if array.count < (index + 1) * 16 { throw .efault }
      let range = AddressRange(
        start: array.littleEndian(at: index * 16, width: 8),
        last: array.littleEndian(at: index * 16 + 8, width: 8))
      if range.start >= range.last || ranges.contains(where: { $0.overlaps(range) }) {
        throw .einval
      }
      ranges.append(range)
    }
    try ioas.allow(ranges)
  }

  /// `IOMMU_IOAS_MAP` (2.6).
  func map(_ argument: inout SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    try argument.checkSize(min: 40, full: 40)
    let flags = argument.u32(4)
    if argument.u32(12) != 0 { throw .eopnotsupp }
    let (source, length, iova) = (argument.u64(16), argument.u64(24), argument.u64(32))
    try checkMapArguments(flags, [iova, length])
    let ioas = try ioas(argument.u32(8))
    try checkMemory(source, length)
    let place = try ioas.map(
      source, length: length, at: flags & Self.fixedIOVA == 0 ? nil : iova,
      writeable: flags & Self.writeable != 0,
      of: SimulatedPages(of: kernel.memory))
    argument.set64(place, 32)
  }

  /// `IOMMU_IOAS_MAP_FILE` (2.7).
  func mapFile(_ argument: inout SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    try argument.checkSize(min: 40, full: 40)
    let flags = argument.u32(4)
    let (start, length, iova) = (argument.u64(16), argument.u64(24), argument.u64(32))
    try checkMapArguments(flags, [iova, length])
    let ioas = try ioas(argument.u32(8))
    if length == 0 { throw .einval }
    if start.addingReportingOverflow(length - 1).overflow { throw .eoverflow }
    let file = try kernel.files.file(argument.s32(12))
    if length > .max - 4096 { throw .einval }
    let place = try ioas.map(
      start, length: length, at: flags & Self.fixedIOVA == 0 ? nil : iova,
      writeable: flags & Self.writeable != 0, of: SimulatedPages(of: file, in: kernel))
    argument.set64(place, 32)
  }

  /// `IOMMU_IOAS_COPY` (2.8).
  func copy(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 40, full: 40)
    let flags = argument.u32(4)
    let (length, to, from) = (argument.u64(16), argument.u64(24), argument.u64(32))
    try checkMapArguments(flags, [length, to, from])
    let source = try ioas(argument.u32(12))
    if length == 0 { throw .einval }
    let (last, overflow) = from.addingReportingOverflow(length - 1)
    if overflow { throw .eoverflow }
    var pieces = try source.pieces(of: AddressRange(start: from, last: last))
    let destination = try ioas(argument.u32(8))
    let place = try destination.place(
      pieces[0].source, length: length, at: flags & Self.fixedIOVA == 0 ? nil : to)
    for index in pieces.indices {
      if flags & Self.writeable != 0, !pieces[index].isWriteable { throw .eperm }
      if pieces[index].source & (destination.alignment - 1) != 0 { throw .einval }
      let offset = pieces[index].range.start - from
      let size = pieces[index].length
      if !destination.hwpts.isEmpty {
        try pieces[index].pages?.pin(pieces[index].source, size)
      }
      pieces[index].range = AddressRange(start: place + offset, last: place + offset + (size - 1))
    }
    destination.insert(pieces)
    argument.set64(place, 24)
  }

  /// `IOMMU_IOAS_UNMAP` (2.9).
  func unmap(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 24, full: 24)
    let (iova, length) = (argument.u64(8), argument.u64(16))
    let ioas = try ioas(argument.u32(4))
    if iova == 0, length == .max {
      argument.set64(try ioas.unmap(.everything), 16)
      return
    }
    if iova == .max || length == .max { throw .eoverflow }
    if length == 0 { throw .einval }
    let (last, overflow) = iova.addingReportingOverflow(length - 1)
    if overflow { throw .eoverflow }
    let bytes = try ioas.unmap(AddressRange(start: iova, last: last))
    if bytes == 0 { throw .enoent }
    argument.set64(bytes, 16)
  }

  /// `IOMMU_IOAS_CHANGE_PROCESS`: the caller owns what is mapped, which has to be files.
  func changeProcess(_ argument: SimulatedArgument) throws(Errno) {
    try argument.checkSize(min: 8, full: 8)
    if argument.u32(4) != 0 { throw .eopnotsupp }
    for case .ioas(let ioas) in liveObjects.map(\.object) {
      if ioas.areas.areas.contains(where: { $0.pages?.isFile != true }) { throw .einval }
    }
  }

  /// Where memory may lie; 6.12 looks at its length first (`iommufd/pages.c`).
  func checkMemory(_ source: UInt64, _ length: UInt64) throws(Errno) {
    let isLengthWrong = length == 0 || length > .max - 4096
    if release < .v7_3, isLengthWrong { throw .einval }
    if source.addingReportingOverflow(length).overflow { throw .eoverflow }
    if isLengthWrong { throw .einval }
  }

  private func checkMapArguments(_ flags: UInt32, _ numbers: [UInt64]) throws(Errno) {
    if flags & ~(Self.fixedIOVA | Self.writeable | Self.readable) != 0 { throw .eopnotsupp }
    if numbers.contains(.max) { throw .eoverflow }
    if flags & (Self.writeable | Self.readable) == 0 { throw .einval }
  }
}
