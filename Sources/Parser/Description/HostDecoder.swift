/// Reads a host description out of a tree; independent of the VM's, so both can run at once.
struct HostDecoder: DocumentDecoder {
  static let kind = DocumentKind.host
  private let tree: YAMLTree
  private(set) var decoder: NodeDecoder

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
  }

  mutating func document() -> HostDescription {
    let (root, head) = (tree.root, tree.headSpan(of: tree.root))
    var host = HostDescription(name: "", kernel: .unstated(at: head), nameSpan: head)
    _ = decoder.reading(HostKeys.document) { $0.read(root, into: &host, &$1) }
    settleVirtualFunctions(of: &host)
    checkPages(of: host)
    return host
  }

  /// A virtual function has the fact of its physical function, whatever is stated of itself.
  private mutating func settleVirtualFunctions(of host: inout HostDescription) {
    let devices = host.devices
    let virtualFunctions = devices.indices.filter { devices[$0].physicalFunction != nil }
    if virtualFunctions.isEmpty { return }
    let positions = Dictionary(
      devices.indices.lazy.map { (devices[$0].address, $0) }, uniquingKeysWith: { one, _ in one })
    for index in virtualFunctions {
      let device = devices[index]
      guard let place = device.physicalFunction.flatMap({ positions[$0] }), place != index,
        devices[place].noSnoopCapable != device.noSnoopCapable
      else { continue }
      let physical = devices[place]
      if device.noSnoopCapable != .unknown {
        decoder.report(
          ParserDiagnostics.contradiction(device, of: physical, at: device.$noSnoopCapable))
      }
      host.devices[index].noSnoopCapable = physical.noSnoopCapable
      host.devices[index].noSnoopSource =
        "physical function \(physical.address)"
        + (physical.noSnoopSource.map { ": " + $0 } ?? "")
    }
  }

  /// Reports pages that the kernel's CPUs don't have.
  private mutating func checkPages(of host: HostDescription) {
    let known = host.architecture?.pageSizes ?? [4 << 10, 16 << 10, 64 << 10]
    guard let bytes = host.kernel.statedPageBytes, host.kernel.processor.architecture != .other,
      !known.contains(bytes)
    else { return }
    decoder.report(
      ParserDiagnostics.noSuchPages(
        bytes, known: known, architecture: host.architecture, at: host.kernel.$statedPageBytes))
  }
}
