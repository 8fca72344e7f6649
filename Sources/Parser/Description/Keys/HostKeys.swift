/// The keys of a host's file, but for those of its devices.
public enum HostKeys {
  /// A whole file.
  static let document = KeyTable<HostDescription>(
    "a host description", keepsIncomplete: true,
    FileKeys.head(of: "Host") + [
      Key(
        "name", TextForm(what: "the host's name"), "The machine's name.", get: { $0.name },
        put: { host, name, span in
          (host.name, host.$name) = (name, span)
          host.kernel = .unstated(at: span)
        }
      ).required(),
      Key(
        "kernel", MappingForm(table: kernel) { .unstated(at: $0) },
        "What the running kernel is and has.", get: { $0.kernel }, set: { $0.kernel = $1 }),
      Key(
        "memory", MappingForm(table: memory) { HostMemory(at: $0) },
        "How much memory the host has: 'vfioplan check' compares it with what all VMs take "
          + "together.", get: { $0.memory.isKnown ? $0.memory : nil }, set: { $0.memory = $1 }),
      Key(
        "iommus",
        MappingsForm(table: unit, what: "a list of IOMMUs") { HostIOMMU(name: "", span: $0) },
        "The IOMMU units.", get: { $0.iommus }, set: { $0.iommus = $1 }),
      Key(
        "devices",
        MappingsForm(table: device, what: "a list of devices") {
          HostDevice(address: .zero, span: $0)
        }, "The PCI devices.", get: { $0.devices }, set: { $0.devices = $1 }
      ).required(),
    ])

  /// The JSON Schema of a file, as it lies in schemas/.
  public static var schema: String {
    JSONSchema.file(
      "host", "vfioplan host description",
      "What a machine has: its kernel's interfaces, its IOMMU units and its PCI devices.",
      document.schema
    ).fileText
  }

  /// How much memory there is.
  public static let memory = KeyTable<HostMemory>(
    "the host's memory",
    [
      Key(
        "size", BytesForm(what: "a size"), "All of it; left out: unknown.", get: { $0.bytes },
        set: { $0.bytes = $1 }),
      Key(
        "hugepages",
        MappingsForm(table: pool, what: "a list of pools") { _ in
          HostMemory.Pool(pageBytes: 0, count: 0)
        },
        "The pools of huge pages, with what they may grow by; left out: unknown, which is not "
          + "none.",
        get: { $0.pools }, set: { $0.pools = $1 }),
    ])

  private static let pool = KeyTable<HostMemory.Pool>(
    "a pool of huge pages",
    [
      Key(
        "size", BytesForm(what: "a huge page size"), "How large a page is.",
        get: { $0.pageBytes }, set: { $0.pageBytes = $1 }
      ).required(),
      Key(
        "count", NumberForm("a number of pages", in: 0...UInt64(UInt32.max)),
        "How many there are.", get: { $0.count }, set: { $0.count = $1 }
      ).required(),
    ])

  /// An IOMMU unit.
  public static let unit = KeyTable<HostIOMMU>(
    "an IOMMU", keepsIncomplete: true,
    [
      Key(
        "name", TextForm(what: "an IOMMU's name"), "As in /sys/class/iommu.", get: { $0.name },
        put: { ($0.name, $0.span) = ($1, $2) }
      ).required(),
      Key(
        "type", TextForm(what: "a type of IOMMU"), "The kind of unit, for example intel-vtd.",
        get: { $0.type }, set: { $0.type = $1 }
      ).required().pinned(),
      Key(
        "enforceSnoop", FactForm(), "Whether it can enforce snoop; unknown counts as false.",
        get: { $0.enforceSnoop }, put: { ($0.enforceSnoop, $0.$enforceSnoop) = ($1, $2) }
      ).pinned(Pin.ifStated),
      Key(
        "isolatedMSI", FlagForm(),
        "Whether it keeps devices from sending interrupts that are not theirs. Left out: true.",
        get: { $0.isolatedMSI }, set: { $0.isolatedMSI = $1 }
      ).pinned(),
      Key(
        "addressBits", NumberForm("a number of address bits", in: 1...64),
        "How many bits I/O virtual addresses have. Left out: 48.", get: { $0.addressBits },
        set: { $0.addressBits = $1 }
      ).pinned(),
      Key(
        "pageSizes", PageSizesForm(),
        "The sizes of pages that its tables have. Left out: 4KiB alone.", get: { $0.pageSizes },
        set: { $0.pageSizes = $1 }
      ).pinned(),
      Key(
        "cap", NumberForm("a capability register", upTo: .max, "quantity"),
        "Intel's capability register.", get: { $0.cap }, set: { $0.cap = $1 }
      ).pinned(Pin.ifBothSay),
      Key(
        "ecap", NumberForm("an extended capability register", upTo: .max, "quantity"),
        "Intel's extended capability register.", get: { $0.ecap }, set: { $0.ecap = $1 }
      ).pinned(Pin.ifBothSay),
      Key(
        "features", NumberForm("extended features", upTo: .max, "quantity"),
        "AMD's extended features.", get: { $0.features }, set: { $0.features = $1 }
      ).pinned(Pin.ifBothSay),
      Key(
        "canwbs", StatementForm(),
        "Whether an Arm machine's firmware says CANWBS of it (IORT).", get: { $0.canwbs.ifKnown },
        set: { $0.canwbs = $1 }
      ).pinned(Pin.ifBothSay),
      Key(
        "pageTables", WordForm("format of page tables", of: HostIOMMU.TableFormat.self),
        "The format that AMD's driver was told to use.", get: { $0.pageTables },
        set: { $0.pageTables = $1 }
      ).pinned(Pin.ifBothSay),
      Key(
        "firstStage", StatementForm(),
        "Whether user domains get first-stage tables unless they ask for others (Intel's scalable "
          + "mode).", get: { $0.firstStage.ifKnown }, set: { $0.firstStage = $1 }
      ).pinned(Pin.ifBothSay),
    ]
  ) { unit, _, decoder in
    let known = HostIOMMU.snoopControl(in: unit.ecap)
    if unit.type == HostIOMMU.intel, known != .unknown, unit.enforceSnoop != .unknown,
      unit.enforceSnoop != known
    {
      decoder.report(ParserDiagnostics.contradiction(unit, at: unit.$enforceSnoop))
    }
    return true
  }
}

extension Fact {
  /// Itself if it is known.
  fileprivate var ifKnown: Fact? { self == .unknown ? nil : self }
}
