/// QEMU's command line, or a part of it.
struct QEMUArguments {
  /// An option and its value.
  struct Option {
    var name: String
    var value: SourceWord?
    var span: SourceSpan
    /// The value taken apart, where a file has it so.
    var values: OptionValues?
  }

  private var options: [Option] = []
  /// Pieces of memory by their ids, from `-object memory-backend-…`.
  private var backends: [String: OptionValues] = [:]

  /// Takes words apart: an option begins with a dash, and what follows it is its value.
  init(_ words: [SourceWord]) {
    for word in words {
      if word.text.hasPrefix("-"), word.text.count > 1, !isValue(word) {
        let name = String(word.text.drop { $0 == "-" })
        options.append(Option(name: name, value: nil, span: word.span))
      } else if let last = options.indices.last, options[last].value == nil {
        options[last].value = word
      }
    }
  }

  /// Options that are given already.
  init(_ options: [Option]) { self.options = options }

  /// Whether a word that begins with a dash is the value of the option before it.
  private func isValue(_ word: SourceWord) -> Bool {
    options.last.map { $0.name == "append" && $0.value == nil } ?? false
  }

  private func words(of name: String) -> [SourceWord] {
    options.filter { $0.name == name }.compactMap(\.value)
  }

  /// The values of options, taken apart.
  private func values(of names: String...) -> [OptionValues] {
    options.filter { names.contains($0.name) }
      .compactMap { option in option.values ?? option.value.map { OptionValues($0) } }
  }

  /// The same of options whose values may be JSON; what is not sound is reported.
  private func objects(of name: String, _ draft: inout ImportDraft) -> [OptionValues] {
    options.filter { $0.name == name }.compactMap { option in
      guard let word = option.value, option.values == nil, word.text.hasPrefix("{") else {
        return option.values ?? option.value.map { OptionValues($0) }
      }
      if let values = OptionValues(json: word) { return values }
      draft.sink.report(ImportDiagnostics.value("an object in JSON", word))
      return nil
    }
  }

  /// Reads a whole command line; `program` is what stands before it.
  mutating func read(_ program: SourceWord?, into draft: inout ImportDraft) {
    if let values = values(of: "name").last {
      draft.name = values["guest"] ?? values.first
    }
    for values in objects(of: "object", &draft) { readObject(values) }
    readMachine(program, &draft)
    readMemory(&draft, isWhole: program != nil)
    readDevices(into: &draft)
    for path in words(of: "readconfig") {
      draft.leave("file of -readconfig", ImportDiagnostics.otherFile(path))
    }
    let disks = options.count { ["drive", "hda", "hdb", "cdrom", "blockdev"].contains($0.name) }
    draft.leave("disk", .emulated, count: disks)
    let networks = options.count { ["netdev", "nic", "net"].contains($0.name) }
    draft.leave("network", .emulated, count: networks)
  }

  /// Reads the devices only.
  mutating func readDevices(into draft: inout ImportDraft) {
    for values in objects(of: "device", &draft) { readDevice(values, &draft) }
  }
}

// MARK: - Devices

extension QEMUArguments {
  private func readDevice(_ values: OptionValues, _ draft: inout ImportDraft) {
    guard let driver = values["driver"] ?? values.first else { return }
    switch driver.text {
    case "vfio-pci", "vfio-pci-nohotplug": takeDevice(values, driver, &draft)
    case "vfio-ap", "vfio-ccw", "vfio-platform", "vfio-amd-xgbe", "vfio-calxeda-xgmac":
      draft.leave(
        "\(driver.text) device",
        ImportDiagnostics.notTaken(
          "the device of \(QuotedText.quote(driver.text))", "it has no PCI address",
          at: driver.span))
    case "pc-dimm": readModule(values, &draft)
    case let name:
      let kind = QEMUDeviceKind(name)
      draft.leave(kind.noun, kind.reason)
    }
  }

  private func takeDevice(
    _ values: OptionValues, _ driver: SourceWord, _ draft: inout ImportDraft
  ) {
    guard let (address, word) = address(values, driver, &draft) else { return }
    var device = ImportDraft.Device(
      place: .address(address), isOnIOMMUFD: values["iommufd"] != nil, span: values.word.span,
      addressSpan: word.span)
    device.name = values["id"]?.text
    device.vfToken = values["vf-token"]
    draft.devices.append(device)
  }

