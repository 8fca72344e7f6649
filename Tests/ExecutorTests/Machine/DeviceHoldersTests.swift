import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Which other processes have a plan's devices.
struct DeviceHoldersTests {
  private let copy: SysfsCopy

  init() throws {
    copy = try SysfsCopy()
    let group = "sys/kernel/iommu_groups/7/devices/"
    try copy.write(group + "0000:00:00.0", "")
    try copy.write(group + "0000:01:00.0", "")
    try copy.write("sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio3/dev", "511:3\n")
    try copy.link("proc/self", to: "41")
    try copy.write("proc/42/comm", "qemu-system-x86\n")
  }

  private func messages(driver: String? = "vfio-pci") -> [String] {
    let sketch = PlanSketch([.init("a", group: 7, driver: driver)])
    let plan = CompiledPlan(
      vm: sketch.vm, host: sketch.host, plan: sketch.plan(target: "iommufd"), program: Program(),
      diagnostics: [])
    let openFiles = OpenFiles(copy.tree, nodes: MadeUpNodes())
    return DeviceHolders(copy.tree, openFiles: openFiles).findings(for: plan).map(\.message)
  }

  private static let found = [
    "device 'a' (0000:00:00.0), or one of its group, is open in process 42 (qemu-system-x86)"
  ]

  @Test func nobodyHasIt() throws {
    try copy.link("proc/42/fd/3", to: "/dev/vfio/vfio")
    try copy.link("proc/42/fd/4", to: "/dev/vfio/8")
    #expect(messages() == [])
  }

  @Test func aProcessHasTheGroup() throws {
    try copy.link("proc/42/fd/3", to: "/dev/vfio/7")
    #expect(messages() == Self.found)
  }

  @Test func aProcessHasAnotherDeviceOfTheGroup() throws {
    try copy.link("proc/42/fd/3", to: "/dev/vfio/devices/vfio3")
    try copy.link("proc/42/fd/4", to: "/dev/vfio/devices/vfio3")
    #expect(messages() == Self.found)
  }

  @Test func thisProcessIsNobodyElse() throws {
    try copy.link("proc/41/fd/3", to: "/dev/vfio/7")
    #expect(messages() == [])
  }

  @Test func aDeviceOfTheHostsDriverIsNotLookedFor() throws {
    try copy.link("proc/42/fd/3", to: "/dev/vfio/7")
    #expect(messages(driver: "nvme") == [] && messages(driver: nil) == [])
  }

  @Test func aProcessThatCanNotBeSeenMayHaveIt() throws {
    try copy.link("proc/42/fd", to: "fd")
    #expect(
      messages() == [
        "can't tell whether another process has device 'a' (0000:00:00.0) open: "
          + "/proc/42/fd: ELOOP"
      ])
    #expect(messages(driver: "nvme") == [])
  }
}
