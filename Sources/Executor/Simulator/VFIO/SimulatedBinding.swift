import Planner

/// A device bound to an iommufd: by a file of its own, or by files that its group handed out.
final class SimulatedBinding {
  /// Position of the device in the host.
  let device: Int
  /// The iommufd, which it keeps open.
  let context: SimulatedIOMMUFD
  /// The device's id there.
  let id: UInt32
  /// How many files of a group share it.
  var files = 1
  /// Whether it keeps the iommufd open: only a device of the kernel's tests does not.
  private let keepsOpen: Bool

  /// The part of a bind that makes the device the iommufd's (§2.21.10 to §2.21.17).
  init(
    _ device: Int, to context: SimulatedIOMMUFD, in kernel: SimulatedKernel,
    keepsOpen: Bool = true
  ) throws(Errno) {
    let unit = try kernel.host.unit(of: device)
    guard let group = kernel.host.devices[device].group else { throw .enodev }
    // Interrupts before ownership: a unit that does not isolate them is refused in any group
    // (§2.21.14, §2.21.15).
    if !unit.isolatesInterrupts, !kernel.host.kernel.allowUnsafeInterrupts { throw .eperm }
    try kernel.host.claim(group, for: context.id)
    self.device = device
    self.context = context
    id = context.add(.device(device))
    self.keepsOpen = keepsOpen
    if keepsOpen { context.references += 1 }
  }

  /// Takes the device off its table and gives it back.
  func end(in kernel: SimulatedKernel) {
    detach(in: kernel)
    context.remove(id)
    if let group = kernel.host.devices[device].group { kernel.host.unclaim(group) }
    if keepsOpen { kernel.drop(context) }
  }

  /// Attaches by address space: the first automatic table that takes the device, in the order they
  /// were made, else a new one (`iommufd/device.c:940`, §3.3).
  func attach(
    to ioas: SimulatedIOAS, in kernel: SimulatedKernel
  ) throws(Errno) -> SimulatedHWPT {
    for hwpt in ioas.hwpts where hwpt.isAutomatic {
      do throws(Errno) {
        try attach(to: hwpt, in: kernel)
        return hwpt
      } catch {
        // Only EINVAL means that the table does not suit; anything else is the answer (§3.3).
        if error != .einval { throw error }
      }
    }
    let unit = try kernel.host.unit(of: device)
    let isFirst = kernel.host.devices[device].hwpt == nil
    let hwpt = SimulatedHWPT(
      for: unit, in: ioas, isAutomatic: true, isAttachedFirst: isFirst, by: kernel.facts)
    if isFirst {
      try attachFirst(to: hwpt, in: kernel)
      return hwpt
    }
    try context.add(hwpt)
    do throws(Errno) {
      try attach(to: hwpt, in: kernel)
    } catch {
      ioas.removeHWPT(hwpt)
      context.remove(hwpt.id)
      throw error
    }
    return hwpt
  }

  /// A first attach comes before the new table is filled (`hw_pagetable.c:206`).
  private func attachFirst(to hwpt: SimulatedHWPT, in kernel: SimulatedKernel) throws(Errno) {
    try kernel.host.attach(device, to: hwpt)
    do throws(Errno) {
      try context.add(hwpt)
    } catch {
      _ = kernel.host.detach(device)
      throw error
    }
  }

  /// Attaches to a table, or moves to it.
  func attach(to hwpt: SimulatedHWPT, in kernel: SimulatedKernel) throws(Errno) {
    if kernel.host.devices[device].hwpt == nil {
      try kernel.host.attach(device, to: hwpt)
    } else if let old = try kernel.host.replace(device, with: hwpt) {
      dispose(of: old)
    }
  }

  /// Takes the device off its table, if it is on one.
  func detach(in kernel: SimulatedKernel) {
    if let old = kernel.host.detach(device) { dispose(of: old) }
  }

  /// An automatic table goes with its last device.
  private func dispose(of hwpt: SimulatedHWPT) {
    guard hwpt.isAutomatic, hwpt.attachedDevices == 0 else { return }
    hwpt.ioas.removeHWPT(hwpt)
    context.remove(hwpt.id)
  }
}