  /// The address of a device, if it has one; what is in the way is reported.
  private func address(
    _ values: OptionValues, _ driver: SourceWord, _ draft: inout ImportDraft
  ) -> (BDF, SourceWord)? {
    if let host = values["host"] {
      if let address = Self.hostAddress(host.text) { return (address, host) }
      draft.sink.report(
        ImportDiagnostics.hasVariable(host)
          ? ImportDiagnostics.variable(host)
          : ImportDiagnostics.value("a PCI address such as '0000:65:00.0'", host))
      return nil
    }
    if let path = values["sysfsdev"] { return sysfsAddress(path, &draft).map { ($0, path) } }
    if let fd = values["fd"], let address = draft.fileAddress?(fd.text) { return (address, fd) }
    let isRunning = draft.fileAddress != nil
    draft.sink.report(
      values["fd"].map { ImportDiagnostics.fileOnly($0, isRunning: isRunning) }
        ?? ImportDiagnostics.noPlace("the device", at: driver.span))
    return nil
  }

  /// An address as QEMU reads it: any number of digits, the domain may be left out
  /// (`set_pci_host_devaddr`, hw/core/qdev-properties-system.c).
  private static func hostAddress(_ text: String) -> BDF? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let last = parts.last?.split(separator: ".", omittingEmptySubsequences: false) ?? []
    guard (2...3).contains(parts.count), last.count == 2 else { return nil }
    let digits = parts.dropLast() + last
    let numbers = digits.compactMap { Hex.number($0).flatMap { UInt32(exactly: $0) } }
    guard numbers.count == digits.count, let function = numbers.last, function < 8 else {
      return nil
    }
    let (bus, slot) = (numbers[numbers.count - 3], numbers[numbers.count - 2])
    guard bus <= 0xff, slot < 32 else { return nil }
    return BDF(
      domain: numbers.count == 4 ? numbers[0] : 0, bus: UInt8(bus), device: UInt8(slot),
      function: UInt8(function))
  }

  /// The address of a device by its folder in sysfs, which is a mediated device's UUID otherwise.
  private func sysfsAddress(_ path: SourceWord, _ draft: inout ImportDraft) -> BDF? {
    let last = path.text.split(separator: "/").last.map(String.init) ?? ""
    if let address = BDF(last) { return address }
    if ImportDiagnostics.hasVariable(path) {
      draft.sink.report(ImportDiagnostics.variable(path))
    } else if VFToken(last) != nil {
      draft.leave("mediated device", ImportDiagnostics.mediated(last, at: path.span))
    } else {
      draft.sink.report(ImportDiagnostics.value("the folder of a PCI device in sysfs", path))
    }
    return nil
  }

  private func readModule(_ values: OptionValues, _ draft: inout ImportDraft) {
    guard let name = values["memdev"], let backend = backends[name.text],
      let size = size(backend["size"], unit: 1, &draft)
    else {
      return draft.leave("memory module", .otherMemory)
    }
    draft.memory.modules.append(size)
  }
}

// MARK: - Machine and memory

extension QEMUArguments {
  private mutating func readObject(_ values: OptionValues) {
    guard let id = values["id"] else { return }
    let type = (values["qom-type"] ?? values.first)?.text ?? ""
    if type.hasPrefix("memory-backend-") { backends[id.text] = values }
  }

  private func readMachine(_ program: SourceWord?, _ draft: inout ImportDraft) {
    let name = program?.text.split(separator: "/").last ?? ""
    let isArm = name.hasSuffix("aarch64") || name.hasSuffix("-arm")
    let isX86 =
      !name.hasPrefix("qemu-system-") || name.hasSuffix("x86_64") || name.hasSuffix("i386")
    let all = values(of: "machine", "M")
    // The last word on the machine counts, and any on one of its properties.
    if let type = all.compactMap({ $0["type"] ?? $0.first }).last {
      draft.memory.machine =
        isArm || isX86 ? GuestMachine(qemu: type.text, isArm: isArm) : nil
      draft.memory.unknownMachine = type
    } else {
      draft.memory.machine = isX86 ? .i440fx : nil
      draft.memory.unknownMachine = program
    }
    let limit = all.compactMap { $0["max-ram-below-4g"] }.last
    draft.memory.lowLimit = size(limit, unit: 1, &draft)
    for backend in all.compactMap({ $0["memory-backend"] }).suffix(1) {
      readBackend(backend, &draft)
    }
  }

