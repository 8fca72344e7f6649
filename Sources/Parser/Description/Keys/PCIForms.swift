/// A PCI address.
struct AddressForm: ValueForm {
  var schema: JSONSchema { .reference("address") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> BDF? { decoder.bdf(node) }
  func write(_ address: BDF, to writer: inout JSONWriter) { writer.string(address) }
  func yaml(_ address: BDF) -> String { "\"\(address)\"" }
  func shown(_ address: BDF) -> String { address.description }
}

/// Where a VM's device is: a PCI address, or a slot with all of its functions.
struct PlaceForm: ValueForm {
  var schema: JSONSchema { .reference("place") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> DeviceReference? {
    decoder.reference(node)
  }

  func write(_ place: DeviceReference, to writer: inout JSONWriter) {
    writer.string(place.description)
  }

  func yaml(_ place: DeviceReference) -> String { "\"\(place)\"" }
}

/// A token of virtual functions.
struct TokenForm: ValueForm {
  var schema: JSONSchema {
    .pattern("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
  }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> VFToken? {
    decoder.vfToken(node)
  }

  func write(_ token: VFToken, to writer: inout JSONWriter) { writer.string(token.description) }
  func yaml(_ token: VFToken) -> String { "\"\(token)\"" }
}

/// A path to a PCI device.
struct PathForm: ValueForm {
  var schema: JSONSchema { .pattern(Definitions.path) }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> PCIPath? { decoder.path(node) }
  func write(_ path: PCIPath, to writer: inout JSONWriter) { writer.string(path.description) }
  func yaml(_ path: PCIPath) -> String { "\"\(path)\"" }
}

/// The ids of a card or board.
struct SubsystemForm: ValueForm {
  var schema: JSONSchema { .reference("subsystem") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> PCISubsystem? {
    decoder.subsystem(node)
  }

  func write(_ ids: PCISubsystem, to writer: inout JSONWriter) { writer.string(ids.description) }
  func yaml(_ ids: PCISubsystem) -> String { "\"\(ids)\"" }
  func shown(_ ids: PCISubsystem) -> String { ids.description }
}
