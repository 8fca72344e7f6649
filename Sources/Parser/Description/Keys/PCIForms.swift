/// A PCI address.
struct AddressForm: ValueForm {
  var schema: JSONSchema { .reference("address") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> BDF? { decoder.bdf(node) }
  func write(_ address: BDF, to writer: inout JSONWriter) { writer.string(address) }
  func yaml(_ address: BDF) -> String { "\"\(address)\"" }
  func shown(_ address: BDF) -> String { address.description }
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
