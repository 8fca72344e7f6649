import Parser

// What was decided: everything in a plan file that follows from its descriptions, but the steps.

extension SavedPlanWriter {
  /// Writes the members before `devices`.
  func writeHead(to writer: inout JSONWriter) {
    let plan = compiled.plan
    writer.member("format", SavedPlan.format)
    writer.member("vm", compiled.vm.name)
    writer.member("target", plan.target)
    writer.member("objective", plan.objective.order.map(\.rawValue))
    writer.member("metrics", plan.metrics)
    writer.key("ioasids")
    writer.beginArray(.block)
    for table in plan.pageTables { write(table, to: &writer) }
    writer.endArray()
    if !plan.companions.isEmpty { write(plan.companions, to: &writer) }
  }

  private func write(_ companions: [Companion], to writer: inout JSONWriter) {
    writer.key("companions")
    writer.beginArray(.block)
    for companion in companions {
      writer.beginObject()
      writer.member("address", companion.address)
      writer.member("group", companion.group)
      writer.member("driver", companion.driver)
      writer.member("device", compiled.plan.devices[companion.device].name)
      writer.endObject()
    }
    writer.endArray()
  }

  private func write(_ table: PageTable, to writer: inout JSONWriter) {
    let plan = compiled.plan
    writer.beginObject()
    writer.member("name", table.name)
    writer.member("addressSpace", plan.addressSpaces[table.addressSpace].name)
    writer.member("enforceSnoop", table.snoopPolicy == .enforced)
    if !plan.isKnown(table) { writer.member("known", false) }
    writer.member("iommus", table.iommus)
    writer.key("devices")
    writer.beginArray()
    for device in table.devices { writer.string(plan.devices[device].name) }
    writer.endArray()
    writer.member("leader", plan.devices[table.leader].name)
    writer.endObject()
  }

  /// Writes a run of elements of `devices`.
  func writeDevices(_ run: Range<Int>, to writer: inout JSONWriter) {
    let explanation = PlanExplanation(compiled.plan)
    for index in run { write(device: index, explanation, to: &writer) }
  }

  private func write(
    device index: Int, _ explanation: PlanExplanation, to writer: inout JSONWriter
  ) {
    let plan = compiled.plan
    let device = plan.devices[index]
    let table = plan.pageTables[device.pageTable]
    writer.beginObject()
    // Keys as prepared bytes: this and the steps are nearly all of a large plan.
    writer.appendRaw("\"name\":")
    writer.quote(device.name)
    writer.appendRaw(",\"address\":\"")
    writer.appendText(device.address)
    writer.appendRaw("\",\"group\":")
    writer.appendDigits(UInt64(device.group.magnitude))
    writer.appendRaw(",\"noSnoop\":")
    writer.quote(device.intent.rawValue)
    writer.appendRaw(",\"resolved\":")
    writer.quote(device.resolved.rawValue)
    writeFacts(device, to: &writer)
    writer.appendRaw(",\"box\":")
    writer.appendDigits(UInt64(device.box))
    writer.appendRaw(",\"ioasid\":")
    writer.quote(table.name)
    writer.appendRaw(",\"effective\":")
    writer.appendRaw(device.isEffective ? "true" : "false")
    writer.appendRaw(",\"why\":\"")
    explanation.appendWhy(of: index, to: &writer)
    writer.appendRaw("\",\"reason\":{\"code\":")
    write(device.reason, to: &writer)
    writer.appendRaw("},\"addressSpace\":")
    writer.quote(plan.addressSpaces[table.addressSpace].name)
    writer.appendRaw(",\"iommu\":")
    writer.quote(device.iommu)
    writer.appendRaw(",\"registeredWithKVM\":")
    writer.appendRaw(device.isKnownToKVM ? "true" : "false")
    writer.endObject()
  }

  /// Writes the facts, and how they count if one is unknown.
  private func writeFacts(_ device: PlannedDevice, to writer: inout JSONWriter) {
    writer.appendRaw(",\"canNoSnoop\":")
    writer.appendRaw(device.noSnoopFact.json)
    writer.appendRaw(",\"canEnforceSnoop\":")
    writer.appendRaw(device.enforcementFact.json)
    guard !device.isKnown else { return }
    writer.appendRaw(",\"countsAs\":{\"canNoSnoop\":")
    writer.appendRaw(device.canNoSnoop ? "true" : "false")
    writer.appendRaw(",\"canEnforceSnoop\":")
    writer.appendRaw(device.canEnforceSnoop ? "true}" : "false}")
  }

