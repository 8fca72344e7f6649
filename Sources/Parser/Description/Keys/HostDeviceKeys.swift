extension HostKeys {
  /// Writes a device as JSON; not generic, so that another module does not run it unspecialised.
  public static func write(_ subject: HostDevice, to writer: inout JSONWriter) {
    device.write(subject, to: &writer)
  }

  /// A PCI device.
  public static let device = KeyTable<HostDevice>(
    "a host device", identity + drivers + relations + memoryKeys)

  private static let identity: [Key<HostDevice>] = [
    Key(
      "address", AddressForm(), "Its address.", get: { $0.address },
      put: { ($0.address, $0.span) = ($1, $2) }
    ).required(),
    Key(
      "vendor", DeviceForms.vendor,
      "Its vendor's number.", get: { $0.vendor }, set: { $0.vendor = $1 }
    ).pinned(ofAssigned: true),
    Key(
      "device", DeviceForms.device,
      "Its number among its vendor's devices.", get: { $0.device }, set: { $0.device = $1 }
    ).pinned(ofAssigned: true),
    Key(
      "class", DeviceForms.classCode,
      "Its class code.", get: { $0.classCode }, set: { $0.classCode = $1 }
    ).pinned(),
    Key(
      "subsystem", SubsystemForm(), "Its card's or board's ids; left out if unknown.",
      get: { $0.subsystem }, set: { $0.subsystem = $1 }
    ).pinned(Pin.ifSaidAndStated, ofAssigned: true).saying("unknown"),
  ]

  private static let drivers: [Key<HostDevice>] = [
    Key(
      "iommu", TextForm(what: "an IOMMU's name"), "The unit it sits behind; left out if none.",
      get: { $0.iommu }, set: { $0.iommu = $1 }
    ).pinned(Pin.ifSaved, ofAssigned: true),
    Key(
      "group", DeviceForms.group,
      "Its IOMMU group; left out if none.", get: { $0.group }, set: { $0.group = $1 }
    ).pinned(),
    Key(
      "driver", NameForm(what: "a driver's name", ownSchema: { .pattern(Definitions.name) }),
      "The driver that has it; left out if none.", get: { $0.driver }, set: { $0.driver = $1 }
    ).pinned(),
    Key(
      "vfioDriver", StatementForm(),
      "Whether the driver that has it is one of VFIO's; left out, its name tells.",
      get: { $0.vfioDriver == .unknown ? nil : $0.vfioDriver }, set: { $0.vfioDriver = $1 }),
    Key(
      "noIOMMU", FlagForm(),
      "Whether VFIO gives it away although no IOMMU holds it back (enable_unsafe_noiommu_mode): no "
        + "VM can use it. Left out, it does not.", get: { $0.isUnprotected ? true : nil },
      set: { $0.isUnprotected = $1 }),
  ]

  private static let relations: [Key<HostDevice>] = [
    Key(
      "physicalFunction", AddressForm(), "The function that this one is a virtual function of.",
      get: { $0.physicalFunction }, set: { $0.physicalFunction = $1 }
    ).pinned(Pin.ifSaid, ofAssigned: true),
    Key(
      "behind", AddressForm(),
      "The device without whose driver this one would not be there, such as Intel's VMD.",
      get: { $0.behind }, set: { $0.behind = $1 }
    ).pinned(Pin.ifSaid, ofAssigned: true),
    Key(
      "path", PathForm(), "Its way from the root bus over bridges; left out if it is the address.",
      get: { $0.path }, set: { $0.path = $1 }
    ).following("class"),
    Key(
      "noSnoopCapable", FactForm(),
      "Whether it may emit no-snoop requests; unknown, the default, counts as true.",
      get: { $0.noSnoopCapable }, put: { ($0.noSnoopCapable, $0.$noSnoopCapable) = ($1, $2) }
    ).pinned(Pin.ifStillSaid, ofAssigned: true),
    Key(
      "noSnoopSource", TextForm(what: "where the fact comes from"),
      "Where that fact comes from, for people.", get: { $0.noSnoopSource },
      set: { $0.noSnoopSource = $1 }
    ).commenting(on: "noSnoopCapable"),
  ]

  private static let memoryKeys: [Key<HostDevice>] = [
    Key(
      "reserved",
      MappingsForm(
        table: reserved, what: "a list of reserved regions",
        element: { "\(hexText($0.start))-\(hexText($0.end)) \($0.kind.rawValue)" },
        empty: { ReservedRegion(start: 0, end: 0, kind: .reserved, span: $0) }),
      "I/O virtual addresses that it must not use.",
      get: { $0.reserved.isEmpty ? nil : $0.reserved }, set: { $0.reserved = $1 }
    ).pinned().saying("[]"),
    Key(
      "bars",
      MappingsForm(
        table: bar, what: "a list of BARs",
        element: { "\($0.index): \(hexText($0.size)) of \($0.bits) bits" },
        empty: { _ in BAR(index: 0, size: 0) }),
      "The windows of its memory (its base address registers), as in sysfs's 'resource': no I/O "
        + "ports, no ROM. Left out: unknown, which is not none.", get: { $0.bars },
      set: { $0.bars = $1.sorted { $0.index < $1.index } }
    ).pinned(Pin.ifBothSay, ofAssigned: true),
  ]

  private static let reserved = KeyTable<ReservedRegion>(
    "a reserved region",
    [
      Key(
        "start", BytesForm(what: "an address", isAddress: true), "The first address.",
        get: { $0.start }, set: { $0.start = $1 }
      ).required(),
      Key(
        "end", BytesForm(what: "an address", isAddress: true),
        "The last address, which belongs to it.", get: { $0.end }, set: { $0.end = $1 }
      ).required(),
      Key(
        "type", WordForm("kind of region", of: ReservedRegion.Kind.self),
        "What the kernel says of it: a mapping that firmware insists on, one that a VM may "
          + "replace, a hole, or the window of interrupts.", get: { $0.kind },
        set: { $0.kind = $1 }
      ).required(),
    ]
  ) { region, reader, decoder in
    if region.start <= region.end { return true }
    let end = reader.span("end", in: decoder.tree) ?? region.span
    decoder.report(
      ParserDiagnostics.reservedOrder(
        at: end, start: reader.span("start", in: decoder.tree) ?? end))
    return false
  }

  private static let bar = KeyTable<BAR>(
    "a BAR",
    [
      Key(
        "index", NumberForm<Int>("a BAR's number", in: 0...5), "The number of its register.",
        get: { $0.index }, set: { $0.index = $1 }
      ).required(),
      Key(
        "size", BytesForm(what: "a size"), "How large the window is.", get: { $0.size },
        set: { $0.size = $1 }
      ).required(),
      Key(
        "prefetchable", FlagForm(), "Whether reads of it may be made ahead. Left out: false.",
        get: { $0.isPrefetchable }, set: { $0.isPrefetchable = $1 }),
      Key(
        "bits", WidthForm(),
        "How wide its address is; left out it counts as 64, which may lie anywhere.",
        get: { $0.is64Bit }, set: { $0.is64Bit = $1 }),
    ])
}
