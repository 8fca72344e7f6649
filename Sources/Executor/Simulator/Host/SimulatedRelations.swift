import Parser
import Planner

/// Devices that are there because of another one (§5.5).
extension SimulatedHost {
  /// Drivers that leave SR-IOV on when they go, so that virtual functions stay: those that switch
  /// it by nothing but `pci_sriov_configure_simple` (drivers/nvme/host/pci.c,
  /// drivers/pci/pci-pf-stub.c, drivers/misc/pci_endpoint_test.c).
  private static let leaveSRIOVOn = ["nvme", "pci-pf-stub", "pci-endpoint-test"]

  /// Takes over from a description what hangs on what.
  mutating func relate(_ host: HostDescription) {
    guard host.hasRelations else { return }
    let parents = host.parents
    for (index, description) in host.devices.enumerated() {
      let physical = description.physicalFunction.flatMap(device)
      let parent = parents[index].flatMap(device)
      for holder in [physical, parent].compactMap(\.self) where holder != index {
        devices[holder].children.append(index)
      }
      if physical != index { devices[index].physicalFunction = physical }
    }
  }

  /// Whether a device has virtual functions now.
  func hasVirtualFunctions(_ device: Int) -> Bool {
    devices[device].children.contains {
      devices[$0].physicalFunction == device && devices[$0].isPresent
    }
  }

  /// Whether somebody has a device open, by whom its driver would wait.
  func isInUse(_ device: Int) -> Bool {
    if devices[device].openFiles > 0 { return true }
    guard let group = devices[device].group, devices[device].isOnVFIO else { return false }
    return groups[group].isFileOpen
  }

  /// What goes with a device's driver: virtual functions, unless it leaves them, and what is
  /// behind.
  func lost(with device: Int) -> [Int] {
    let keeps = devices[device].driver.map(Self.leaveSRIOVOn.contains) ?? true
    var lost: [Int] = []
    var seen: Set<Int> = [device]
    var next = devices[device].children.filter { !keeps || devices[$0].physicalFunction != device }
    while !next.isEmpty {
      let new = next.filter { devices[$0].isPresent && seen.insert($0).inserted }
      lost += new
      next = new.flatMap { devices[$0].children }
    }
    return lost
  }

  /// Takes a device away.
  mutating func remove(_ device: Int) {
    devices[device].isPresent = false
    devices[device].driver = nil
    devices[device].driverOverride = nil
    devices[device].token = nil
  }

  /// What is behind a device is found again once it has its driver again; virtual functions are
  /// not, for nobody asks for them.
  mutating func bringBack(behind device: Int) {
    for child in devices[device].children
    where !devices[child].isPresent && devices[child].physicalFunction == nil {
      devices[child].isPresent = true
      devices[child].driver = devices[child].initialDriver
      bringBack(behind: child)
    }
  }

  /// Looks at the token that a device is opened with (`vfio_pci_validate_vf_token`, §2.21.8).
  ///
  /// The token of a physical function that had its driver at the start is whatever is shown first:
  /// nobody knows what its user has set.
  mutating func checkToken(of device: Int, _ token: [UInt8]?) throws(Errno) {
    guard let physical = devices[device].physicalFunction else {
      // Of a virtual function whose physical one is not described nobody knows what it asks for.
      if devices[device].isVirtualFunction { return }
      return try checkToken(ofPhysical: device, token)
    }
    guard devices[physical].isPresent, devices[physical].isOnVFIO else {
      if token != nil { throw .einval }
      return
    }
    guard let token else { throw .eacces }
    let wanted = devices[physical].token ?? token
    if wanted != token { throw .eacces }
    devices[physical].token = wanted
  }

  /// A physical function's user sets the token, unless virtual functions are open under one.
  private mutating func checkToken(ofPhysical device: Int, _ token: [UInt8]?) throws(Errno) {
    guard hasVirtualFunctions(device) else {
      if token != nil { throw .einval }
      return
    }
    let isUsed = devices[device].children.contains { child in
      devices[child].physicalFunction == device
        && (devices[child].groupFiles > 0 || devices[child].owner != nil)
    }
    if isUsed, token == nil || token != devices[device].token { throw .eacces }
    if let token { devices[device].token = token }
  }
}
