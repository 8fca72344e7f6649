import Parser

/// Memory that is mapped, and drivers that change.
extension ProgramCheck {
  mutating func checkRanges(
    _ request: RequestDescriptor, _ receiver: Int, _ arguments: [Operand]
  ) {
    guard let shape = request.shape.memory,
      case .memory(let id, let offset) = arguments[shape.base],
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
      broken(.ranges, "\(request.name) maps at an address that wraps around or is no page's")
      return
    }
    recordMapping(request, receiver, arguments, iova...last)
  }

  private mutating func recordMapping(
    _ request: RequestDescriptor, _ receiver: Int, _ arguments: [Operand],
    _ range: ClosedRange<UInt64>
  ) {
    var space = Int32(truncatingIfNeeded: receiver)
    for case .result(let id) in arguments where facts.indices.contains(Int(id.index)) {
      space = id.index
    }
    if facts[Int(space)].state.isDisjoint(with: [.attached, .driven]) {
      broken(.attachedBeforeMapped, "\(request.name) maps where no device is attached yet")
    }
    ranges.append(
      Range(space: space, first: range.lowerBound, last: range.upperBound, step: step))
  }

  /// Driver changes are few kinds of writes in one order; anything else could be used to take
  /// devices from the host that the program has no business with.
  mutating func checkDriver(_ write: SysfsWrite) {
    if hasOpenedDevice {
      broken(.driversFirst, "drivers may change only before any device is opened")
    }
    switch write {
    case .unbind(_, let driver):
      if !SysfsWrite.isSafe(driver: driver) {
        broken(.driverNames, "'\(driver)' is no name of a driver")
      }
      advance(write.address, to: .unbound, driver)
    case .driverOverride(_, let driver):
      checkVFIO(driver)
      advance(write.address, to: .overridden, driver)
    case .probe(_, let driver):
      checkVFIO(driver)
      advance(write.address, to: .probed, driver)
    }
  }

  private mutating func checkVFIO(_ driver: String) {
    if !VFIODriver.isVFIO(driver) || !SysfsWrite.isSafe(driver: driver) {
      broken(.driverNames, "'\(driver)' is no VFIO driver")
    }
  }

  private mutating func advance(
    _ address: BDF, to stage: DriverChange.Stage, _ driver: String
  ) {
    let change = DriverChange(address: address, stage: stage, driver: driver, step: step)
    // Almost always the device of the step before.
    let isLast = driverChanges.last?.address == address
    guard let index = isLast ? driverChanges.count - 1 : driverChangeOf[address] else {
      if stage == .probed { outOfOrder(address) }
      driverChangeOf[address] = driverChanges.count
      driverChanges.append(change)
      return
    }
    let before = driverChanges[index]
    if stage.rawValue != before.stage.rawValue + 1
      || stage == .probed && before.driver != driver
    {
      outOfOrder(address)
    }
    driverChanges[index] = change
  }

  private mutating func outOfOrder(_ address: BDF) {
    broken(
      .driverChanges,
      "the driver of \(address) must change in the order unbind, override, probe, each once")
  }

  /// Checks what only the whole program shows.
  mutating func finish() {
    if made < results.count {
      broken(.madeOnce, "no step makes '\(results[made].name)'")
    }
    for change in driverChanges {
      step = change.step
      if change.stage != .probed { outOfOrder(change.address) }
      if !openedDevices.contains(change.address) {
        broken(.driverChanges, "the program changes the driver of \(change.address) for nothing")
      }
    }
    checkOverlaps()
  }

  private mutating func checkOverlaps() {
    let isBefore = { (left: Range, right: Range) in
      (left.space, left.first, left.step) < (right.space, right.first, right.step)
    }
    let isSorted = zip(ranges, ranges.dropFirst()).allSatisfy { !isBefore($1, $0) }
    if !isSorted { ranges.sort(by: isBefore) }
    for (left, right) in zip(ranges, ranges.dropFirst())
    where left.space == right.space && left.last >= right.first {
      step = max(left.step, right.step)
      broken(.overlaps, "two mappings of one address space overlap")
    }
  }
}

extension SysfsWrite {
  /// Whether a text can only be the name of a driver: printable ASCII, no path.
  public static func isSafe(driver: String) -> Bool {
    !driver.isEmpty && driver.utf8.count < 256 && driver != "." && driver != ".."
      && driver.utf8.allSatisfy { 0x20 < $0 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
  }
}
