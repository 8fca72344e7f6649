/// The keys of a policy.
public enum PolicyKeys {
  static let document = KeyTable<Policy>(
    "a policy", keepsIncomplete: true,
    FileKeys.head(of: "Policy") + [
      Key(
        "intents",
        MappingsForm(table: row, what: "a list of rows", most: 1000) {
          Policy.Row(DevicePattern(), .allowed, place: "", span: $0)
        },
        "The first row that fits a device decides what 'auto' becomes for it, before the built-in "
          + "table. Keys that are left out fit any device.", get: { $0.rows },
        set: { $0.rows = $1 }),
      Key(
        "require", RequirementsForm(), "What every plan has to keep.", get: { $0.requirements },
        set: { $0.requirements = $1 }),
    ])

  /// The JSON Schema of a policy, as it lies in schemas/.
  public static var schema: String {
    JSONSchema.file(
      "policy", "vfioplan policy",
      "What 'noSnoop: auto' is to mean for the VMs of a site, and what every plan has to keep.",
      document.schema
    ).fileText
  }

  /// What `auto` becomes for some devices.
  public static let row = KeyTable<Policy.Row>(
    "a row of intents",
    [
      Key(
        "vendor", DeviceForms.vendor, "The device's vendor.", get: { $0.devices.vendor },
        set: { $0.devices.vendor = $1 }),
      Key(
        "device", DeviceForms.device, "Its number among the vendor's devices.",
        get: { $0.devices.device }, set: { $0.devices.device = $1 }),
      Key(
        "class", ClassPatternForm(),
        "A class code, 24 bits; with 'xx' or 'xxxx' at its end all that begin alike.",
        get: { $0.devices.classCode }, set: { $0.devices.classCode = $1 }),
      Key(
        "subsystem", SubsystemForm(), "The ids of the card or board a device is part of.",
        get: { $0.devices.subsystem }, set: { $0.devices.subsystem = $1 }),
      Key(
        "bus", NumberForm<UInt8>("a bus number", upTo: 0xff, digits: 2),
        "The PCI bus, in any domain; as text if it is hexadecimal.", get: { $0.devices.bus },
        set: { $0.devices.bus = $1 }),
      Key(
        "noSnoop",
        WordForm("no-snoop intent", NoSnoopIntent.allCases.filter { $0 != .auto }),
        "What 'auto' becomes; where that can't be had, or the VM's description says otherwise, it "
          + "is 'allowed'.", get: { $0.intent }, set: { $0.intent = $1 }
      ).required(),
      Key(
        "reason", TextForm(what: "a reason"), "Why; shown in reports.", get: { $0.reason },
        set: { $0.reason = $1 }),
      Key(
        "place", TextForm(what: "the place of a row"),
        "Where the row was written, for reports. Default: the name of the file and the line.",
        get: { $0.place }, set: { $0.place = $1 }),
    ])
}

/// A class code, or all that begin with the same bytes.
private struct ClassPatternForm: ValueForm {
  var schema: JSONSchema {
    .either([
      .integer(0...0xff_ffff),
      .pattern("^0x(0*[0-9a-fA-F]{1,6}|[0-9a-fA-F]{2}xxxx|[0-9a-fA-F]{4}xx)$"),
    ])
  }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> ClassPattern? {
    if decoder.tree.kind(of: node) == .scalar,
      let pattern = decoder.tree.withText(of: node, { ClassPattern(utf8: $0) })
    {
      return pattern
    }
    let code = decoder.number(
      node, "a class code such as '0x030000' or '0x03xxxx'", in: 0...0xff_ffff)
    return code.map { ClassPattern(UInt32(truncatingIfNeeded: $0)) }
  }

  func write(_ pattern: ClassPattern, to writer: inout JSONWriter) {
    writer.string(pattern.description)
  }

  func yaml(_ pattern: ClassPattern) -> String { pattern.description }
}

/// A list of requirements by name.
private struct RequirementsForm: ValueForm {
  private let known = WordList("requirement", Requirement.named.map { ($0.name, $0.what) })

  var schema: JSONSchema { .array(of: .words(known.names)) }

  func read(
    _ node: YAMLTree.Node, _ decoder: inout NodeDecoder
  ) -> [Policy.StatedRequirement]? {
    let items = decoder.list(node, "a list of requirements")
    let tree = decoder.tree
    return items?.compactMap { item in
      decoder.word(item, known).map { Policy.StatedRequirement($0, span: tree.span(of: item)) }
    }
  }

  func write(_ stated: [Policy.StatedRequirement], to writer: inout JSONWriter) {
    writer.beginArray()
    for requirement in stated { writer.string(requirement.what.name) }
    writer.endArray()
  }

  func yaml(_ stated: [Policy.StatedRequirement]) -> String {
    "[" + stated.map(\.what.name).joined(separator: ", ") + "]"
  }
}
