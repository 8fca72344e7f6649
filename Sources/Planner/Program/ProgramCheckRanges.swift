import Parser

/// Memory that is mapped, and drivers that change.
extension ProgramCheck {
  mutating func checkRanges(
    _ request: RequestDescriptor, _ receiver: Int, _ arguments: [Operand]
  ) {
    guard let shape = request.shape.memory,
      let (id, offset) = Self.place(arguments[shape.base], shape.start.map { arguments[$0] }),
      case .literal(let length) = arguments[shape.length],
      facts.indices.contains(Int(id.index))
    else { return }
    let (end, wraps) = offset.addingReportingOverflow(length)
    if length == 0 || length % Self.page != 0 || offset % Self.page != 0 || wraps
      || end > facts[Int(id.index)].size
    {
      broken(.ranges, "\(request.name) reaches outside \(name(id)), or not in whole pages")
    }
    guard let position = shape.iova, case .literal(let iova) = arguments[position] else { return }
    let (last, overflows) = iova.addingReportingOverflow(length &- 1)
    if overflows || iova % Self.page != 0 {
      broken(
        .ranges, "\(request.name) maps at an address that wraps around or does not begin a page")
      return
    }
    recordMapping(request, receiver, arguments, iova...last)
  }

  /// The memory that is mapped and the offset in it, in bytes.
  private static func place(
    _ base: Operand, _ start: Operand?
  ) -> (memory: ResultID, offset: UInt64)? {
    switch (base, start) {
    case (.memory(let id, let offset), nil): (id, offset)
    case (.result(let file), .literal(let offset)?): (file, offset)
    default: nil
    }
  }

  private mutating func recordMapping(
    _ request: RequestDescriptor, _ receiver: Int, _ arguments: [Operand],
    _ range: ClosedRange<UInt64>
  ) {
    var space = Int32(truncatingIfNeeded: receiver)
    for case .result(let id) in arguments
    where facts.indices.contains(Int(id.index)) && !facts[Int(id.index)].kind.isFile {
      space = id.index
    }
    if facts[Int(space)].state.isDisjoint(with: [.attached, .driven]) {
      broken(.attachedBeforeMapped, "\(request.name) maps where no device is attached yet")
      facts[Int(space)].state.insert(.attached)  // said once, however much is mapped there
    }
    ranges.append(
      Range(space: space, first: range.lowerBound, last: range.upperBound, step: step))
  }

  /// Driver changes are few kinds of writes in one order; anything else could be used to take
  /// devices from the host that the program has no business with.
  mutating func checkDriver(_ write: SysfsWrite) {
    if !openedDevices.isEmpty || !openedGroups.isEmpty {
      broken(.driversFirst, "drivers may change only before any device is opened")
    }
    switch write {
    case .unbind(let address, let driver):
      if !SysfsWrite.isDriverName(driver) {
        broken(.driverNames, "'\(driver)' is not the name of a driver")
      }
      advance(address, to: .unbound, driver)
    case .driverOverride(let address, let driver):
      checkVFIO(driver)
      advance(address, to: .overridden, driver)
    case .probe(let address, let driver):
      checkVFIO(driver)
      advance(address, to: .probed, driver)
    }
  }

  private mutating func checkVFIO(_ driver: String) {
    if driver == knownDriver { return }
    knownDriver = driver
    if !VFIODriver.isVFIO(driver) || !SysfsWrite.isDriverName(driver) {
      broken(.driverNames, "'\(driver)' is not a VFIO driver")
    }
  }

  private mutating func advance(
    _ address: BDF, to stage: DriverProgress.Stage, _ driver: String
  ) {
    if let change = driverProgress, change.device.address == address {
      let isNext = stage.rawValue == change.stage.rawValue + 1
      if !isNext || stage == .probed && change.driver != driver { outOfOrder(address) }
      driverProgress?.stage = stage
      driverProgress?.driver = driver
      return
    }
    endDriverChange()
    if stage == .probed { outOfOrder(address) }
    let device = DeviceMention(address: address, step: step)
    driverProgress = DriverProgress(stage: stage, driver: driver, device: device)
    changedDevices.append(device)
  }

  private mutating func endDriverChange() {
    if let change = driverProgress, change.stage != .probed { outOfOrder(change.device.address) }
  }

  private mutating func outOfOrder(_ address: BDF) {
    broken(
      .driverChanges,
      "the driver of \(address) must change in the order unbind, override, probe, each once")
  }
}

/// What only the whole program shows.
extension ProgramCheck {
  mutating func finish() {
    if made < results.count {
      broken(.madeOnce, "no step makes '\(results[made].name)'")
    }
    endDriverChange()
    checkOpenedOnce()
    checkDriverChanges()
    checkOverlaps()
  }

  private mutating func checkOpenedOnce() {
    openedDevices.sortUnlessSorted { ($0.address, $0.step) < ($1.address, $1.step) }
    for (left, right) in zip(openedDevices, openedDevices.dropFirst())
    where left.address == right.address {
      step = right.step
      broken(.onlyOnce, "device \(right.address) is opened twice")
    }
    openedGroups.sortUnlessSorted { $0 < $1 }
    for (left, right) in zip(openedGroups, openedGroups.dropFirst())
    where left.number == right.number {
      step = right.step
      broken(.onlyOnce, "group \(right.number) is opened twice")
    }
  }

  /// Both lists are in order of address: they are walked side by side.
  private mutating func checkDriverChanges() {
    changedDevices.sortUnlessSorted { ($0.address, $0.step) < ($1.address, $1.step) }
    var position = 0
    for index in changedDevices.indices {
      let device = changedDevices[index]
      step = device.step
      if index > 0, changedDevices[index - 1].address == device.address {
        outOfOrder(device.address)
      }
      while position < openedDevices.count, openedDevices[position].address < device.address {
        position += 1
      }
      if position == openedDevices.count || openedDevices[position].address != device.address,
        !unopened.contains(device.address)
      {
        broken(.driverChanges, "the driver of \(device.address) changes for nothing")
      }
    }
  }

  private mutating func checkOverlaps() {
    ranges.sortUnlessSorted {
      ($0.space, $0.first, $0.step) < ($1.space, $1.first, $1.step)
    }
    for (left, right) in zip(ranges, ranges.dropFirst())
    where left.space == right.space && left.last >= right.first {
      step = max(left.step, right.step)
      broken(.overlaps, "two mappings of one address space overlap")
    }
  }
}

extension Array {
  /// Sorts, but only looks if nothing is out of order.
  fileprivate mutating func sortUnlessSorted(by isBefore: (Element, Element) -> Bool) {
    let isSorted = indices.dropFirst().allSatisfy { !isBefore(self[$0], self[$0 - 1]) }
    if !isSorted { sort(by: isBefore) }
  }
}

extension SysfsWrite {
  /// Whether a text can only be the name of a driver: printable ASCII, no path.
  public static func isDriverName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count < 256 && text != "." && text != ".."
      && text.utf8.allSatisfy { 0x20 < $0 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
  }
}