  /// Reads the size; what is not a whole command line has none of its own.
  private func readMemory(_ draft: inout ImportDraft, isWhole: Bool) {
    let all = values(of: "m")
    let word = all.compactMap { $0["size"] ?? $0.first }.last
    if let size = size(word, unit: 1 << 20, &draft) {
      draft.memory.size = size
    } else if word == nil, draft.memory.size == nil, isWhole {
      // QEMU's default, whatever the machine.
      draft.memory.size = ImportedMemory.Size(bytes: 128 << 20, span: draft.start)
    }
    // QEMU rounds up (`qemu_resolve_machine_memdev`, system/vl.c).
    if let bytes = draft.memory.size?.bytes, bytes < 1 << 52 {
      draft.memory.size?.bytes = (bytes + 8191) / 8192 * 8192
    }
    if let path = words(of: "mem-path").last { readPath(path, &draft) }
    draft.memory.isPopulated =
      draft.memory.isPopulated || options.contains { $0.name == "mem-prealloc" }
  }

  private func readBackend(_ id: SourceWord, _ draft: inout ImportDraft) {
    guard let backend = backends[id.text] else { return }
    draft.memory.size = size(backend["size"], unit: 1, &draft)
    draft.memory.isPopulated = ["on", "yes", "true"].contains(backend["prealloc"]?.text ?? "")
    if let path = backend["mem-path"] { readPath(path, &draft) }
    guard ["on", "yes", "true"].contains(backend["hugetlb"]?.text ?? "") else { return }
    let pages = size(backend["hugetlbsize"], unit: 1, &draft)
    draft.memory.hugePages =
      pages ?? ImportedMemory.Size(bytes: 2 << 20, span: backend.word.span)
  }

  /// Memory in a folder of huge pages; the folder's name mostly tells their size.
  private func readPath(_ path: SourceWord, _ draft: inout ImportDraft) {
    let folder = path.text.lowercased().split(separator: "/").first { $0.contains("huge") }
    guard let folder else { return }
    let isLarge = ["1g", "1048576"].contains { folder.contains($0) }
    draft.memory.hugePages = ImportedMemory.Size(
      bytes: isLarge ? 1 << 30 : 2 << 20, span: path.span)
  }

  private func size(
    _ word: SourceWord?, unit: UInt64, _ draft: inout ImportDraft
  ) -> ImportedMemory.Size? {
    guard let word else { return nil }
    if let bytes = ImportNumbers.size(word.text, unit: unit) {
      return ImportedMemory.Size(bytes: bytes, span: word.span)
    }
    draft.sink.report(
      ImportDiagnostics.hasVariable(word)
        ? ImportDiagnostics.variable(word)
        : ImportDiagnostics.value("a size such as '8G'", word))
    return nil
  }
}

/// What a device that QEMU makes itself is, in a word.
private struct QEMUDeviceKind {
  let noun: String
  let reason: LeftOut.Reason

  init(_ driver: String) {
    let kinds: [(words: [String], noun: String)] = [
      (["-blk", "ide-", "scsi-hd", "scsi-cd", "nvme", "floppy"], "disk"),
      (["-net", "e1000", "rtl8139", "vmxnet", "igb"], "network card"),
      (["usb", "xhci", "ehci"], "USB device"), (["hda", "ac97", "sound"], "sound card"),
      (["vga", "gpu", "qxl", "ramfb"], "video card"), (["tpm"], "TPM"),
      (["root-port", "bridge", "pxb", "pcie-"], "PCI port"),
      (["serial", "console"], "serial port"),
      (["balloon"], "memory balloon"), (["rng"], "random number generator"),
    ]
    let isIOMMU = driver.hasSuffix("-iommu") || driver == "arm-smmuv3"
    let memory = ["nvdimm", "virtio-mem", "virtio-pmem"].contains { driver.hasPrefix($0) }
    let lower = driver.lowercased()
    reason = isIOMMU ? .virtualIOMMU : memory ? .otherMemory : .emulated
    noun =
      isIOMMU
      ? "virtual IOMMU"
      : memory
        ? "memory device"
        : kinds.first { $0.words.contains { lower.contains($0) } }?.noun ?? "other device"
  }
}

extension ImportDraft {
  /// The start of the file.
  var start: SourceSpan { ParserDiagnostics.start(of: file.id) }
}

extension ImportDiagnostics {
  /// Whether a word has a variable of the shell in it that the script does not set.
  static func hasVariable(_ word: SourceWord) -> Bool {
    word.text.contains("$") || word.text.contains("`")
  }
}
