import Planner

/// What `VFIO_DEVICE_SET_IRQS` asks for, its numbers found good (§2.24).
struct InterruptOrder {
  /// What comes with it for each vector.
  enum Content {
    /// Nothing: all of them are meant.
    case all
    /// Which of them are meant.
    case chosen([Bool])
    /// Files' numbers, negative to let go of one.
    case files([Int32])
  }

  /// Which interrupt.
  var interrupt: PCIInterrupt
  /// What is to be done; one flag, unless the caller does not know what it wants.
  var action: IRQSetFlags
  /// What comes with it.
  var content: Content
  /// The first vector.
  var start: Int
  /// How many there are.
  var count: Int

  /// The number of the only file.
  var file: Int32? { if case .files(let files) = content { files.first } else { nil } }

  /// Whether a vector is meant, counted from the first one.
  func means(_ index: Int) -> Bool {
    switch content {
    case .all: true
    case .chosen(let chosen): index < chosen.count && chosen[index]
    case .files: false
    }
  }

  /// Whether it says nothing of no vector: let go of all.
  var isEmpty: Bool { if case .all = content { count == 0 } else { false } }
}

/// The interrupts of an open device: which are on, and which event each vector signals
/// (`vfio_pci_intrs.c`, §2.24).
struct SimulatedInterrupts {
  /// How many vectors each interrupt has.
  let counts: [PCIInterrupt: Int]
  /// Whether vectors of MSI-X are added one by one (§7.48).
  let addsVectors: Bool
  /// Whether the platform gives a device more than one message.
  let givesMessages: Bool
  /// Which of pin, MSI and MSI-X is on; `nil` if none is.
  private(set) var active: PCIInterrupt?
  /// The events, by vector.
  private(set) var events: [Int: SimulatedEventFile] = [:]
  /// The vectors that the kernel has.
  private(set) var vectors: Set<Int> = []
  /// Whether the pin is masked.
  private(set) var isMasked = false
  /// The event by which the user unmasks the pin.
  private(set) var unmask: SimulatedEventFile?
  /// The event that tells of errors.
  private(set) var error: SimulatedEventFile?
  /// The event by which the host asks for the device.
  private(set) var request: SimulatedEventFile?

  /// None is on.
  init(counts: [PCIInterrupt: Int], addsVectors: Bool, givesMessages: Bool) {
    self.counts = counts
    self.addsVectors = addsVectors
    self.givesMessages = givesMessages
  }

  /// Signals a vector's event, as the device does; whether there was one, and it was not masked.
  mutating func fire(_ vector: Int) -> Bool {
    guard let event = events[vector], active != .intx || !isMasked else { return false }
    event.signal()
    // The pin stays masked until the user has looked after the device.
    if active == .intx { isMasked = true }
    return true
  }

  /// The pin is switched off or on in configuration space.
  mutating func setPin(off: Bool) { if active == .intx { isMasked = off } }

  /// Does what is asked for; what the request returns.
  mutating func apply(
    _ order: InterruptOrder, pinIsOff: Bool, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch (order.interrupt, order.action) {
    case (.intx, .mask): try mask(order)
    case (.intx, .unmask): try unmask(order, pinIsOff: pinIsOff, in: kernel)
    case (.intx, .trigger): try triggerPin(order, pinIsOff: pinIsOff, in: kernel)
    case (.msi, .trigger), (.msix, .trigger): return try triggerMessages(order, in: kernel)
    case (.error, .trigger): try Self.trigger(&error, order, in: kernel)
    case (.request, .trigger): try Self.trigger(&request, order, in: kernel)
    default: throw .enotty
    }
    return 0
  }

  private func checkPin(_ order: InterruptOrder) throws(Errno) {
    if active != .intx || order.start != 0 || order.count != 1 { throw .einval }
  }

  private mutating func mask(_ order: InterruptOrder) throws(Errno) {
    try checkPin(order)
    if order.file != nil { throw .enotty }
    if order.means(0) { isMasked = true }
  }

