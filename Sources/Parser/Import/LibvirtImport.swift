/// Reads a libvirt domain.
struct LibvirtImport {
  private let tree: XMLTree
  private let domain: XMLTree.Index
  /// Whether devices that do not say so themselves are on an iommufd (libvirt 12.2).
  private let isOnIOMMUFD: Bool
  private var draft: ImportDraft

  /// Reads the domain in a file into a draft.
  static func read(_ draft: inout ImportDraft) throws(DiagnosticsError) {
    var reader = try LibvirtImport(try XMLReader.read(draft.file), draft)
    reader.read()
    draft = reader.draft
  }

  private init(_ tree: XMLTree, _ draft: ImportDraft) throws(DiagnosticsError) {
    self.tree = tree
    self.draft = draft
    // In files of a running domain and of snapshots the domain stands in another element.
    guard let domain = tree.elements[0].name == "domain" ? 0 : tree.first("domain", in: 0) else {
      let root = tree.elements[0]
      throw DiagnosticsError([ImportDiagnostics.root(root.name, at: root.span)])
    }
    self.domain = domain
    let iommufd = tree.first("iommufd", in: domain)
    isOnIOMMUFD = tree.attribute("enabled", of: iommufd)?.text == "yes"
  }

  private mutating func read() {
    if let type = tree.attribute("type", of: domain), !["kvm", "qemu"].contains(type.text) {
      draft.sink.report(ImportDiagnostics.otherDomain(type))
    }
    draft.name = tree.text(of: tree.first("name", in: domain))
    readMachine()
    readMemory()
    readPages()
    let devices = tree.elements[domain].children.filter { tree.elements[$0].name == "devices" }
      .flatMap { tree.elements[$0].children }
    // libvirt hands these over before what is a <hostdev> (`virDomainDefParseXML`).
    for index in devices where isInterfaceOfHost(index) { readInterface(index) }
    for index in devices where tree.elements[index].name == "hostdev" { readHostDevice(index) }
    for index in devices where !isInterfaceOfHost(index) { count(index) }
    readArguments()
  }
}

// MARK: - Devices

extension LibvirtImport {
  private func isInterfaceOfHost(_ index: XMLTree.Index) -> Bool {
    tree.elements[index].name == "interface" && hostPart(of: index) != nil
  }

  /// Where an interface says which device of the host it is: itself, or what a network has given
  /// it, in the file of a running domain.
  private func hostPart(of index: XMLTree.Index) -> XMLTree.Index? {
    [index, tree.first("actual", in: index)].compactMap { $0 }
      .first { tree.attribute("type", of: $0)?.text == "hostdev" }
  }

  private mutating func readInterface(_ index: XMLTree.Index) {
    take(
      index, "the interface",
      hostPart(of: index).flatMap { tree.first("source", "address", in: $0) })
  }

  private mutating func readHostDevice(_ index: XMLTree.Index) {
    let span = tree.span(of: index)
    let source = tree.first("source", in: index)
    switch tree.attribute("type", of: index)?.text {
    case "pci": take(index, "the device", tree.first("source", "address", in: index))
    case "mdev":
      let address = source.flatMap { tree.first("address", in: $0) }
      let name = tree.attribute("uuid", of: address)?.text ?? "without uuid"
      draft.leave("mediated device", ImportDiagnostics.mediated(name, at: span))
    case "usb": draft.leave("USB device of the host", .otherBus)
    case "scsi", "scsi_host": draft.leave("SCSI device of the host", .otherBus)
    case let other?:
      draft.leave(
        "other device of the host",
        ImportDiagnostics.notTaken(
          "the device of type \(QuotedText.quote(other))", "it has no PCI address", at: span))
    case nil:
      draft.sink.report(ImportDiagnostics.noPlace("the device", at: span))
    }
  }

