import Parser

// Findings about devices that hang on each other: SR-IOV, VMD, tokens.
extension PlannerDiagnostics {
  static let relations = [
    physicalFunctionInUse, deviceInUseBehind, vfTokenMissing, vfTokenUnwanted, vfTokenNotTaken,
    vfTokensDiffer,
  ]

  static let physicalFunctionInUse = DiagnosticCode(
    "VP4043", .error, "a physical function can't be taken while it has virtual functions",
    """
    Most drivers switch SR-IOV off when a physical function is taken from them: its virtual \
    functions are gone, also from VMs that have them, and the unbind waits for their users. Where \
    they stay, as with nvme, vfio-pci refuses the physical function (EBUSY), and the host has lost \
    the driver by then. So it stays with its driver, and never goes to a VM together with one of \
    its virtual functions. To give it away as a whole write 0 to its 'sriov_numvfs' first.
    """)
  static let deviceInUseBehind = DiagnosticCode(
    "VP4044", .error, "a device can't be taken while another one in use exists only behind it",
    """
    Some devices are there only as long as a driver has another one: drives behind Intel's VMD, \
    whose addresses begin with 10000, go with the driver 'vmd' (vmd_remove). Their requests carry \
    the controller's id, so that they share its IOMMU group and can't be given away without it. \
    Give the controller to the VM, with all that is behind it and that nobody on the host uses, or \
    switch VMD off in the firmware's setup.
    """)
  static let vfTokenMissing = DiagnosticCode(
    "VP4045", .error, "a virtual function needs the token of its physical function",
    """
    While a physical function is on vfio-pci, its user can reach what its virtual functions \
    do. So the kernel opens these only with a token that both users share, a UUID \
    (vfio_pci_validate_vf_token): without it, EACCES. Say it with 'vfToken' of the device, as the \
    physical function's user has set it.
    """)
  static let vfTokenUnwanted = DiagnosticCode(
    "VP4046", .error, "a token is given for a device that has none",
    """
    Virtual functions have a token only while their physical function is on vfio-pci; with any \
    other driver there, and for a device that has nothing to do with SR-IOV, the kernel refuses \
    one with EINVAL. Leave 'vfToken' out. What is a virtual function of what is said by \
    'physicalFunction' in the host description.
    """)
  static let vfTokenNotTaken = DiagnosticCode(
    "VP4047", .error, "the kernel takes no token of a virtual function there",
    """
    VFIO_DEVICE_BIND_IOMMUFD asks for the token from Linux 6.17 on, and reads it from 6.19 on, or \
    6.18.5. Before 6.17 the kernel opens the device there without asking, which was an oversight: \
    nobody checks that the VM may have it, so the plan is refused. A group file takes the token \
    from 5.7 on: use target 'type1'. State the rule 'bindReadsTokens' or 'vfTokens' for a kernel \
    that has it.
    """)
  static let vfTokensDiffer = DiagnosticCode(
    "VP4048", .error, "virtual functions of one physical function are given different tokens",
    """
    A physical function on vfio-pci has one token, for all of its virtual functions; any other one \
    is refused with EACCES. Give all of them the UUID that the physical function's user has set.
    """)

  /// The device at fault, by its name in the VM if it has one there.
  private static func named(_ device: HostDevice, _ owner: ResolvedDevice?) -> String {
    owner.map { "\(quote($0.name)) ('\(device.address)')" } ?? "'\(device.address)'"
  }

  private static func notes(
    _ holder: HostDevice, _ child: HostDevice, _ owner: ResolvedDevice?
  ) -> [Diagnostic.Note] {
    [
      owner.map { .init("\(quote($0.name)) is given here", $0.$place) },
      .init("'\(holder.address)' is described here", holder.span),
      .init("'\(child.address)' is described here", child.span),
    ].compactMap { $0 }
  }

  /// How a message begins: which device of the VM is concerned, and what that would take.
  private static func taking(
    _ holder: HostDevice, for device: ResolvedDevice, isOwn: Bool
  ) -> String {
    let from = holder.driver.map { " from \(quote($0))" } ?? ""
    return isOwn
      ? "\(quote(device.name)) can't be taken" + from
      : "\(quote(device.name)) needs '\(holder.address)' of its IOMMU group taken" + from
  }

