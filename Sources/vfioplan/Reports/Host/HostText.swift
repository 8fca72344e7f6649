import Executor
import Parser
import Planner

/// What a machine has, by IOMMU group: what can be given to a VM, and what comes with it.
struct HostText {
  private let host: HostDescription
  private let names: PCINames
  private let advice: IOMMUAdvice
  private let filter: HostFilter
  private let isWhole: Bool
  private let context: GroupVerdict.Context
  /// The functions 0 that are graphics, whose other functions are theirs.
  private let graphics: Set<BDF>

  /// Prepares the text of the devices that all words fit.
  ///
  /// - Parameters:
  ///   - inventory: The machine.
  ///   - names: What its devices are called.
  ///   - advice: What to do if there is no IOMMU.
  ///   - words: What devices are picked by; all are if there are none.
  ///   - isWhole: Whether bridges and the facts of each device are shown, too.
  ///   - uses: What the machine uses devices for, as clauses; `nil` if nobody looked.
  init(
    _ inventory: HostInventory, names: PCINames, advice: IOMMUAdvice, words: [String] = [],
    isWhole: Bool = false, uses: [BDF: [String]]? = nil
  ) {
    host = inventory.description
    self.names = names
    self.advice = advice
    self.isWhole = isWhole
    filter = HostFilter(words, names)
    context = GroupVerdict.Context(host, uses: uses)
    graphics = Set(
      host.devices.filter { $0.address.function == 0 && $0.classCode >> 16 == 3 }.map(\.address))
  }

  /// The classes of the devices, for who finds nothing.
  static func classes(of host: HostDescription) -> [String] {
    Set(host.devices.map { PCIClass.word(of: $0.classCode) }).sorted()
  }

  /// Whether some device is picked.
  var hasDevices: Bool { host.devices.contains(where: filter.fits) }

  /// The kernel and the units, then the groups, those that can be given first.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    appendHead(to: &page)
    let groups = shownGroups
    if !groups.isEmpty {
      let header = ["group", "device", "", "driver"].map { StyledText($0, .strong) }
      let columns = TextPage.Columns(
        [header] + groups.flatMap { $0.shown.map(row) }, indent: 0,
        maximum: max(30, page.width - 40),
        width: page.width)
      page.row(header, in: columns)
      for group in groups { append(group, columns, to: &page) }
    }
    appendBridges(hiddenBridges, to: &page)
    appendUnknown(groups.flatMap(\.shown), to: &page)
    return page
  }

  private func appendHead(to page: inout TextPage) {
    let units = HostUnits(host)
    page.line(StyledText(([units.kernel] + units.sentences).joined(separator: "  ")), hanging: 2)
    if isWhole {
      page.table(units.formats.map { ["\($0.name, .strong)", StyledText($0.text)] })
    }
    if host.iommus.isEmpty {
      page.line("\("no IOMMU:", .warning) \(advice.text)", hanging: 2)
    }
    if let graphics = advice.graphics { page.line("\(graphics, .warning)", hanging: 2) }
    let isHidden = host.devices.contains { $0.noSnoopSource == NoSnoopFact.rootOnly }
    if isHidden { page.line("\("run as root to read no-snoop bits", .warning)") }
  }
}

// MARK: - Groups

extension HostText {
  /// A group with the devices of it that are shown.
  private struct Group {
    var number: Int?
    var members: [HostDevice]
    var shown: [HostDevice]
    var verdict: GroupVerdict

    /// Groups of bridges are the last.
    var rank: Int {
      members.allSatisfy { PCIClass.isBridge($0.classCode) } ? 3 : verdict.answer.rawValue
    }
  }

  /// Whether a device is shown: bridges only if they are asked for, or if nothing else is.
  private func isShown(_ device: HostDevice, withBridges: Bool) -> Bool {
    filter.fits(device) && (withBridges || !PCIClass.isBridge(device.classCode))
  }

  private func isShownWithoutWords(_ device: HostDevice) -> Bool {
    !PCIClass.isBridge(device.classCode) || showsBridges
  }

  private var showsBridges: Bool {
    isWhole || !filter.isEmpty && !host.devices.contains { isShown($0, withBridges: false) }
  }

  private var hiddenBridges: Int {
    if showsBridges { return 0 }
    return host.devices.count { PCIClass.isBridge($0.classCode) && filter.fits($0) }
  }

  private var shownGroups: [Group] {
    let withBridges = showsBridges
    let groups = Dictionary(grouping: host.devices, by: \.group).compactMap {
      number, members -> Group? in
      let shown = members.filter { isShown($0, withBridges: withBridges) }
      if shown.isEmpty { return nil }
      let verdict = GroupVerdict(members, isGroup: number != nil, context)
      return Group(number: number, members: members, shown: shown, verdict: verdict)
    }
    return groups.sorted {
      ($0.rank, $0.number ?? .max) < ($1.rank, $1.number ?? .max)
    }
  }

