/// Reads cloud-hypervisor's arguments, or the JSON of its `vm.create`.
struct CloudHypervisorImport {
  private var draft: ImportDraft
  /// What one device has, in either form.
  private struct Device {
    var path, id, fd: SourceWord?
    var span: SourceSpan
  }

  private var isOnIOMMUFD = false

  /// Whether a program is cloud-hypervisor, by the last part of its path.
  static func isProgram(_ name: Substring) -> Bool {
    name.hasPrefix("cloud-hypervisor") || name == "ch-remote"
  }

  /// Whether a tree is the JSON of `vm.create`.
  static func recognizes(_ tree: YAMLTree) -> Bool {
    let root = tree.root
    guard tree.kind(of: root) == .mapping,
      tree.value(of: "apiVersion", in: root) == nil
    else { return false }
    let keys: [StaticString] = ["payload", "cpus", "disks", "net", "rng", "platform", "devices"]
    return keys.contains {
      tree.value(of: $0, in: root).map { tree.kind(of: $0) != .scalar } ?? false
    }
  }

  /// Reads a file into a draft.
  static func read(_ draft: inout ImportDraft) throws(DiagnosticsError) {
    let file = draft.file
    var reader = CloudHypervisorImport(draft: draft)
    reader.draft.deviceStem = "device"
    reader.draft.memory.machine = .cloudHypervisor
    // 512 MiB is the default.
    reader.draft.memory.size = .init(bytes: 512 << 20, span: reader.draft.start)
    if file.bytes.first(where: { ![9, 10, 13, 32].contains($0) }) == UInt8(ascii: "{") {
      var sink = DiagnosticSink()
      reader.read(try DescriptionReader.tree(of: file, into: &sink))
    } else {
      guard let line = try CommandLine.find(in: file, where: isProgram) else {
        throw DiagnosticsError([ImportDiagnostics.unknownKind(of: file)])
      }
      if line.program == nil { reader.draft.memory.size = nil }
      reader.read(line.arguments)
      reader.draft.leave("other VM", .notFirst, count: line.others)
    }
    draft = reader.draft
  }

  private init(draft: ImportDraft) { self.draft = draft }

  private mutating func take(_ device: Device) {
    guard let path = device.path else {
      if let fd = device.fd, let address = draft.fileAddress?(fd.text) {
        return append(address, at: fd.span, device)
      }
      let isRunning = draft.fileAddress != nil
      return draft.sink.report(
        device.fd.map { ImportDiagnostics.fileOnly($0, isRunning: isRunning) }
          ?? ImportDiagnostics.noPlace("the device", at: device.span))
    }
    let last = path.text.split(separator: "/").last.map(String.init) ?? ""
    guard let address = BDF(last) else {
      if ImportDiagnostics.hasVariable(path) {
        return draft.sink.report(ImportDiagnostics.variable(path))
      }
      if VFToken(last) != nil {
        return draft.leave("mediated device", ImportDiagnostics.mediated(last, at: path.span))
      }
      return draft.sink.report(
        ImportDiagnostics.value("the folder of a PCI device in sysfs", path))
    }
    append(address, at: path.span, device)
  }

  private mutating func append(_ address: BDF, at span: SourceSpan, _ device: Device) {
    var one = ImportDraft.Device(
      place: .address(address), isOnIOMMUFD: isOnIOMMUFD, span: device.span, addressSpan: span)
    one.name = device.id?.text
    draft.devices.append(one)
  }

  private mutating func readMemory(_ size: SourceWord?, _ bytes: UInt64?, _ expected: String) {
    guard let size else { return }
    guard let bytes else {
      return draft.sink.report(
        ImportDiagnostics.hasVariable(size)
          ? ImportDiagnostics.variable(size) : ImportDiagnostics.value(expected, size))
    }
    draft.memory.size = .init(bytes: bytes, span: size.span)
  }

  private mutating func readPages(isOn: Bool, _ size: SourceWord?, at span: SourceSpan) {
    guard isOn else { return }
    let bytes = size.flatMap { ImportNumbers.size($0.text, unit: 1) }
    draft.memory.hugePages = .init(bytes: bytes ?? 2 << 20, span: size?.span ?? span)
  }
}

// MARK: - Arguments

