import Parser
import Planner

/// Which of the kernel's device nodes are there: as the host says, else as the release has them.
struct SimulatedNodes {
  /// Whether there is `/dev/iommu`.
  let hasIOMMUFD: Bool
  /// Whether devices of VFIO have nodes of their own.
  let hasCdevs: Bool
  /// Who answers `/dev/vfio/vfio`.
  let container: HostKernel.VFIOContainer
  /// Whether groups of VFIO have nodes.
  let hasGroups: Bool
  /// Whether there is `/dev/kvm`.
  let hasKVM: Bool

  /// Reads what a host says of its kernel.
  init(of kernel: HostKernel, by facts: SimulatedRelease) {
    hasIOMMUFD = kernel.iommufd.or(Fact(kernel.vfioCdev == .yes || facts.has(.iommufd))) == .yes
    hasCdevs = kernel.vfioCdev.or(Fact(hasIOMMUFD && facts.has(.vfioCdevs))) == .yes
    container = kernel.vfioContainer ?? (kernel.type1 == .no ? .none : .vfio)
    hasGroups = kernel.type1 != .no || container != .none
    hasKVM = kernel.kvm != .no
  }

  /// Whether there is a node of which there is one at most.
  func has(_ path: DevicePath) -> Bool {
    switch path {
    case .iommu: hasIOMMUFD
    case .vfioContainer: container != .none
    case .kvm: hasKVM
    case .ioasid, .vfioGroup, .vfioDevice: false
    }
  }
}
