import Foundation
import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Which devices can't be reset by themselves.
struct ResetScopeTests {
  private let copy: SysfsCopy
  private let plan: CompiledPlan

  init() throws {
    copy = try SysfsCopy()
    let sketch = PlanSketch([.init("a", group: 1), .init("b", group: 2)])
    plan = CompiledPlan(
      vm: sketch.vm, host: sketch.host, plan: sketch.plan(target: "iommufd"), program: Program(),
      diagnostics: [])
    // The sketch's devices are 0000:00:00.0 and 0000:00:00.1.
    for address in ["0000:00:00.0", "0000:00:00.1"] {
      try copy.device(address, 0x8086, 1, 0x020000, unit: nil, group: nil)
    }
  }

  private var messages: [String] {
    ResetScope(copy.tree).findings(for: plan).map(\.message)
  }

  @Test func aDeviceWithAResetOfItsOwnIsFine() throws {
    for address in ["0000:00:00.0", "0000:00:00.1"] {
      try copy.write("sys/bus/pci/devices/\(address)/reset", "")
    }
    #expect(messages == [])
  }

  @Test func oneWithoutIsNamedWithItsNeighbours() throws {
    try copy.write("sys/bus/pci/devices/0000:00:00.0/reset", "")
    try copy.device("0000:00:01.0", 0x8086, 2, 0x020000, unit: nil, group: nil)
    try copy.device("0000:01:00.0", 0x8086, 2, 0x020000, unit: nil, group: nil)
    #expect(
      messages == [
        "device 'b' (0000:00:00.1) can only be reset with its bus, which takes 0000:00:01.0 along"
      ])
  }

  @Test func nothingResetsARootBus() throws {
    try copy.write("sys/bus/pci/devices/0000:00:00.1/reset", "")
    try copy.write("sys/bus/pci/devices/0000:00:00.0/class", "0x060000\n")
    #expect(messages == ["device 'a' (0000:00:00.0) can't be reset by itself"])
  }

  /// The VMM resets the bus then, which takes nothing of the host along.
  @Test func aCardThatIsGivenWholeIsNoReasonToWarn() { #expect(messages == []) }

  @Test func aFunctionThatIsAloneOnItsBusIsNamed() throws {
    try copy.write("sys/bus/pci/devices/0000:00:00.1/reset", "")
    let path = copy.path + "/sys/bus/pci/devices/0000:00:00.1"
    try FileManager.default.removeItem(atPath: path)
    #expect(messages == ["device 'a' (0000:00:00.0) can't be reset by itself"])
  }

  @Test func aDeviceThatIsNotThereIsNoBusinessOfThis() throws {
    let elsewhere = ResetScope(try SysfsCopy().tree)
    #expect(elsewhere.findings(for: plan) == [])
  }

  @Test func aDeviceThatCanNotBeReadIsNotSaidToBeFine() throws {
    let other = try SysfsCopy()
    try other.link("sys/bus/pci/devices/0000:00:00.0", to: "0000:00:00.0")
    #expect(
      ResetScope(other.tree).findings(for: plan).map(\.message)
        == ["device 'a' (0000:00:00.0) can't be reset by itself"])
  }
}
