import Parser

/// The requests of iommufd as typed steps.
extension ProgramBuilder {
  mutating func openIOMMUFD(named name: String) -> Reference<ObjectKind.IOMMUFD> {
    open(.iommu, named: name)
  }

  mutating func openDevice(_ address: BDF, named name: String) -> Reference<ObjectKind.DeviceFD> {
    open(.vfioDevice(address), named: name)
  }

  mutating func accountPerProcess(_ iommufd: Reference<ObjectKind.IOMMUFD>) {
    issue(
      IOMMUFDRequests.option, on: iommufd,
      [.literal(IOMMUFDRequests.rlimitMode), .literal(IOMMUFDRequests.setOption), .literal(1)],
      results: unusedResult)
  }

  mutating func allocateIOAS(
    in iommufd: Reference<ObjectKind.IOMMUFD>, named name: String
  ) -> Reference<ObjectKind.IOAS> {
    issue(IOMMUFDRequests.ioasAlloc, on: iommufd, named: name)
  }

  mutating func allocateHWPT(
    for device: Reference<ObjectKind.BoundDevice>, of ioas: Reference<ObjectKind.IOAS>,
    in iommufd: Reference<ObjectKind.IOMMUFD>, named name: String
  ) -> Reference<ObjectKind.HWPT> {
    issue(
      IOMMUFDRequests.hwptAlloc, on: iommufd, [.result(device.id), .result(ioas.id)], named: name)
  }

  mutating func bind(
    _ device: Reference<ObjectKind.DeviceFD>, to iommufd: Reference<ObjectKind.IOMMUFD>,
    _ token: VFToken?, named name: String
  ) -> Reference<ObjectKind.BoundDevice> {
    issue(
      VFIODeviceRequests.bindIOMMUFD, on: device,
      [.result(iommufd.id)] + (token.map { [.token($0)] } ?? []), named: name)
  }

  /// Attaches to a page table, or to one of the kernel's choice in an address space.
  mutating func attach<Made: MadeObject>(
    _ device: Reference<ObjectKind.DeviceFD>, to table: Reference<Made>, named name: String
  ) -> Reference<ObjectKind.Number> {
    issue(VFIODeviceRequests.attach, on: device, [.result(table.id)], named: name)
  }

  mutating func map(
    _ mapping: PlannedAddressSpace.Mapping, of memory: Reference<ObjectKind.Memory>,
    into ioas: Reference<ObjectKind.IOAS>, in iommufd: Reference<ObjectKind.IOMMUFD>
  ) {
    issue(
      IOMMUFDRequests.ioasMap, on: iommufd,
      [
        .literal(IOMMUFDRequests.mapFlags), .result(ioas.id),
        .memory(memory.id, offset: mapping.offset), .literal(mapping.size), .literal(mapping.iova),
      ], results: unusedResult)
  }

  mutating func map(
    _ mapping: PlannedAddressSpace.Mapping, of file: Reference<ObjectKind.MemoryFile>,
    into ioas: Reference<ObjectKind.IOAS>, in iommufd: Reference<ObjectKind.IOMMUFD>
  ) {
    issue(
      IOMMUFDRequests.ioasMapFile, on: iommufd,
      [
        .literal(IOMMUFDRequests.mapFlags), .result(ioas.id), .result(file.id),
        .literal(mapping.offset), .literal(mapping.size), .literal(mapping.iova),
      ], results: unusedResult)
  }

  /// Asks for the extended capabilities of a bound device's VT-d unit.
  mutating func extendedCapabilities(
    of device: Reference<ObjectKind.BoundDevice>, in iommufd: Reference<ObjectKind.IOMMUFD>,
    named name: String
  ) -> Reference<ObjectKind.Number> {
    let register = define(name, as: ObjectKind.Number.self)
    let request = IOMMUFDRequests.getHWInfo
    issue(
      request, on: iommufd, [.result(device.id)],
      results: request.results(register.id, in: IOMMUFDRequests.extendedCapabilities))
    return register
  }
}