  static func hasVirtualFunctions(
    _ holder: HostDevice, child: HostDevice, owner: ResolvedDevice?, for device: ResolvedDevice,
    isOwn: Bool
  ) -> Diagnostic {
    let child = (fact: child, name: named(child, owner))
    let isTogether = isOwn && owner != nil
    return Diagnostic(
      physicalFunctionInUse,
      isTogether
        ? "\(quote(device.name)) is the physical function of \(child.name): one VM can't have both"
        : taking(holder, for: device, isOwn: isOwn) + (isOwn ? ": it" : ", but that")
          + " is the physical function of " + child.name,
      at: device.$place, notes: notes(holder, child.fact, owner),
      help: isTogether
        ? "leave '\(holder.address)' with its driver, and give the VM virtual functions only"
        : isOwn
          ? "give the VM a virtual function, or write 0 to 'sriov_numvfs' of '\(holder.address)'"
          : freeing(holder, ofOwn: owner))
  }

  /// What frees a group of a physical function that nobody assigned.
  private static func freeing(_ holder: HostDevice, ofOwn owner: ResolvedDevice?) -> String {
    owner == nil
      ? "write 0 to 'sriov_numvfs' of '\(holder.address)' if nobody needs its virtual functions"
      : "virtual functions that share the group of theirs can't be given away without it: write 0 "
        + "to 'sriov_numvfs' of '\(holder.address)', and give that to the VM"
  }

  /// `users` are the devices behind it, of the VM or not, that drivers have.
  static func othersBehind(
    _ holder: HostDevice, child: HostDevice, owner: ResolvedDevice?, for device: ResolvedDevice,
    isOwn: Bool, users: [HostDevice]
  ) -> Diagnostic {
    if owner?.name == device.name { return existsOnlyBehind(holder, device, users) }
    return Diagnostic(
      deviceInUseBehind,
      taking(holder, for: device, isOwn: isOwn) + (isOwn ? ": " : ", but ")
        + named(child, owner) + (owner == nil ? user(of: child) : "") + " exists only behind it",
      at: device.$place, notes: notes(holder, child, owner),
      help: help(holder, child, owner, for: device, isOwn: isOwn, users) + vmdOff)
  }

  /// Who has a device, as a clause after its name.
  private static func user(of device: HostDevice) -> String {
    guard let driver = device.driver else { return "" }
    return device.hasVFIODriver
      ? ", which is on \(quote(driver))," : ", which \(quote(driver)) of the host uses,"
  }

  private static let vmdOff = ", or switch VMD off in the firmware's setup"

  private static func help(
    _ holder: HostDevice, _ child: HostDevice, _ owner: ResolvedDevice?,
    for device: ResolvedDevice, isOwn: Bool, _ users: [HostDevice]
  ) -> String {
    guard let owner else {
      return "unbind '\(child.address)' first if nothing on the host needs it"
    }
    return isOwn
      ? "leave \(quote(owner.name)) out: it comes with \(quote(device.name))"
        + once(users)
      : instead(holder, users)
  }

  /// To give what a device hangs on in its place, and what has to be done before.
  private static func instead(_ holder: HostDevice, _ users: [HostDevice]) -> String {
    "give '\(holder.address)', with everything behind it, to the VM in its place"
      + once(users)
  }

  /// What has to leave its drivers before what it hangs on can be given away.
  private static func once(_ users: [HostDevice]) -> String {
    guard !users.isEmpty else { return "" }
    let names = list(users.map(\.address.description))
    return ", once nothing on the host needs \(names) and "
      + (users.count == 1 ? "it is unbound" : "they are unbound")
  }

  /// A device that is given without the one that it hangs on and whose IOMMU group it is in.
  private static func existsOnlyBehind(
    _ holder: HostDevice, _ device: ResolvedDevice, _ users: [HostDevice]
  ) -> Diagnostic {
    Diagnostic(
      deviceInUseBehind,
      "\(quote(device.name)) ('\(device.address)') exists only while "
        + "\(quote(holder.driver ?? "")) of the host has '\(holder.address)', which is in its "
        + "IOMMU group: it can't be given away alone",
      at: device.$place, notes: note(holder),
      help: instead(holder, users) + vmdOff)
  }