extension CloudHypervisorImport {
  private mutating func read(_ words: [SourceWord]) {
    let options = Self.options(words)
    for values in Self.values(of: "platform", options) {
      isOnIOMMUFD = values["iommufd"]?.text == "on" || values["iommufd_fd"] != nil
    }
    for values in Self.values(of: "memory", options) {
      let size = values["size"]
      readMemory(
        size, size.flatMap { ImportNumbers.size($0.text, unit: 1) }, "a size such as '8G'")
      readPages(
        isOn: values["hugepages"]?.text == "on", values["hugepage_size"], at: values.word.span)
      draft.memory.isPopulated = values["prefault"]?.text == "on"
    }
    for values in Self.values(of: "device", options) {
      take(
        Device(
          path: values["path"], id: values["id"], fd: values["fd"], span: values.word.span))
    }
    for (name, noun) in [("disk", "disk"), ("net", "network card"), ("fs", "file system")] {
      draft.leave(noun, .emulated, count: Self.values(of: name, options).count)
    }
    for values in Self.values(of: "vdpa", options) { leaveVDPA(at: values.word.span) }
    draft.leave(
      "device of another process", .emulated, count: Self.values(of: "user-device", options).count)
  }

  private mutating func leaveVDPA(at span: SourceSpan) {
    draft.leave(
      "vDPA device",
      ImportDiagnostics.notTaken(
        "the vDPA device", "vDPA maps the guest's memory by itself", at: span))
  }

  /// Options with all words that follow them: some take several values.
  private static func options(_ words: [SourceWord]) -> [(name: String, values: [SourceWord])] {
    var options: [(name: String, values: [SourceWord])] = []
    for word in words {
      guard word.text.hasPrefix("--") else {
        if let last = options.indices.last { options[last].values.append(word) }
        continue
      }
      guard let mark = word.text.firstIndex(of: "=") else {
        options.append((String(word.text.dropFirst(2)), []))
        continue
      }
      let start = word.text.index(after: mark)
      let value = word.part(start, word.text.endIndex, String(word.text[start...]))
      options.append((String(word.text[..<mark].dropFirst(2)), [value]))
    }
    return options
  }

  private static func values(
    of name: String, _ options: [(name: String, values: [SourceWord])]
  ) -> [OptionValues] {
    options.filter { $0.name == name }.flatMap { $0.values.map { OptionValues($0) } }
  }
}

// MARK: - JSON

extension CloudHypervisorImport {
  private mutating func read(_ tree: YAMLTree) {
    let root = tree.root
    let platform = tree.value(of: "platform", in: root)
    isOnIOMMUFD = Self.text(tree, "iommufd", in: platform)?.text == "true"
    let memory = tree.value(of: "memory", in: root)
    let size = Self.text(tree, "size", in: memory)
    readMemory(size, size.flatMap { UInt64($0.text) }, "a number of bytes")
    if let memory {
      readPages(
        isOn: Self.text(tree, "hugepages", in: memory)?.text == "true",
        Self.text(tree, "hugepage_size", in: memory), at: tree.span(of: memory))
    }
    for node in Self.items(tree, "devices") {
      take(
        Device(
          path: Self.text(tree, "path", in: node), id: Self.text(tree, "id", in: node),
          fd: Self.text(tree, "fd", in: node), span: tree.span(of: node)))
    }
    let others: [(StaticString, String)] = [
      ("disks", "disk"), ("net", "network card"), ("fs", "file system"),
    ]
    for (name, noun) in others {
      draft.leave(noun, .emulated, count: Self.items(tree, name).count)
    }
    for node in Self.items(tree, "vdpa") { leaveVDPA(at: tree.span(of: node)) }
  }

  private static func items(_ tree: YAMLTree, _ name: StaticString) -> [YAMLTree.Node] {
    guard let node = tree.value(of: name, in: tree.root), tree.kind(of: node) == .sequence else {
      return []
    }
    return Array(tree.children(of: node))
  }

  private static func text(
    _ tree: YAMLTree, _ name: StaticString, in node: YAMLTree.Node?
  ) -> SourceWord? {
    guard let node, tree.kind(of: node) == .mapping,
      let value = tree.value(of: name, in: node), tree.kind(of: value) == .scalar,
      !tree.isWrittenNull(value)
    else { return nil }
    return SourceWord(text: tree.string(of: value), span: tree.span(of: value))
  }
}
