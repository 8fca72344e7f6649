/// Reads a VM's file of Proxmox VE, `/etc/pve/qemu-server/NNN.conf`.
struct ProxmoxImport {
  private var draft: ImportDraft
  private var values: [String: SourceWord] = [:]
  /// The keys of devices, in the order that they are started in.
  private static let slots = (0..<16).map { "hostpci\($0)" }

  /// Whether a file looks like one: it has a line `hostpciN:`, or two of other keys that only such
  /// files have.
  static func recognizes(_ file: SourceFile) -> Bool {
    let typical: Set<String> = [
      "scsihw", "net0", "ostype", "smbios1", "vmgenid", "cores", "sockets", "boot", "bios", "agent",
      "onboot", "numa", "balloon", "efidisk0", "memory", "scsi0", "virtio0", "sata0", "ide2",
      "meta",
    ]
    var keys: Set<String> = []
    for line in TextLines(file).prefix(256) {
      guard let pair = pair(line) else { continue }
      if slots.contains(pair.key) { return true }
      if typical.contains(pair.key) { keys.insert(pair.key) }
      if pair.key == DescriptionReader.versionKey { return false }
    }
    return keys.count > 1
  }

  /// Reads a file into a draft.
  static func read(_ draft: inout ImportDraft) throws(DiagnosticsError) {
    let file = draft.file
    var reader = ProxmoxImport(draft: draft)
    reader.draft.deviceStem = "hostpci"
    reader.read(file)
    draft = reader.draft
  }

  private init(draft: ImportDraft) { self.draft = draft }

  private static func pair(_ line: SourceWord) -> (key: String, value: SourceWord)? {
    guard !line.text.hasPrefix("#"), let mark = line.text.firstIndex(of: ":") else { return nil }
    return (String(line.text[..<mark]), line.rest(after: mark))
  }

  private mutating func read(_ file: SourceFile) {
    // A section holds a snapshot, or changes that wait for the next start.
    for line in TextLines(file) {
      if line.text.hasPrefix("[") { break }
      if let pair = Self.pair(line) { values[pair.key] = pair.value }
    }
    draft.name = values["name"]
    readMachine()
    readMemory()
    for slot in Self.slots { values[slot].map { readDevice(slot, $0) } }
    count()
    readArguments()
  }
}

// MARK: - Devices

extension ProxmoxImport {
  private mutating func readDevice(_ key: String, _ word: SourceWord) {
    let options = OptionValues(word)
    if let name = options["mapping"] {
      return draft.sink.report(ImportDiagnostics.mapping(name))
    }
    guard let hosts = options["host"] ?? options.first else {
      return draft.sink.report(ImportDiagnostics.noPlace("'\(key)'", at: word.span))
    }
    if let type = options["mdev"] {
      return draft.leave("mediated device", ImportDiagnostics.mediated(type.text, at: type.span))
    }
    let parts = hosts.text.split(separator: ";", omittingEmptySubsequences: false)
    for (number, part) in parts.enumerated() {
      let host = hosts.part(part.startIndex, part.endIndex, String(part))
      guard let place = DeviceReference(host.text) else {
        draft.sink.report(
          ImportDiagnostics.value("a PCI address such as '0000:01:00' or '0000:01:00.0'", host))
        continue
      }
      var device = ImportDraft.Device(
        place: place, isOnIOMMUFD: false, span: word.span, addressSpan: host.span)
      device.name = parts.count > 1 ? "\(key).\(number)" : key
      draft.devices.append(device)
    }
  }

  /// Counts what is not a device of the host.
  private mutating func count() {
    let kinds: [(stems: [String], noun: String, reason: LeftOut.Reason)] = [
      (
        ["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate", "unused"], "disk",
        .emulated
      ),
      (["net"], "network card", .emulated), (["usb"], "USB device", .otherBus),
      (["serial"], "serial port", .emulated), (["audio"], "sound card", .emulated),
      (["virtiofs"], "file system", .emulated),
    ]
    for (stems, noun, reason) in kinds {
      let count = values.keys.count { key in
        stems.contains { key.hasPrefix($0) && key.dropFirst($0.count).isDecimal }
      }
      draft.leave(noun, reason, count: count)
    }
    if let machine = values["machine"], OptionValues(machine)["viommu"] != nil {
      draft.leave("virtual IOMMU", .virtualIOMMU)
    }
  }
}

// MARK: - Machine, memory, arguments

extension ProxmoxImport {
  private mutating func readMachine() {
    let isArm = values["arch"]?.text == "aarch64"
    let options = values["machine"].map { OptionValues($0) }
    guard let type = options.flatMap({ $0["type"] ?? $0.first }) else {
      draft.memory.machine = isArm ? .virt : .i440fx
      return
    }
    draft.memory.machine = GuestMachine(qemu: type.text, isArm: isArm)
    draft.memory.unknownMachine = type
  }

  private mutating func readMemory() {
    let word = values["memory"].flatMap { word in
      let options = OptionValues(word)
      return options["current"] ?? options.first
    }
    // 512 MiB is the default.
    var size = ImportedMemory.Size(bytes: 512 << 20, span: word?.span ?? draft.start)
    if let word {
      guard let number = UInt64(word.text), number > 0, number <= 1 << 32 else {
        return draft.sink.report(ImportDiagnostics.value("a number of MiB", word))
      }
      size.bytes = number << 20
    }
    draft.memory.size = size
    guard let pages = values["hugepages"] else { return }
    switch pages.text {
    case "1024": draft.memory.hugePages = .init(bytes: 1 << 30, span: pages.span)
    // With 'any' it takes the large ones if all memory is a multiple of them; these always fit.
    case "2", "any": draft.memory.hugePages = .init(bytes: 2 << 20, span: pages.span)
    default:
      draft.sink.report(ImportDiagnostics.value("'2', '1024' or 'any' as huge pages", pages))
    }
  }

  /// What is handed on to QEMU as it is.
  private mutating func readArguments() {
    guard let word = values["args"] else { return }
    // The words' places are those of the line, which is read as if it were all of the file.
    let start = Int(word.span.start)
    let blank = [UInt8](repeating: 32, count: start)
    let line = SourceFile(
      id: draft.file.id, name: draft.file.name,
      bytes: blank + draft.file.bytes[start..<Int(word.span.end)])
    let script = ShellScript(line)
    if let finding = script.finding { draft.sink.report(finding) }
    var arguments = QEMUArguments(script.commands.flatMap { $0 })
    arguments.readDevices(into: &draft)
  }
}
