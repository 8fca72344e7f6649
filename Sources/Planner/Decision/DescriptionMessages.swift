import Parser

// Findings about names, groups and memory (VP2xxx).
extension PlannerDiagnostics {
  static func duplicateName(_ device: ResolvedDevice, first: ResolvedDevice) -> Diagnostic {
    Diagnostic(
      duplicateDeviceName, "device name \(quote(device.name)) is used twice", at: device.$name,
      notes: [.init("first used here", first.$name)], help: "rename one of the two devices")
  }

  static func duplicateAddress(_ device: ResolvedDevice, first: ResolvedDevice) -> Diagnostic {
    Diagnostic(
      duplicateDeviceAddress,
      "device \(quote(device.name)) has the address '\(device.address)' of \(quote(first.name))",
      at: device.$place, notes: [.init("first given here", first.$place)],
      help: "a device can be given to a VM once; correct or remove one entry")
  }

  static func unknownSpace(_ device: ResolvedDevice, known: [String]) -> Diagnostic {
    Diagnostic(
      unknownAddressSpace,
      "device \(quote(device.name)) uses address space \(quote(device.addressSpace)), which is "
        + "not declared",
      at: device.$addressSpace,
      help: suggestion(for: device.addressSpace, among: known)
        ?? "use 'gpa' or declare it under 'addressSpaces'")
  }

  static func duplicateSpace(_ space: AddressSpace, first: AddressSpace) -> Diagnostic {
    Diagnostic(
      duplicateAddressSpace, "address space \(quote(space.name)) is declared twice",
      at: space.$name, notes: [.init("first declared here", first.$name)],
      help: "rename one of the two, or move all windows into one entry")
  }

  static func unusedSpace(_ space: AddressSpace) -> Diagnostic {
    Diagnostic(
      unusedAddressSpace, "no device uses address space \(quote(space.name))", at: space.$name,
      help: "set 'addressSpace: \(space.name)' on a device, or remove the entry")
  }

  static func overlap(memory region: MemoryRegion, with first: MemoryRegion) -> Diagnostic {
    Diagnostic(
      overlappingMemory,
      "memory \(range(region.gpa, region.size)) overlaps \(range(first.gpa, first.size))",
      at: region.span, notes: [.init("the other region is here", first.span)],
      help: "move or shrink one of the two")
  }

  static func overlap(
    window: AddressSpace.Window, with first: AddressSpace.Window, in space: AddressSpace
  ) -> Diagnostic {
    Diagnostic(
      overlappingWindows,
      "window \(range(window.iova, window.size)) of address space \(quote(space.name)) overlaps "
        + range(first.iova, first.size),
      at: window.span, notes: [.init("the other window is here", first.span)],
      help: "move or shrink one of the two")
  }

  static func unbacked(
    _ window: AddressSpace.Window, at address: UInt64, in space: AddressSpace
  ) -> Diagnostic {
    Diagnostic(
      unbackedWindow,
      "window of address space \(quote(space.name)) reaches guest address \(hexText(address)), "
        + "which no memory region backs",
      at: window.span, help: "shrink the window, or add that address to 'memory'")
  }