  /// Takes a PCI device over.
  private mutating func take(_ index: XMLTree.Index, _ what: String, _ address: XMLTree.Index?) {
    guard let address, let found = self.address(address) else {
      if address == nil {
        draft.sink.report(ImportDiagnostics.noPlace(what, at: tree.span(of: index)))
      }
      return
    }
    let driver = tree.first("driver", in: index)
    var device = ImportDraft.Device(
      place: .address(found), isOnIOMMUFD: isOnIOMMUFD(driver), span: tree.span(of: index),
      addressSpan: tree.span(of: address))
    device.name = tree.attribute("name", of: tree.first("alias", in: index))?.text
    device.driver = tree.attribute("model", of: driver)
    let managed = tree.attribute("managed", of: hostPart(of: index) ?? index)
    device.managed = managed?.text == "yes"
    if let name = tree.attribute("name", of: driver), name.text != "vfio" {
      draft.sink.report(ImportDiagnostics.value("the driver 'vfio'", name))
    }
    draft.devices.append(device)
  }

  /// By the device itself (libvirt 12.1), else by the domain.
  private func isOnIOMMUFD(_ driver: XMLTree.Index?) -> Bool {
    tree.attribute("iommufd", of: driver).map { $0.text == "yes" } ?? isOnIOMMUFD
  }

  private mutating func address(_ index: XMLTree.Index) -> BDF? {
    let limits: [(name: String, limit: UInt64)] = [
      ("domain", UInt64(UInt32.max)), ("bus", 0xff), ("slot", 0x1f), ("function", 7),
    ]
    var parts: [UInt64] = []
    for (name, limit) in limits {
      guard let word = tree.attribute(name, of: index) else {
        parts.append(0)
        continue
      }
      guard let value = ImportNumbers.number(word.text), value <= limit else {
        draft.sink.report(
          ImportDiagnostics.value("a number up to \(hexText(limit)) as \(name)", word))
        return nil
      }
      parts.append(value)
    }
    if tree.attribute("bus", of: index) == nil, tree.attribute("slot", of: index) == nil {
      draft.sink.report(ImportDiagnostics.noPlace("the address", at: tree.span(of: index)))
      return nil
    }
    return BDF(
      domain: UInt32(parts[0]), bus: UInt8(parts[1]), device: UInt8(parts[2]),
      function: UInt8(parts[3]))
  }

  /// Counts what is not a device of the host.
  private mutating func count(_ index: XMLTree.Index) {
    let element = tree.elements[index].name
    switch element {
    case "emulator", "hostdev", "controller", "hub", "audio", "alias": break
    case "iommu": draft.leave("virtual IOMMU", .virtualIOMMU)
    case "memory" where isModule(index): break
    case "memory":
      let model = tree.attribute("model", of: index)?.text ?? "memory"
      let isKnown = ["nvdimm", "virtio-mem", "virtio-pmem", "sgx-epc"].contains(model)
      draft.leave("\(isKnown ? model : "memory") device", .otherMemory)
    case "interface" where tree.attribute("type", of: index)?.text == "vdpa":
      draft.leave(
        "vDPA interface",
        ImportDiagnostics.notTaken(
          "the vDPA interface", "vDPA maps the guest's memory by itself",
          at: tree.span(of: index)))
    default: draft.leave(Self.nouns[element] ?? "other device", .emulated)
    }
  }

  private static let nouns = [
    "disk": "disk", "interface": "interface", "serial": "serial port", "console": "console",
    "parallel": "parallel port", "channel": "channel", "input": "input device",
    "graphics": "display", "video": "video card", "sound": "sound card", "watchdog": "watchdog",
    "rng": "random number generator", "tpm": "TPM", "filesystem": "file system",
    "memballoon": "memory balloon", "redirdev": "redirected USB device", "shmem": "shared memory",
    "smartcard": "smart card", "panic": "panic notifier", "vsock": "vsock",
    "crypto": "crypto device",
  ]
}

// MARK: - Memory

extension LibvirtImport {
  private mutating func readMachine() {
    let type = tree.first("os", "type", in: domain)
    let isArm = tree.attribute("arch", of: type)?.text == "aarch64"
    guard let machine = tree.attribute("machine", of: type) else {
      draft.memory.machine = isArm ? .virt : .i440fx
      return
    }
    draft.memory.machine = GuestMachine(qemu: machine.text, isArm: isArm)
    draft.memory.unknownMachine = machine
  }

