import Parser

/// What becomes of a plan for type1 where iommufd answers in the place of containers.
///
/// It attaches each device to the first page table that takes it. As programs open those first that
/// are enforced, that is as planned but for Intel's first-stage tables from 6.19 on.
enum ContainerTables {
  /// The finding if devices would be on page tables of the other format.
  static func finding(for plan: IOASIDPlan, on host: HostDescription) -> Diagnostic? {
    guard let dialect = plan.dialect, dialect.registersGroups,
      host.kernel.vfioContainer == .iommufd
    else { return nil }
    let rule = VMMRule.type1.settled(on: host.kernel, besides: dialect)
    let situation = VMMSituation(plan, host, rule)
    guard situation.isFirstStageUnchecked, situation.devices.contains(where: \.isFirstStage) else {
      return nil
    }
    for space in plan.addressSpaces.indices {
      if let device = mixed(in: space, plan, situation) {
        return PlannerDiagnostics.containerMixes(plan.devices[device], host)
      }
    }
    return nil
  }

  /// The first device of an address space that gets a page table of the other format.
  private static func mixed(
    in space: Int, _ plan: IOASIDPlan, _ situation: VMMSituation
  ) -> Int? {
    let members = plan.devices.indices.filter {
      plan.pageTables[plan.devices[$0].pageTable].addressSpace == space
    }
    // As the program opens them.
    let rank = { (device: Int) in
      (plan.isEnforced(device) ? 0 : 2) + (situation.devices[device].isFirstStage ? 1 : 0)
    }
    let order = members.sorted { (rank($0), $0) < (rank($1), $1) }
    var attachment = VMMAttachment(plan, situation)
    for device in order { attachment.attach(device) }
    return order.first { device in
      let table = attachment.tables[attachment.tableOfDevice[device]]
      return (table.snoopPolicy == .enforced) != plan.isEnforced(device)
    }
  }
}

extension PlannerDiagnostics {
  static func containerMixes(_ device: PlannedDevice, _ host: HostDescription) -> Diagnostic {
    let iommufd = IOMMUFDDialect()
    let isThere = iommufd.missingInterface(on: host.kernel) == nil
    return Diagnostic(
      containerMixes,
      "\(quote(device.name)) can't be enforced, but iommufd, which answers /dev/vfio/vfio on host "
        + "\(quote(host.name)), would put it on the first-stage table of others that are",
      at: device.origin,
      notes: [.init("the host's kernel is described here", host.kernel.span)],
      help: isThere
        ? "use target 'iommufd'"
        : "use a kernel that has the files of devices (\(KernelOption.vfioCdev)) and target "
          + "'iommufd', or one with VFIO's own containers")
  }
}