  private static func note(_ physical: HostDevice) -> [Diagnostic.Note] {
    [.init("'\(physical.address)' is described here", physical.span)]
  }

  static func tokenMissing(_ device: ResolvedDevice, physical: HostDevice) -> Diagnostic {
    Diagnostic(
      vfTokenMissing,
      "\(quote(device.name)) is a virtual function of '\(physical.address)', which is on "
        + "\(quote(physical.driver ?? "")): the kernel opens it only with the token that "
        + "both share",
      at: device.$place, notes: note(physical),
      help: "add 'vfToken' with the UUID that the user of '\(physical.address)' has set")
  }

  static func tokensDiffer(
    _ device: ResolvedDevice, first: ResolvedDevice, physical: HostDevice
  ) -> Diagnostic {
    Diagnostic(
      vfTokensDiffer,
      "\(quote(device.name)) and \(quote(first.name)) are virtual functions of "
        + "'\(physical.address)', but their tokens differ",
      at: device.$vfToken,
      notes: [.init("the token of \(quote(first.name)) is here", first.$vfToken)],
      help: "give both the UUID that the user of '\(physical.address)' has set")
  }

  static func tokenUnwanted(_ device: ResolvedDevice, physical: HostDevice) -> Diagnostic {
    let driver = physical.driver.map { "is on \(quote($0))" } ?? "has no driver"
    return Diagnostic(
      vfTokenUnwanted,
      "\(quote(device.name)) is a virtual function of '\(physical.address)', which \(driver), not "
        + "on vfio-pci: the kernel refuses a token",
      at: device.$vfToken, notes: note(physical), help: "leave 'vfToken' out")
  }

  /// `physical` is the function on vfio-pci that the device is a virtual one of; `nil` if the
  /// device is none as far as the host says.
  static func tokenNotTaken(
    _ device: ResolvedDevice, physical: HostDevice?, described fact: HostDevice,
    on kernel: HostKernel, _ target: any Dialect, by rule: KernelRule
  ) -> Diagnostic {
    let isOnType1 = target.registersGroups
    let releases = rule.firstReleases.map { "a kernel from \($0) on" } ?? "another kernel"
    return Diagnostic(
      vfTokenNotTaken,
      physical.map { untaken(device, $0, on: kernel, target, by: rule) }
        ?? "\(quote(device.name)) is given a token, which \(untaking(kernel, target, by: rule))",
      at: device.vfToken == nil ? device.$place : device.$vfToken,
      notes: note(physical ?? fact),
      help: isOnType1
        ? "use " + releases
        : "use target 'type1'" + (device.vfToken == nil ? " and 'vfToken'" : "") + ", or "
          + releases)
  }

  /// What comes of a virtual function that can't be opened with its token.
  private static func untaken(
    _ device: ResolvedDevice, _ physical: HostDevice, on kernel: HostKernel,
    _ target: any Dialect, by rule: KernelRule
  ) -> String {
    let subject =
      "\(quote(device.name)) is a virtual function of '\(physical.address)', which is on "
      + "\(quote(physical.driver ?? "")): "
    guard !target.registersGroups, kernel.rules.answer(KernelRules.bindKnowsTokens) == .no else {
      return subject + "it has to be opened with a token, which "
        + untaking(kernel, target, by: rule)
    }
    return subject + "\(target.name) of \(kernel.title) opens it without asking for a token, so "
      + "that nobody checks that the VM may have it"
  }

  private static func untaking(
    _ kernel: HostKernel, _ target: any Dialect, by rule: KernelRule
  ) -> String {
    "\(target.name) of \(kernel.title) "
      + (kernel.rules.answer(rule) == .no ? "does not take" : "is not known to take")
  }

  static func tokenUnwanted(_ device: ResolvedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      vfTokenUnwanted,
      "\(quote(device.name)) is given a token, but nothing says that '\(fact.address)' is a "
        + "function with SR-IOV: the kernel refuses it",
      at: device.$vfToken, notes: note(fact),
      help: "leave 'vfToken' out, or say 'physicalFunction' in the host description")
  }
}
