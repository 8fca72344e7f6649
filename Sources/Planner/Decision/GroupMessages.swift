import Parser

/// An IOMMU group of which the host goes on using members.
struct UsedGroup {
  /// The VM's first device in it.
  let device: ResolvedDevice
  /// Addresses of all of the VM's devices in it.
  let assigned: [BDF]
  /// The members that drivers of the host use, at least one.
  let members: [HostDevice]
  /// What the machine is seen to use devices for, as clauses.
  let uses: [BDF: [String]]

  /// The group's number.
  var number: Int { members[0].group ?? 0 }

  /// A member as the message names it: what it is, where, whose and what for.
  func name(_ member: HostDevice, isAlone: Bool) -> String {
    let what = "\(PCIClass.kind(of: member.classCode)) '\(member.address)'"
    let driver = QuotedText.quote(member.driver ?? "")
    let use = uses[member.address]?.first.map { "; \($0)" } ?? ""
    return isAlone
      ? "\(what), which driver \(driver) of the host uses\(use)"
      : "\(what) (driver \(driver)\(use))"
  }

  /// Members that the host may not be able to do without.
  private var precious: [HostDevice] {
    members.filter { PCIClass.isStorage($0.classCode) || !(uses[$0.address] ?? []).isEmpty }
  }

  /// Other functions of a card that the VM has a part of.
  private var siblings: [HostDevice] {
    members.filter { member in
      assigned.contains {
        ($0.domain, $0.bus, $0.device)
          == (member.address.domain, member.address.bus, member.address.device)
      }
    }
  }

  /// Functions of the board itself, such as the bridge to its slow devices, with what hangs there.
  private var boardFunctions: [HostDevice] {
    members.filter { PCIClass.isBridge($0.classCode) && Companion.canBeKept($0) }
  }

  /// What to do about it; never to take a disk, a function of the board, or what is seen to be in
  /// use, from the host.
  var help: String {
    let precious = precious
    if !precious.isEmpty {
      return "leave \(Self.list(precious)) to this host, which may run from there; move one of the "
        + "cards to another slot, where the groups are others"
    }
    let board = boardFunctions
    if let first = board.first {
      let what = board.count == 1 ? PCIClass.kind(of: first.classCode) : "bridges"
      return "leave \(Self.list(board)) (\(what)) to this host, whose board needs it; a function "
        + "of the board can't be given away alone, a card may be in another group in another slot"
    }
    let keepable = members.filter(Companion.canBeKept)
    if keepable.count < members.count {
      return "find out why drivers have the bridges: with 'pcieport' they may stay"
    }
    if siblings.count == members.count {
      return
        "give the VM the rest of the card, \(Self.list(members)), too, or let vfioplan hold it "
        + "unused with 'companions: bind'"
    }
    return "give \(Self.list(members)) to the VM, too, let vfioplan hold the rest unused with "
      + "'companions: bind', or unbind what the host can do without"
  }

  private static func list(_ members: [HostDevice]) -> String {
    PlannerDiagnostics.list(members.map(\.address.description))
  }
}

extension PlannerDiagnostics {
  /// How many members a message names; notes name all up to `notedMembers`.
  private static let namedMembers = 3
  private static let notedMembers = 16

  /// Said once of a group.
  static func unsafe(_ group: UsedGroup) -> Diagnostic {
    let (members, count) = (group.members, group.members.count)
    let names = nameList(
      members.map { group.name($0, isAlone: count == 1) }, limit: namedMembers)
    let which = count == 1 ? names : "\(count) devices that the host uses: " + names
    return Diagnostic(
      groupNotViable, "\(quote(group.device.name)) is in IOMMU group \(group.number) with \(which)",
      at: group.device.$place,
      notes: members.prefix(notedMembers).enumerated().map { index, member in
        let name =
          index < namedMembers ? "'\(member.address)'" : group.name(member, isAlone: false)
        let uses = (group.uses[member.address] ?? []).prefix(3).map { "; \($0)" }
        return .init("\(name) is described here" + uses.joined(), member.span)
      }, help: group.help)
  }
}
