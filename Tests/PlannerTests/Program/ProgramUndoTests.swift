import Parser
import Planner
import TestSupport
import Testing

struct ProgramUndoTests {
  /// The undos of a program in the order they are issued, as text.
  static func undos(_ program: Program) -> [String] {
    program.steps.reversed().compactMap { step in
      switch program.undo(of: step) {
      case .nothing: nil
      case .close(let id): "close \(program.results[Int(id.index)].name)"
      case .releaseMemory(let id, _, let size):
        "release \(program.results[Int(id.index)].name) \(size)"
      case .revert(let write): "revert \(write.attribute) \(write.driver)"
      case .ioctl(let file, let request, let arguments):
        request.name + " " + program.results[Int(file.index)].name
          + arguments.map { " " + text($0, program) }.joined()
      }
    }
  }

  static func text(_ operand: Operand, _ program: Program) -> String {
    switch operand {
    case .literal(let value): String(value)
    case .result(let id), .memory(let id, _): program.results[Int(id.index)].name
    case .address(let address): address.description
    case .token(let token): token.description
    }
  }

  @Test func iommufdIsUndoneInExactReverseWithTheMembersOfTheSteps() {
    let sketch = PlanSketch([
      .init("igd", group: 0, driver: "i915", isEnforced: false, canEnforce: false),
      .init("nic", group: 17, isEnforced: false),
    ])
    let program = IOMMUFDDialect().lower(
      sketch.plan(target: "iommufd"), for: sketch.vm, on: sketch.host)
    #expect(
      Self.undos(program) == [
        "IOMMU_IOAS_UNMAP iommufd gpa 0 1073741824", "release ram0 1073741824",
        "VFIO_DEVICE_DETACH_IOMMUFD_PT nic", "VFIO_DEVICE_DETACH_IOMMUFD_PT igd",
        "IOMMU_DESTROY iommufd gpa.0", "KVM_SET_DEVICE_ATTR kvm-vfio 1 2 nic", "close nic",
        "KVM_SET_DEVICE_ATTR kvm-vfio 1 2 igd", "close igd", "close kvm-vfio", "close vm",
        "close kvm", "IOMMU_DESTROY iommufd gpa", "close iommufd",
        "revert drivers_probe vfio-pci", "revert driver_override vfio-pci",
        "revert driver/unbind i915",
      ])
  }

  @Test func type1LeavesTheContainerWhenItsDevicesAreClosed() {
    let sketch = PlanSketch([.init("nic", group: 17)])
    let program = VFIOType1Dialect().lower(
      sketch.plan(target: "type1"), for: sketch.vm, on: sketch.host)
    #expect(
      Self.undos(program) == [
        "VFIO_IOMMU_UNMAP_DMA gpa.container 0 1073741824", "release ram0 1073741824", "close nic",
        "KVM_SET_DEVICE_ATTR kvm-vfio 1 2 group17", "VFIO_GROUP_UNSET_CONTAINER group17",
        "close group17", "close kvm-vfio", "close vm", "close kvm", "close gpa.container",
      ])
  }

  @Test func theProposalTakesTheAllowanceBackWhenNoDeviceIsAttachedAnyMore() {
    let sketch = PlanSketch([.init("igd", group: 0, isEnforced: false, canEnforce: false)])
    let program = IOASIDProposalDialect().lower(
      sketch.plan(target: "ioasid"), for: sketch.vm, on: sketch.host)
    #expect(
      Self.undos(program) == [
        "IOASID_UNMAP_DMA ioasid gpa.0 0 1073741824", "release ram0 1073741824",
        "VFIO_DETACH_IOASID igd gpa.0", "IOASID_FREE ioasid gpa.0",
        "KVM_DISALLOW_INCOHERENT_DMA vm ioasid igd.label", "VFIO_UNBIND_IOASID_FD igd ioasid",
        "close igd", "close vm", "close kvm", "close ioasid",
      ])
  }

  @Test func theProposalGivesRegisteredMemoryBackWhenNothingMapsItAnyMore() {
    let sketch = PlanSketch([
      .init("nic", group: 1), .init("igd", group: 0, isEnforced: false, canEnforce: false),
    ])
    let program = IOASIDProposalDialect().lower(
      sketch.plan(target: "ioasid"), for: sketch.vm, on: sketch.host)
    #expect(
      Self.undos(program).prefix(5) == [
        "IOASID_UNMAP_DMA ioasid gpa.1 0 1073741824", "IOASID_UNMAP_DMA ioasid gpa.0 0 1073741824",
        "IOASID_UNREGISTER_MEMORY ioasid ram0.va 1073741824", "release ram0 1073741824",
        "VFIO_DETACH_IOASID igd gpa.1",
      ])
  }

  @Test func whatHasNoNameIsNotUndoneWithTheReason() {
    let step = Step(
      .ioctl(ResultID(0), IOMMUFDRequests.ioasAlloc, arguments: [], results: [nil]),
      origin: .wholeVM)
    guard case .nothing(let reason) = Program().undo(of: step) else {
      Issue.record("something was undone")
      return
    }
    #expect(reason == "what it made has no name")
  }
}
