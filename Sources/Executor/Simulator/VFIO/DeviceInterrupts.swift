import Planner

/// The requests about interrupts of a device (`vfio_pci_core.c:1245`, `:1279`, §2.24).
extension SimulatedDeviceFile {
  /// `VFIO_DEVICE_GET_IRQ_INFO`.
  func reportInterrupt(_ request: inout SimulatedRequest<IRQInfo>) throws(Errno) {
    let function = request.kernel.host.function(of: device)
    guard let interrupt = PCIInterrupt(rawValue: request.index) else { throw .einval }
    let count = function.interrupts.counts[interrupt] ?? 0
    if interrupt == .error, count == 0 { throw .einval }
    var flags: IRQInfoFlags = .eventfd
    switch interrupt {
    case .intx: flags.formUnion([.maskable, .automasked])
    case .msix where count > 0 && function.interrupts.addsVectors: break
    case .msi, .msix, .error, .request: flags.insert(.noresize)
    }
    request.flags = flags
    request.count = UInt32(count)
  }

  /// `VFIO_DEVICE_SET_IRQS`: the numbers, then what comes with them, then what they mean.
  func setInterrupts(_ request: inout SimulatedRequest<IRQSet>) throws(Errno) -> Int32 {
    let kernel = request.kernel
    let function = kernel.host.function(of: device)
    let (flags, start, count) = (request.flags, request.start, request.count)
    guard request.argument.statedSize >= IRQSet.size,
      let interrupt = PCIInterrupt(rawValue: request.index), count < UInt32.max - start,
      flags.isSubset(of: IRQSetFlags.data.union(.actions))
    else { throw .einval }
    let most = UInt32(function.interrupts.counts[interrupt] ?? 0)
    if start >= most || start + count > most { throw .einval }
    return try function.apply(
      InterruptOrder(
        interrupt: interrupt, action: flags.intersection(.actions), content: content(of: request),
        start: Int(start), count: Int(count)),
      in: kernel)
  }

  /// What comes for each vector; EINVAL if there is less than was promised.
  private func content(
    of request: SimulatedRequest<IRQSet>
  ) throws(Errno) -> InterruptOrder.Content {
    let width: Int
    switch request.flags.intersection(.data) {
    case .dataNone: return .all
    case .dataBool: width = 1
    case .dataEventfd: width = IRQSet.fileBytes
    default: throw .einval
    }
    let argument = request.argument
    let count = Int(request.count)
    if argument.statedSize - IRQSet.size < count * width { throw .einval }
    try argument.require(IRQSet.size + count * width)
    let numbers = (0..<count).map {
      argument.number(at: IRQSet.size + $0 * width, width: width)
    }
    if width == 1 { return .chosen(numbers.map { $0 != 0 }) }
    return .files(numbers.map(Int32.init(bits:)))
  }

  /// `VFIO_DEVICE_IOEVENTFD`: a write to a window that an event does.
  func setDoorbell(_ request: inout SimulatedRequest<IOEventRequest>) throws(Errno) {
    let flags = request.flags
    // The size is one of four flags, each of them the number of bytes.
    guard flags.isSubset(of: .sizes), flags.rawValue.nonzeroBitCount == 1, request.fd >= -1 else {
      throw .einval
    }
    let doorbell = SimulatedFunction.Doorbell(
      offset: request.offset, data: request.data, width: UInt64(flags.rawValue))
    try request.kernel.host.function(of: device).setDoorbell(
      doorbell, file: request.fd, in: request.kernel)
  }
}
