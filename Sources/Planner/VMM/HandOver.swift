extension CompiledPlan {
  /// The same plan for a VMM that binds, attaches, maps and tells KVM by itself.
  ///
  /// What is left is what it can't do: the drivers, and on iommufd the open files, with memory
  /// accounted per process. A group's file of type1 is left to the VMM, too: the kernel lets it be
  /// opened once only (`vfio_group_fops_open`, drivers/vfio/group.c, 6.1 to 7.3).
  public var handedOver: CompiledPlan {
    var other = self
    other.program = program.keeping { step in
      switch step.action {
      case .sysfs, .open(.iommu, _), .open(.vfioDevice, _): true
      default: step.action.request == IOMMUFDRequests.option
      }
    }
    return other
  }
}