  private mutating func readMemory() {
    let modules = tree.first("devices", in: domain).map { tree.children(of: $0, "memory") } ?? []
    var plugged: UInt64 = 0
    for module in modules.prefix(ImportedMemory.mostModules) {
      guard let size = size(tree.first("target", "size", in: module)) else { continue }
      plugged += min(size.bytes, 1 << 52)
      if isModule(module) { draft.memory.modules.append(size) }
    }
    let cells = tree.first("cpu", "numa", in: domain).map { tree.children(of: $0, "cell") } ?? []
    guard var size = size(tree.first("memory", in: domain)) else { return }
    // Nodes of the guest say what it boots with; else that is all but what is plugged in.
    let nodes = cells.prefix(ImportedMemory.mostModules).compactMap { cell in
      tree.attribute("memory", of: cell).flatMap {
        ImportNumbers.libvirtSize($0.text, unit: tree.attribute("unit", of: cell)?.text)
      }
    }.filter { $0 <= 1 << 52 }
    let bytes = nodes.isEmpty ? size.bytes - min(plugged, size.bytes) : nodes.reduce(0, +)
    // libvirt gives a guest whole MiB (`qemuDomainAlignMemorySizes`).
    let whole: UInt64 = 1 << 20
    size.bytes = bytes > 1 << 52 ? bytes : (bytes + whole - 1) / whole * whole
    draft.memory.size = size
  }

  private func isModule(_ index: XMLTree.Index) -> Bool {
    tree.attribute("model", of: index)?.text == "dimm"
  }

  private mutating func size(_ index: XMLTree.Index?) -> ImportedMemory.Size? {
    guard let index, let text = tree.text(of: index) else { return nil }
    let unit = tree.attribute("unit", of: index)?.text
    guard let bytes = ImportNumbers.libvirtSize(text.text, unit: unit) else {
      draft.sink.report(ImportDiagnostics.value("a size of memory with a unit", text))
      return nil
    }
    return ImportedMemory.Size(bytes: bytes, span: text.span)
  }

  /// The huge pages, of which a description has one size for all memory here.
  private mutating func readPages() {
    let backing = tree.first("memoryBacking", in: domain)
    let allocation = backing.flatMap { tree.first("allocation", in: $0) }
    draft.memory.isPopulated = tree.attribute("mode", of: allocation)?.text == "immediate"
    guard let backing, let pages = tree.first("hugepages", in: backing) else { return }
    let sizes = tree.children(of: pages, "page")
    guard
      let page = sizes.first(where: { tree.attribute("nodeset", of: $0) == nil }) ?? sizes.first,
      let word = tree.attribute("size", of: page)
    else {
      // The host's default, which is this on x86 unless its command line says otherwise.
      draft.memory.hugePages = ImportedMemory.Size(bytes: 2 << 20, span: tree.span(of: pages))
      return
    }
    let unit = tree.attribute("unit", of: page)?.text
    guard let bytes = ImportNumbers.libvirtSize(word.text, unit: unit) else {
      return draft.sink.report(ParserDiagnostics.hugePage(word.text, at: word.span))
    }
    draft.memory.hugePages = ImportedMemory.Size(bytes: bytes, span: word.span)
  }
}

// MARK: - QEMU's own arguments

extension LibvirtImport {
  /// What the domain hands on to QEMU as it is.
  private mutating func readArguments() {
    let space = "http://libvirt.org/schemas/domain/qemu/1.0 "
    let words = tree.children(of: domain, space + "commandline")
      .flatMap { tree.children(of: $0, space + "arg") }
      .compactMap { tree.attribute("value", of: $0) }
    guard !words.isEmpty else { return }
    var arguments = QEMUArguments(words)
    arguments.readDevices(into: &draft)
  }
}

extension GuestMachine {
  /// The machine of QEMU's name for it, such as `pc-q35-9.2`; `nil` for one that is not known.
  init?(qemu name: String, isArm: Bool) {
    func isOne(of names: [String]) -> Bool {
      names.contains { name == $0 || name.hasPrefix($0 + "-") }
    }
    switch isArm {
    case true where isOne(of: ["virt"]): self = .virt
    case false where isOne(of: ["q35", "pc-q35"]): self = .q35
    case false where name == "pc" || isOne(of: ["pc-i440fx"]): self = .i440fx
    default: return nil
    }
  }
}
