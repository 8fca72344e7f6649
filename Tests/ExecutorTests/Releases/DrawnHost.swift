import Parser
import Planner
import TestSupport

@testable import Executor

extension SmallWorld {
  /// The host of this world with a kernel, units and rules that are drawn, each of which plans and
  /// runs may hang on.
  func drawnHost(seed: UInt64) -> HostDescription {
    var random = SeededNumbers(seed: seed &* 977 &+ 5)
    let release = SimulatedKernel.releases.randomElement(using: &random) ?? SimulatedRelease.newest
    let kind = UnitKind.allCases.randomElement(using: &random) ?? .intel
    var host = host.running(release.description, on: kind)
    host.kernel.kvm = [.yes, .yes, .yes, .no, .unknown].randomElement(using: &random) ?? .yes
    // Before 6.2 there is no iommufd to answer for containers.
    host.kernel.vfioContainer =
      [nil, nil, .vfio, release < KernelVersion(6, 2) ? .vfio : .iommufd].randomElement(
        using: &random) ?? nil
    for index in host.iommus.indices { host.iommus[index].draw(kind, &random) }
    // Machines have a group behind one unit.
    var unitOfGroup: [Int: String] = [:]
    for index in host.devices.indices {
      guard let group = host.devices[index].group else { continue }
      let unit = unitOfGroup[group] ?? host.devices[index].iommu
      (unitOfGroup[group], host.devices[index].iommu) = (unit, unit)
    }
    // A kernel without an interface that its release has is drawn by its nodes.
    let names = Set(KernelRules.all.map(\.name)).subtracting(["iommufd", "vfioCdevs"])
    for name in names.sorted() + ["IOMMU_IOAS_MAP_FILE"]
    where Int.random(in: 0..<12, using: &random) == 0 {
      host.kernel.statedRules[name] = .init(Bool.random(using: &random))
    }
    // KVM asked for devices when type1 already asked each page table, and had to where iommufd
    // answers for containers: no kernel has one alone.
    let rules = host.kernel.rules
    let asksDevices = rules.answer(KernelRules.kvmAsksDevices) == .yes
    let asksTables = rules.answer(KernelRules.type1EnforcesByTable) == .yes
    if asksDevices != asksTables || host.kernel.vfioContainer == .iommufd {
      host.kernel.statedRules["type1EnforcesByTable"] = nil
      host.kernel.statedRules["kvmAsksDevices"] = nil
    }
    return host
  }
}

extension HostIOMMU {
  fileprivate mutating func draw(_ kind: UnitKind, _ random: inout SeededNumbers) {
    if kind == .intel || kind == .firstStage {
      firstStage = [.yes, .no].randomElement(using: &random) ?? .no
    }
    if kind == .amd {
      pageTables = [nil, nil, .v1, .v2].randomElement(using: &random) ?? nil
    }
    addressBits = [39, 48, 48, 57].randomElement(using: &random) ?? 48
    let sizes: [UInt64] = [4 << 10, 2 << 20, 1 << 30]
    pageSizes = Array(sizes.prefix(Int.random(in: 2...3, using: &random)))
  }
}