  private func append(_ group: Group, _ columns: TextPage.Columns, to page: inout TextPage) {
    let number = group.number.map { String($0) } ?? "none"
    let label = String(repeating: " ", count: max(0, 4 - number.utf8.count)) + number + "   "
    let isOfBridges = group.members.allSatisfy { PCIClass.isBridge($0.classCode) }
    let verdict = isOfBridges ? "stays with the host" : "give it to a VM?  " + group.verdict.text
    let role: Screen.Role =
      switch group.verdict.answer {
      case .yes: .good
      case .used: .warning
      case .no: isOfBridges ? .faint : .warning
      }
    page.line(StyledText(verdict, role), hanging: 2, label: StyledText(label, .strong))
    for device in group.shown {
      page.row(row(device), in: columns)
      guard isWhole, !PCIClass.isBridge(device.classCode) else { continue }
      page.line("\(details(of: device), .faint)", indent: 9, hanging: 2)
    }
    let rest = group.members.count { isShownWithoutWords($0) } - group.shown.count
    if rest > 0, group.number != nil {
      page.line("\("and \(rest) more: vfioplan host \(number)", .faint)", indent: 7)
    }
  }

  private func row(_ device: HostDevice) -> [StyledText] {
    [
      "", StyledText(context.shown(device.address)),
      "\(name(of: device)) [\(device.ids)]\(relation(of: device))",
      StyledText(device.driver ?? "-"),
    ]
  }

  /// The name of a device; functions of a graphics card are its own.
  private func name(of device: HostDevice) -> String {
    let kind = PCIClass.kind(of: device.classCode)
    let whole = BDF(
      domain: device.address.domain, bus: device.address.bus, device: device.address.device,
      function: 0)
    if device.address.function > 0, graphics.contains(whole) {
      return "its " + (kind == "audio device" ? "audio" : kind)
    }
    return names.name(vendor: device.vendor, device: device.device) ?? kind
  }

  /// What a device hangs on.
  private func relation(of device: HostDevice) -> String {
    if let physical = device.physicalFunction {
      return ", virtual function of \(context.shown(physical))"
    }
    return device.behind.map { ", behind \(context.shown($0))" } ?? ""
  }
}

// MARK: - Facts

extension HostText {
  /// The facts that decide about a device.
  private func details(of device: HostDevice) -> String {
    let enforcement = enforcement(for: device)
    let box = PlannedDevice.box(
      canEnforceSnoop: enforcement == .yes, canNoSnoop: device.noSnoopCapable != .no)
    let source = device.noSnoopSource.map { " (\($0))" } ?? ""
    let fact =
      switch device.noSnoopCapable {
      case .yes: "can no-snoop"
      case .no: "can't no-snoop"
      case .unknown: "no-snoop unknown, counted as yes"
      }
    return
      (["\(PCIClass.word(of: device.classCode)), \(fact)\(source)"]
      + [device.iommu.map { "behind \($0), box \(box)" }, bars(of: device)].compactMap { $0 })
      .joined(separator: "; ")
  }

  private func enforcement(for device: HostDevice) -> Fact? {
    device.iommu.flatMap { context.units[$0] }?.enforcement(by: host.kernel.rules)
  }

  /// How large its windows are, if that is known.
  private func bars(of device: HostDevice) -> String? {
    device.bars.map { bars in
      let sizes = bars.map { byteSizeText($0.size) }.joined(separator: " + ")
      return bars.isEmpty ? "no BARs" : "BARs \(sizes)"
    }
  }

  private func appendBridges(_ count: Int, to page: inout TextPage) {
    guard count > 0 else { return }
    let verb = count == 1 ? "stays" : "stay"
    page.line("\("\(counted(count, "bridge")) \(verb) with the host (--all)", .faint)")
  }

  /// What settles the facts that nobody knows, where they decide whether a VM is coherent.
  private func appendUnknown(_ devices: [HostDevice], to page: inout TextPage) {
    let given = devices.filter {
      !PCIClass.isBridge($0.classCode) && $0.group != nil
        && (isWhole || enforcement(for: $0) != .yes)
    }
    if let first = given.first(where: { $0.noSnoopCapable == .unknown }) {
      let example = UnknownFacts.noSnoopTest(first.physicalFunction ?? first.address)
      page.line(
        "unknown no-snoop counts as yes; \(example) finds out, as root, while no driver has the "
          + "device", hanging: 2)
    }
    let used = Set(given.compactMap(\.iommu))
    let open = host.iommus.filter {
      used.contains($0.name) && $0.enforcement(by: host.kernel.rules) == .unknown
    }
    guard !open.isEmpty else { return }
    page.line(
      "unknown enforcement of \(nameList(open.map(\.name))) counts as no; say 'enforceSnoop' of "
        + "it in the host description if you know it", hanging: 2)
  }
}