  private func write(_ reason: PlacementReason, to writer: inout JSONWriter) {
    writer.quote(reason.code)
    switch reason {
    case .cannotEnforce(let device), .notKnownToEnforce(let device), .required(let device),
      .forbidden(let device):
      writer.appendRaw(",\"device\":")
      writer.quote(compiled.plan.devices[device].name)
    case .objective(let metric):
      writer.appendRaw(",\"metric\":")
      writer.quote(metric.rawValue)
    default: break
    }
  }

  /// Writes `kvm`.
  func writeKVM(to writer: inout JSONWriter) {
    let coherency = compiled.plan.coherency
    writer.key("kvm")
    writer.beginObject()
    writer.member("incoherentDMA", coherency.allowsIncoherentDMA)
    if !compiled.plan.isKVMKnown { writer.member("known", false) }
    writer.member("proof", coherency.proof.map { compiled.plan.devices[$0].name })
    writer.member("reason", coherency.reason.code)
    writer.endObject()
  }

  /// Writes `addressSpaces`: what each one in use maps.
  func writeMappings(to writer: inout JSONWriter) {
    writer.key("addressSpaces")
    writer.beginArray(.block)
    for space in compiled.plan.addressSpaces {
      writer.beginObject()
      writer.member("name", space.name)
      writer.key("mappings")
      writer.beginArray()
      for mapping in space.mappings {
        writer.beginObject()
        writer.member("iova", hex: mapping.iova)
        writer.member("size", hex: mapping.size)
        writer.member("region", mapping.region)
        writer.member("offset", hex: mapping.offset)
        writer.endObject()
      }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
  }

  /// Writes `budget`: what the plan takes of limits and addresses.
  func writeBudget(to writer: inout JSONWriter) {
    let budget = PlanBudget(compiled)
    writer.key("budget")
    writer.beginObject()
    writer.member("lockedBytes", hex: budget.lockedBytes)
    writer.member("guestBytes", hex: budget.guestBytes)
    writer.member("account", budget.account.rawValue)
    writer.member("mappings", budget.mappings)
    writer.member("largestAddressSpace", budget.largestSpace)
    writer.member("mappingLimit", budget.mappingLimit?.count)
    writer.member("barBytes", hex: budget.windows.bytes)
    writer.member("unknownBARs", budget.windows.unknown)
    writer.member("guestAddressBits", budget.guestBits)
    writer.member("iommuAddressBits", budget.narrowest?.addressBits)
    writer.member("fitsIOMMU", budget.fitsIOMMU)
    writer.member("fitsGuest", budget.fitsGuest)
    writer.member("vmmMapsBARs", budget.mapsBARs)
    writer.member("locksBARs", budget.locksBARs)
    writer.member("peerToPeer", false)
    writer.endObject()
  }

  /// Writes `summary`: how much there is to review.
  func writeSummary(to writer: inout JSONWriter) {
    var ioctls = 0
    var opens = 0
    for step in compiled.program.steps {
      switch step.action.verb {
      case .ioctl: ioctls += 1
      case .open: opens += 1
      default: break
      }
    }
    writer.key("summary")
    writer.beginObject()
    writer.member("devices", compiled.plan.devices.count)
    writer.member("pageTables", compiled.plan.pageTables.count)
    writer.member("steps", compiled.program.steps.count)
    writer.member("ioctls", ioctls)
    writer.member("opens", opens)
    writer.endObject()
  }
}

extension JSONWriter {
  /// Adds a string where the bytes before it say that one follows.
  fileprivate mutating func quote(_ text: String) {
    appendRaw("\"")
    appendText(text)
    appendRaw("\"")
  }
}

extension Fact {
  /// Itself as JSON: unknown is a word of its own.
  fileprivate var json: StaticString {
    switch self {
    case .yes: "true"
    case .no: "false"
    case .unknown: "\"unknown\""
    }
  }
}

extension JSONWriter {
  /// Writes the facts about a device as members, and how they count if one is unknown.
  public mutating func writeFacts(canNoSnoop: Fact, canEnforceSnoop: Fact) {
    member("canNoSnoop", canNoSnoop)
    member("canEnforceSnoop", canEnforceSnoop)
    guard canNoSnoop == .unknown || canEnforceSnoop == .unknown else { return }
    key("countsAs")
    beginObject()
    member("canNoSnoop", canNoSnoop != .no)
    member("canEnforceSnoop", canEnforceSnoop == .yes)
    endObject()
  }

  /// Writes a member whose value are the four metrics.
  public mutating func member(_ name: StaticString, _ metrics: PlanMetrics) {
    key(name)
    beginObject()
    member("wbinvd", metrics.wbinvd)
    member("incoherentDevices", metrics.incoherentDevices)
    member("pageTables", metrics.pageTables)
    member("blockedNoSnoop", metrics.blockedNoSnoop)
    endObject()
  }
}
