extension VMKeys {
  /// A range of guest-physical memory.
  public static let region = KeyTable<MemoryRegion>(
    "a memory region",
    [
      Key(
        "gpa", PagesForm(kind: .address), "First guest-physical address.", get: { $0.gpa },
        set: { $0.gpa = $1 }
      ).required(),
      Key(
        "size", PagesForm(kind: .size), "Length; a positive multiple of 4 KiB.",
        get: { $0.size }, set: { $0.size = $1 }
      ).required(),
      Key(
        "hugepages", PagesForm(kind: .hugePage), "Size of the huge pages that back the region.",
        get: { $0.hugePageBytes }, set: { $0.hugePageBytes = $1 }),
      Key(
        "populate", WordForm("way to populate memory", of: MemoryRegion.Population.self),
        "When its pages are taken from the host: when they are needed (lazy, the default), or all "
          + "at once (eager).", get: { $0.population == .lazy ? nil : $0.population },
        set: { $0.population = $1 }
      ).saying(MemoryRegion.Population.lazy.rawValue),
    ]
  ) { region, reader, decoder in
    let size = reader.span("size", in: decoder.tree) ?? region.span
    PagesForm.checkEnd(of: region.gpa, region.size, "guest-physical", size, &decoder)
    if let hugePage = region.hugePageBytes, region.size % hugePage != 0 {
      decoder.report(ParserDiagnostics.hugePageMultiple(region.size, hugePage, at: size))
    }
    return true
  }

  /// An address space of devices.
  public static let space = KeyTable<AddressSpace>(
    "an address space", keepsIncomplete: true,
    [
      Key(
        "name",
        NameForm(
          what: "an address space name",
          ownSchema: {
            .object([
              .init(
                "allOf",
                .list([
                  .reference("name"),
                  .object([.init("not", .object([.init("const", .text("gpa"))]))]),
                ]))
            ])
          }), "Its name, by which devices refer to it; gpa is built in.", get: { $0.name },
        put: { ($0.name, $0.$name) = ($1, $2) }
      ).required(),
      Key(
        "memory",
        MappingsForm(table: window, what: "a list of windows", isNeverEmpty: true) {
          AddressSpace.Window(iova: 0, gpa: 0, size: 0, span: $0)
        }, "Its windows: which I/O virtual addresses reach which guest memory.",
        get: { $0.windows }, set: { $0.windows = $1 }
      ).required(),
    ]
  ) { space, _, decoder in
    if space.name == VMDescription.guestPhysicalSpace {
      decoder.report(ParserDiagnostics.reservedSpaceName(at: space.$name))
    }
    return true
  }

  /// What of an address space reaches guest memory.
  public static let window = KeyTable<AddressSpace.Window>(
    "a window",
    [
      Key(
        "iova", PagesForm(kind: .address), "First I/O virtual address.", get: { $0.iova },
        set: { $0.iova = $1 }
      ).required(),
      Key(
        "gpa", PagesForm(kind: .address), "First guest-physical address it reaches.",
        get: { $0.gpa }, set: { $0.gpa = $1 }
      ).required(),
      Key(
        "size", PagesForm(kind: .size), "Length; a positive multiple of 4 KiB.",
        get: { $0.size }, set: { $0.size = $1 }
      ).required(),
    ]
  ) { window, reader, decoder in
    let size = reader.span("size", in: decoder.tree) ?? window.span
    PagesForm.checkEnd(of: window.iova, window.size, "I/O virtual", size, &decoder)
    PagesForm.checkEnd(of: window.gpa, window.size, "guest-physical", size, &decoder)
    return true
  }
}