  private mutating func unmask(
    _ order: InterruptOrder, pinIsOff: Bool, in kernel: SimulatedKernel
  ) throws(Errno) {
    try checkPin(order)
    guard let file = order.file else {
      if order.means(0), !pinIsOff { isMasked = false }
      return
    }
    guard file >= 0 else {
      unmask = nil
      return
    }
    let event = try kernel.event(file)
    if unmask != nil { throw .ebusy }
    unmask = event
  }

  private mutating func triggerPin(
    _ order: InterruptOrder, pinIsOff: Bool, in kernel: SimulatedKernel
  ) throws(Errno) {
    if active == .intx, order.isEmpty { return disable() }
    guard active == .intx || active == nil, order.start == 0, order.count == 1 else {
      throw .einval
    }
    if let file = order.file {
      let event = file >= 0 ? try kernel.event(file) : nil
      if active == nil { (active, isMasked) = (.intx, pinIsOff) }
      events[0] = event
      return
    }
    if active != .intx { throw .einval }
    if order.means(0), !pinIsOff { events[0]?.signal() }
  }

  private mutating func triggerMessages(
    _ order: InterruptOrder, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    let isActive = active == order.interrupt
    if isActive, order.isEmpty {
      disable()
      return 0
    }
    guard isActive || active == nil else { throw .einval }
    if case .files(let files) = order.content {
      if isActive {
        try set(files, from: order.start, in: kernel)
        return 0
      }
      return try enable(order, files, in: kernel)
    }
    guard isActive else { throw .einval }
    if !addsVectors, order.start + order.count > vectors.count { throw .einval }
    for index in 0..<order.count where order.means(index) { events[order.start + index]?.signal() }
    return 0
  }

  /// Switches messages on, all up to the last one that is named; how many there may be if that is
  /// less, and then nothing is on.
  private mutating func enable(
    _ order: InterruptOrder, _ files: [Int32], in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    let wanted = order.start + order.count
    if wanted == 0 { throw .erange }
    if order.interrupt == .msi, wanted > 1, !givesMessages { return 1 }
    active = order.interrupt
    vectors = Set(0..<wanted)
    do throws(Errno) {
      try set(files, from: order.start, in: kernel)
    } catch {
      disable()
      throw error
    }
    return 0
  }

  /// Sets the events of vectors; a failure lets go of those that were set.
  private mutating func set(
    _ files: [Int32], from start: Int, in kernel: SimulatedKernel
  ) throws(Errno) {
    if !addsVectors, start >= vectors.count || start + files.count > vectors.count {
      throw .einval
    }
    for (index, file) in files.enumerated() {
      do throws(Errno) {
        try set(file, of: start + index, in: kernel)
      } catch {
        for vector in start...(start + index) { events[vector] = nil }
        throw error
      }
    }
  }

  private mutating func set(
    _ file: Int32, of vector: Int, in kernel: SimulatedKernel
  ) throws(Errno) {
    events[vector] = nil
    guard file >= 0 else { return }
    if !vectors.contains(vector), active != .msix { throw .einval }
    vectors.insert(vector)
    events[vector] = try kernel.event(file)
  }

  private mutating func disable() {
    (active, isMasked, unmask) = (nil, false, nil)
    (events, vectors) = ([:], [])
  }

  /// Errors and the host's wish have one event each (`vfio_pci_set_ctx_trigger_single`).
  private static func trigger(
    _ event: inout SimulatedEventFile?, _ order: InterruptOrder, in kernel: SimulatedKernel
  ) throws(Errno) {
    if order.start != 0 || order.count > 1 { throw .einval }
    switch order.content {
    case .all:
      guard event != nil else { throw .einval }
      if order.count > 0 { event?.signal() } else { event = nil }
    case .chosen(let chosen):
      guard let first = chosen.first else { throw .einval }
      if first { event?.signal() }
    case .files(let files):
      guard let file = files.first, file >= -1 else { throw .einval }
      event = file < 0 ? nil : try kernel.event(file)
    }
  }
}
