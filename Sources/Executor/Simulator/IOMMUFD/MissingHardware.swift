import Planner

/// Requests for what no IOMMU here has: nested tables, guests' units, faults.
///
/// What is wrong in any case is found, in the kernel's order; what is right is EOPNOTSUPP, as from
/// a driver that cannot do it.
extension SimulatedIOMMUFD {
  /// `IOMMU_HWPT_INVALIDATE` (§2.15); how many entries were done is always written.
  func refuseInvalidation(_ request: inout SimulatedRequest<HWPTInvalidate>) throws(Errno) {
    let count = request.entryNum
    request.entryNum = 0
    if request.reserved != 0 { throw .eopnotsupp }
    if count > 0, request.dataUptr == 0 || request.entryLen == 0 { throw .einval }
    guard object(request.hwptID) != nil else { throw .enoent }
    throw facts.has(.fileMappings) ? .einval : .enoent
  }

  /// `IOMMU_FAULT_QUEUE_ALLOC` (§2.16).
  func refuseFaultQueue(_ request: inout SimulatedRequest<FaultQueueAlloc>) throws(Errno) {
    throw .eopnotsupp
  }

  /// `IOMMU_VIOMMU_ALLOC` (§2.17).
  func refuseVIOMMU(_ request: inout SimulatedRequest<VIOMMUAlloc>) throws(Errno) {
    if !request.flags.isEmpty || request.type == VIOMMUAlloc.defaultType { throw .eopnotsupp }
    _ = try device(request.devID)
    throw .eopnotsupp
  }

  /// `IOMMU_VDEVICE_ALLOC` (§2.18): there is nothing that it could be for.
  func refuseVDevice(_ request: inout SimulatedRequest<VDeviceAlloc>) throws(Errno) {
    throw .enoent
  }

  /// `IOMMU_VEVENTQ_ALLOC`.
  func refuseEventQueue(_ request: inout SimulatedRequest<VEventQueueAlloc>) throws(Errno) {
    throw .eopnotsupp
  }

  /// `IOMMU_HW_QUEUE_ALLOC`.
  func refuseHardwareQueue(_ request: inout SimulatedRequest<HWQueueAlloc>) throws(Errno) {
    throw .eopnotsupp
  }
}
