import Parser

/// What several VMs can't have at the same time: codes VP2501 and on.
public enum ClashDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    sharedDevice, sharedGroup, functionAndPhysical, deviceBehind, differentTokens, sharedName,
    fewHugePages, littleMemory,
  ]

  static let sharedDevice = DiagnosticCode(
    "VP2501", .error, "a device is in two VMs",
    """
    The kernel gives a device to one user at a time: the second VM that starts gets EBUSY. Give \
    the device to one of the VMs, or don't check VMs together that never run together.
    """)
  static let sharedGroup = DiagnosticCode(
    "VP2502", .error, "an IOMMU group is in two VMs",
    """
    The IOMMU can't tell the devices of a group apart, so the kernel gives a group to one user as \
    a whole: the second VM that starts gets EBUSY. 'companions: bind' in one of them makes that no \
    better. Give all devices of the group to one VM, or put one of them into a slot that has a \
    group of its own.
    """)
  static let functionAndPhysical = DiagnosticCode(
    "VP2503", .error, "a physical function is in one VM, its virtual function in another",
    """
    A virtual function exists as long as a driver of the host has its physical function. When that \
    one is taken from its driver for a VM, all of its virtual functions go, also from the VMs that \
    have them. Keep the physical function on the host, or give virtual functions of another one.
    """)
  static let deviceBehind = DiagnosticCode(
    "VP2504", .error, "a device is in one VM, what it hangs on in another",
    """
    A device behind another one, such as a drive behind Intel's VMD, exists as long as a driver of \
    the host has that one. When it is taken from its driver for a VM, the device goes, also from \
    the VM that has it. Give both to one VM by way of the one in front, or keep that on the host.
    """)
  static let differentTokens = DiagnosticCode(
    "VP2505", .error, "virtual functions of one device have different tokens",
    """
    While a physical function is on vfio-pci, all users of its virtual functions show the same \
    token: the first one sets it, and the kernel answers another one with EACCES. Write the same \
    'vfToken' in all descriptions.
    """)
  static let sharedName = DiagnosticCode(
    "VP2506", .warning, "two VMs have the same name",
    """
    Reports tell VMs apart by their names, and so do VMMs and libvirt. Rename one of the two; if \
    both files describe the same VM, check only one of them.
    """)
  static let fewHugePages = DiagnosticCode(
    "VP2507", .error, "the VMs need more huge pages than the host has",
    """
    Guest memory on huge pages is taken from the host's pool of that size when a VM starts, and a \
    pool serves all VMs together: the last ones don't start. Reserve more pages at boot, or write \
    a number to nr_hugepages and run `vfioplan host` again.
    """)
  static let littleMemory = DiagnosticCode(
    "VP2508", .error, "the VMs lock more memory than the host has",
    """
    Guest memory that a device can reach is locked: all of it is there from the start, and none of \
    it is swapped out. Together the VMs lock more than the host has. Give them less memory, or \
    don't check VMs together that never run together.
    """)

  /// A device of one of several VMs.
  struct Member: Hashable, Sendable {
    /// The VM's name.
    var vm: String
    /// The device's address.
    var address: BDF
    /// Where it is given.
    var span: SourceSpan
  }

  /// The last member is where it shows; the others are noted.
  private static func finding(
    _ code: DiagnosticCode, _ message: String, _ members: [Member], help: String
  ) -> Diagnostic {
    let (first, rest) = (members.dropLast().prefix(8), members.dropLast().count - 8)
    var notes = first.map {
      Diagnostic.Note(
        "\(PlannerDiagnostics.quote($0.vm)) has \($0.address) here", $0.span)
    }
    if rest > 0 { notes.append(.init("and \(rest) more")) }
    return Diagnostic(code, message, at: members.last?.span, notes: notes, help: help)
  }

  private static func names(_ members: [Member]) -> String {
    let names = members.map(\.vm).uniqued
    if names.count > 1 { return PlannerDiagnostics.list(names) }
    return "\(members.count) VMs called \(PlannerDiagnostics.quote(members[0].vm))"
  }

  private static func places(_ members: [Member]) -> String {
    let shown = members.prefix(3).map { "\($0.address) (\(PlannerDiagnostics.quote($0.vm)))" }
    return sentenceList(shown, of: members.count)
  }

  static func sharedDevice(_ members: [Member]) -> Diagnostic {
    finding(
      sharedDevice, "\(members[0].address) can't be in \(names(members)) at the same time",
      members, help: "give it to one of them")
  }

  static func sharedGroup(_ group: Int, _ members: [Member], bind: [String]) -> Diagnostic {
    var found = finding(
      sharedGroup, "IOMMU group \(group): \(places(members)) can't be in different VMs", members,
      help: "give the whole group to one VM, or move a device to another slot")
    if !bind.isEmpty {
      found.notes.append(
        .init(
          "'companions: bind' of \(PlannerDiagnostics.list(bind)) would take the rest of the group "
            + "for that VM"))
    }
    return found
  }

  static func functionAndPhysical(_ physical: Member, _ functions: [Member]) -> Diagnostic {
    finding(
      functionAndPhysical,
      "\(physical.address) (\(PlannerDiagnostics.quote(physical.vm))) is the physical function of "
        + "\(functions.count == 1 ? places(of: functions[0]) : places(functions)): "
        + "\(functions.count == 1 ? "it goes" : "they go") when that VM starts",
      functions + [physical], help: "keep the physical function on the host")
  }

  static func deviceBehind(_ holder: Member, _ devices: [Member]) -> Diagnostic {
    finding(
      deviceBehind,
      "\(devices.count == 1 ? places(of: devices[0]) : places(devices)) "
        + "\(devices.count == 1 ? "hangs" : "hang") on \(holder.address) "
        + "(\(PlannerDiagnostics.quote(holder.vm))) and \(devices.count == 1 ? "goes" : "go") when "
        + "that VM starts",
      devices + [holder], help: "give both to one VM, or neither")
  }

  private static func places(of member: Member) -> String {
    "\(member.address) (\(PlannerDiagnostics.quote(member.vm)))"
  }

  static func differentTokens(_ physical: BDF, _ members: [Member]) -> Diagnostic {
    finding(
      differentTokens,
      "\(places(members)) show different tokens, but \(physical) takes one for all of its virtual "
        + "functions", members, help: "write the same 'vfToken' in all of them")
  }

  static func sharedName(_ name: String, _ spans: [SourceSpan]) -> Diagnostic {
    Diagnostic(
      sharedName, "\(spans.count) VMs have the name \(PlannerDiagnostics.quote(name))",
      at: spans.last,
      notes: spans.dropLast().prefix(8).map { .init("also named here", $0) },
      help: "rename one, or check only one of the files")
  }
}
