/// Reads configurations of other programs as VM descriptions, with places in the original.
public enum ImportReader {
  /// The largest file that is not XML, in bytes; a command line is half as long at most.
  private static let maximumBytes = 4 << 20

  /// What kind of configuration a file is; `nil` if it is a document of ours, or nothing that is
  /// known.
  ///
  /// Descriptions say in their first lines what they are, which is all that is looked at then.
  public static func kind(of file: SourceFile) -> VMMClause.Kind? {
    let bytes = file.bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? file.bytes[3...] : file.bytes[...]
    let first = bytes.first { ![9, 10, 13, 32].contains($0) }
    if first == UInt8(ascii: "<") { return .libvirt }
    if holds(bytes, DescriptionReader.versionKey) || bytes.count > maximumBytes {
      return nil
    }
    if first == UInt8(ascii: "{") { return isRequest(file) ? .cloudHypervisor : nil }
    if ReadConfig.recognizes(file) { return .qemu }
    if !bytes.contains(0), ProxmoxImport.recognizes(file) { return .proxmox }
    return kindOfCommand(in: file, bytes)
  }

  /// Whether a file holds a domain of libvirt, by a quick look.
  public static func isDomain(_ file: SourceFile) -> Bool { holds(file.bytes[...], "<domain") }

  private static func kindOfCommand(
    in file: SourceFile, _ bytes: ArraySlice<UInt8>
  ) -> VMMClause.Kind? {
    let words = ["qemu", "kvm", "cloud-hypervisor", "vfio-pci", "--device"]
    guard words.contains(where: { holds(bytes, $0) }) else { return nil }
    let isKnown = { QEMUImport.isProgram($0) || CloudHypervisorImport.isProgram($0) }
    guard let line = try? CommandLine.find(in: file, where: isKnown) else {
      // A script that can't be read is one all the same.
      if holds(bytes, "qemu-system-") { return .qemu }
      return holds(bytes, "cloud-hypervisor ") ? .cloudHypervisor : nil
    }
    if let program = line.program?.text.split(separator: "/").last {
      return QEMUImport.isProgram(program) ? .qemu : .cloudHypervisor
    }
    let arguments = line.arguments.map(\.text)
    if arguments.contains(where: { $0.contains("vfio-pci") }) { return .qemu }
    return arguments.contains { $0.hasPrefix("--device") } ? .cloudHypervisor : nil
  }

  private static func isRequest(_ file: SourceFile) -> Bool {
    var sink = DiagnosticSink()
    guard let tree = try? DescriptionReader.tree(of: file, into: &sink) else { return false }
    return CloudHypervisorImport.recognizes(tree)
  }

  private static func holds(_ bytes: ArraySlice<UInt8>, _ text: String) -> Bool {
    let wanted = Array(text.utf8)
    return bytes.withUnsafeBufferPointer { bytes in
      guard bytes.count >= wanted.count else { return false }
      return (0...bytes.count - wanted.count).contains { start in
        bytes[start] == wanted[0] && wanted.indices.allSatisfy { bytes[start + $0] == wanted[$0] }
      }
    }
  }

  /// Reads a configuration of a kind; its warnings, or all findings if it can't be read, go to the
  /// sink.
  ///
  /// `fileAddress` says of which device an open file is, by its number.
  public static func vm(
    _ file: SourceFile, from kind: VMMClause.Kind, fileAddress: ((String) -> BDF?)? = nil,
    into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> ImportedVM {
    var draft = ImportDraft(kind, file)
    draft.fileAddress = fileAddress
    do throws(DiagnosticsError) {
      guard kind == .libvirt || file.bytes.count <= maximumBytes else {
        throw DiagnosticsError([ImportDiagnostics.tooLarge(file.id, maximumBytes)])
      }
      switch kind {
      case .libvirt: try LibvirtImport.read(&draft)
      case .qemu: try QEMUImport.read(&draft)
      case .cloudHypervisor: try CloudHypervisorImport.read(&draft)
      case .proxmox: try ProxmoxImport.read(&draft)
      }
      let imported = try draft.finished()
      sink.report(imported.warnings)
      return imported
    } catch {
      sink.report(error.diagnostics)
      throw error
    }
  }

  /// Says so if a tree is a VM of KubeVirt, which has no addresses.
  public static func clusterFinding(_ tree: YAMLTree) -> Diagnostic? {
    guard tree.kind(of: tree.root) == .mapping,
      let version = tree.value(of: "apiVersion", in: tree.root),
      tree.string(of: version).hasPrefix("kubevirt.io/")
    else { return nil }
    var names: [String] = []
    var places = [tree.root]
    let path: [StaticString] = ["spec", "template", "domain", "devices", "hostDevices", "gpus"]
    // A VirtualMachine has the instance's `spec` in its template.
    while let place = places.popLast() {
      for key in path {
        guard let node = tree.value(of: key, in: place) else { continue }
        if tree.kind(of: node) == .mapping { places.append(node) }
        names += resources(tree, node)
      }
    }
    return ImportDiagnostics.cluster(names, at: tree.headSpan(of: version))
  }

  private static func resources(_ tree: YAMLTree, _ node: YAMLTree.Node) -> [String] {
    guard tree.kind(of: node) == .sequence else { return [] }
    return tree.children(of: node).compactMap { item in
      guard tree.kind(of: item) == .mapping, let name = tree.value(of: "deviceName", in: item),
        tree.kind(of: name) == .scalar
      else { return nil }
      return QuotedText.quote(tree.string(of: name))
    }
  }
}