  static func mappingLimit(_ count: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      tooManyMappings, "the address spaces need more than \(count) mappings", at: span,
      help: "use fewer, larger memory regions or windows")
  }

  static func splitGroup(
    _ device: ResolvedDevice, first: ResolvedDevice, group: Int
  ) -> Diagnostic {
    Diagnostic(
      groupInTwoSpaces,
      "\(quote(device.name)) and \(quote(first.name)) are both in IOMMU group \(group), but in "
        + "address spaces \(quote(device.addressSpace)) and \(quote(first.addressSpace))",
      at: device.$addressSpace,
      notes: [.init("\(quote(first.name)) is given here", first.$addressSpace)],
      help: "give both the same 'addressSpace', or leave one out")
  }

  static func incompatibleGroup(
    _ member: HostDevice, behind unit: HostIOMMU, first: ResolvedDevice,
    behind firstUnit: HostIOMMU
  ) -> Diagnostic {
    Diagnostic(
      groupOnTwoClasses,
      "'\(member.address)' is in IOMMU group \(member.group ?? 0) with \(quote(first.name)), but "
        + "behind IOMMU \(quote(unit.name)), which is incompatible with \(quote(firstUnit.name))",
      at: first.$place,
      notes: [
        .init("'\(member.address)' is described here", member.span),
        .init("\(quote(unit.name)) is described here", unit.span),
        .init("\(quote(firstUnit.name)) is described here", firstUnit.span),
      ], help: "check that the host description is right: groups don't span IOMMUs")
  }

  static func reserved(
    _ region: ReservedRegion, of owner: HostDevice, hits mapping: PlannedAddressSpace.Mapping,
    in space: String, advice: String
  ) -> Diagnostic {
    let shown = "\(hexText(region.start))-\(hexText(region.end))"
    return Diagnostic(
      memoryInReservedRegion,
      "\(range(mapping.iova, mapping.size)) of address space \(quote(space)) overlaps \(shown), "
        + "which \(owner.address) must not use",
      at: mapping.origin,
      notes: [.init("reserved here (\(region.kind.rawValue))", region.span)],
      help: "leave a hole at \(shown)\(advice)")
  }

  static func beyondWidth(
    _ mapping: PlannedAddressSpace.Mapping, in space: String, unit: HostIOMMU,
    device: ResolvedDevice
  ) -> Diagnostic {
    Diagnostic(
      memoryBeyondWidth,
      "\(range(mapping.iova, mapping.size)) of address space \(quote(space)) lies beyond the "
        + "\(unit.addressBits) address bits of IOMMU \(quote(unit.name))",
      at: mapping.origin,
      notes: [
        .init("\(quote(device.name)) is behind it", device.$place),
        .init("\(quote(unit.name)) is described here", unit.span),
      ],
      help: "keep the address space of \(quote(device.name)) below "
        + byteSizeText(1 << UInt64(unit.addressBits)))
  }

  static func misaligned(
    _ mapping: PlannedAddressSpace.Mapping, in space: String, unit: HostIOMMU, pageBytes: UInt64
  ) -> Diagnostic {
    Diagnostic(
      misalignedMemory,
      "\(range(mapping.iova, mapping.size)) of address space \(quote(space)) is not aligned to "
        + "\(hexText(pageBytes)), the smallest page of IOMMU \(quote(unit.name))",
      at: mapping.origin, notes: [.init("\(quote(unit.name)) is described here", unit.span)],
      help: "make start and size multiples of \(hexText(pageBytes))")
  }

  static func misaligned(
    _ mapping: PlannedAddressSpace.Mapping, in space: String, on kernel: HostKernel
  ) -> Diagnostic {
    Diagnostic(
      misalignedMemory,
      "\(range(mapping.iova, mapping.size)) of address space \(quote(space)) is not aligned to "
        + "\(hexText(kernel.pageBytes)), the page size of the CPUs",
      at: mapping.origin, notes: [.init("the page size is stated here", kernel.$statedPageBytes)],
      help: "make start and size multiples of \(hexText(kernel.pageBytes))")
  }

  static func noHugePages(
    _ region: MemoryRegion, of bytes: UInt64, known: [UInt64], on kernel: HostKernel
  ) -> Diagnostic {
    Diagnostic(
      noSuchHugePages,
      "the host's kernel has no huge pages of \(byteSizeText(bytes)): its pages are of "
        + byteSizeText(kernel.pageBytes),
      at: region.span, notes: [.init("the kernel is described here", kernel.span)],
      help: "use \(known.map(byteSizeText).joined(separator: ", ")), or leave 'hugepages' out")
  }
}

extension PlannerDiagnostics {
  /// A range of bytes as first and last address.
  static func range(_ start: UInt64, _ size: UInt64) -> String {
    "\(hexText(start))-\(hexText(start &+ (size &- 1)))"
  }

  /// `'a'`, `'a' and 'b'`, `'a', 'b' and 12 more`.
  static func list(_ names: [String], cap: Int = 3) -> String {
    names.isEmpty ? "none" : sentenceList(names.prefix(cap).map(quote), of: names.count)
  }

  /// The user's text in quotes, cut if it is long, without control characters.
  static func quote(_ text: String) -> String { QuotedText.quote(text) }

  /// A help line that proposes the known word nearest to a wrong one; `nil` if none is near.
  static func suggestion(for name: String, among known: [String]) -> String? {
    Spelling.nearest(to: name, among: known).map { "did you mean \(quote($0))?" }
  }
}
