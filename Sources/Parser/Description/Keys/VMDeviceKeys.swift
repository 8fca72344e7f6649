extension VMKeys {
  /// A device as a description names it.
  public static let device: KeyTable<AssignedDevice<DeviceReference>> = KeyTable(
    "a device", [name()] + places + intents() + [expected] + drivers()
  ) { device, reader, decoder in
    guard reader.count(of: placeKeys) > 1 else { return true }
    decoder.report(ParserDiagnostics.severalPlaces(at: device.span))
    return false
  }

  private static let placeKeys: UInt64 = device.mask(of: ["address", "path", "match"])

  /// Writes a device as a plan file has it; not generic, so that another module does not run it
  /// unspecialised.
  public static func write(_ subject: ResolvedDevice, to writer: inout JSONWriter) {
    foundDevice.write(subject, to: &writer)
  }

  /// What two plan files say differently of a device, besides some keys; not generic, as above.
  public static func differences(
    from before: ResolvedDevice?, to after: ResolvedDevice?, besides names: [String]
  ) -> [(key: String, before: String?, after: String?)] {
    foundDevice.differences(from: before, to: after, besides: names)
  }

  /// A device as a plan file has it: by its address.
  private static let foundDevice = KeyTable<ResolvedDevice>(
    "a device",
    [
      name(),
      Key(
        "address", AddressForm(), "", get: { $0.place }, put: { ($0.place, $0.$place) = ($1, $2) }
      ).required(),
    ] + intents() + drivers())

  private static func name<Place>() -> Key<AssignedDevice<Place>> {
    Key(
      "name", NameForm(what: "a device name"),
      "The user's name for the device, unique in the file.", get: { $0.name },
      put: { device, name, span in
        device.name = name
        device.standsAt(span)
      }
    ).required()
  }

  private static let places: [Key<AssignedDevice<DeviceReference>>] = [
    Key(
      "path", PathForm(),
      "In place of an address: the way from the root bus over bridges, which stays when buses are "
        + "numbered anew.", get: { $0.place.path }, put: { ($0.place, $0.$place) = (.path($1), $2) }
    ),
    Key(
      "match", MappingForm(table: match) { Match(wanted: DeviceExpectation(span: $0)) },
      "In place of an address: what the device is, and which one of several in order of "
        + "addresses, counted from 0.", get: { $0.place.match },
      put: { ($0.place, $0.$place) = (.match($1.wanted, index: $1.index), $2) }),
    Key(
      "address", PlaceForm(),
      "Where the device is on the host; without a function, all functions of the slot, each a "
        + "device NAME.F.", get: { $0.place.address }, put: { ($0.place, $0.$place) = ($1, $2) }
    ).required(unless: "path", "match"),
  ]

  /// A plan file has none: it has what was found.
  private static let expected = Key<AssignedDevice<DeviceReference>>(
    "expect", MappingForm(table: expectation) { DeviceExpectation(span: $0) },
    "What the host's device at the address has to be.", get: { $0.expected },
    set: { $0.expected = $1 })

  private static func intents<Place>() -> [Key<AssignedDevice<Place>>] {
    [
      Key(
        "noSnoop", WordForm("no-snoop intent", of: NoSnoopIntent.self),
        "What is wanted of the device's no-snoop DMA. Default: auto.",
        get: { $0.noSnoop == .auto ? nil : $0.noSnoop },
        put: { ($0.noSnoop, $0.$noSnoop) = ($1, $2) }
      ),
      Key(
        "addressSpace", NameForm(what: "an address space name"),
        "The address space that its DMA goes to. Default: gpa, guest-physical memory.",
        get: { $0.addressSpace == VMDescription.guestPhysicalSpace ? nil : $0.addressSpace },
        put: { ($0.addressSpace, $0.$addressSpace) = ($1, $2) }
      ),
    ]
  }

  private static func drivers<Place>() -> [Key<AssignedDevice<Place>>] {
    [
      Key(
        "driver", NameForm(what: "a driver's name"),
        "The VFIO driver it is given to. Default: vfio-pci, or the VFIO driver that has it.",
        get: { $0.driver }, put: { ($0.driver, $0.$driver) = ($1, $2) }),
      Key(
        "vfToken", TokenForm(),
        "The UUID that opens a virtual function whose physical function is on vfio-pci.",
        get: { $0.vfToken }, put: { ($0.vfToken, $0.$vfToken) = ($1, $2) }),
      Key(
        "managed", FlagForm(),
        "Whether libvirt changes the device's driver, as managed='yes' has it do.",
        get: { $0.managed }, set: { $0.managed = $1 }),
    ]
  }
}

// MARK: - What a device is

extension VMKeys {
  /// What a device is selected by.
  struct Match: Equatable, Expecting {
    var wanted: DeviceExpectation
    var index: Int?
  }

  private static let expectation = KeyTable<DeviceExpectation>(
    "what a device has to be", identity())

  private static let match = KeyTable<Match>(
    "what a device is selected by",
    identity() + [
      Key(
        "index", NumberForm<Int>("a position among devices", in: 0...UInt64(Int32.max)),
        "Which one of several, in order of addresses from 0. Left out: it has to be the only one.",
        get: { $0.index }, set: { $0.index = $1 })
    ])

  /// The keys that tell devices apart.
  private static func identity<Subject: Expecting>() -> [Key<Subject>] {
    [
      Key(
        "vendor", DeviceForms.vendor, "Its vendor's number.",
        get: { $0.wanted.vendor }, set: { $0.wanted.vendor = $1 }),
      Key(
        "device", DeviceForms.device, "Its number among its vendor's devices.",
        get: { $0.wanted.device }, set: { $0.wanted.device = $1 }),
      Key(
        "class", DeviceForms.classCode, "Its class code.",
        get: { $0.wanted.classCode }, set: { $0.wanted.classCode = $1 }),
      Key(
        "subsystem", SubsystemForm(), "Its card's or board's ids.",
        get: { $0.wanted.subsystem }, set: { $0.wanted.subsystem = $1 }),
      Key(
        "group", DeviceForms.group,
        "The number of its IOMMU group; it may change from boot to boot.",
        get: { $0.wanted.group }, set: { $0.wanted.group = $1 }),
    ]
  }
}

/// What says what a device has to be.
private protocol Expecting: Sendable {
  /// What it has to be.
  var wanted: DeviceExpectation { get set }
}

extension DeviceExpectation: Expecting {
  /// Itself.
  fileprivate var wanted: DeviceExpectation {
    get { self }
    set { self = newValue }
  }
}

extension DeviceReference {
  /// Itself if it is an address or a slot.
  fileprivate var address: DeviceReference? { path == nil && match == nil ? self : nil }

  fileprivate var path: PCIPath? { if case .path(let path) = self { path } else { nil } }

  fileprivate var match: VMKeys.Match? {
    guard case .match(let wanted, let index) = self else { return nil }
    return VMKeys.Match(wanted: wanted, index: index)
  }
}

extension AssignedDevice {
  /// Puts everything at a place, as long as nothing else is known.
  fileprivate mutating func standsAt(_ span: SourceSpan) {
    ($name, $place, $driver, $vfToken, $noSnoop, $addressSpace) = (
      span, span, span, span, span, span
    )
  }
}
