/// The tables of `RequestErrnos`, by interface.
extension RequestErrnos {
  static let iommufd: [(String, [Cause])] = [
    (
      "IOMMU_DESTROY",
      [
        cause(.enoent, "there is no object of this id"),
        cause(.ebusy, "the object is in use: an IOAS has an HWPT, or an HWPT a device"),
      ]
    ),
    (
      "IOMMU_IOAS_ALLOC",
      [cause(.eopnotsupp, "a flag is not known"), cause(.enomem, "not enough kernel memory")]
    ),
    (
      "IOMMU_IOAS_IOVA_RANGES",
      [
        cause(.enoent, "there is no such IOAS"),
        cause(.emsgsize, "there are more ranges than the buffer holds"),
      ]
    ),
    (
      "IOMMU_IOAS_MAP",
      [
        cause(.eopnotsupp, "a flag is not known"), cause(.enoent, "there is no such IOAS"),
        cause(.eoverflow, "the range wraps around the end of the address space"),
        cause(
          .einval,
          "the range is not aligned, overlaps a reserved region, or lies beyond the IOMMU's width"),
        cause(.eexist, "something is mapped there already"),
        cause(.efault, "the memory can't be pinned: not mapped, not writeable, or device memory"),
        cause(.enomem, "over RLIMIT_MEMLOCK, or not enough memory"),
      ]
    ),
    (
      "IOMMU_IOAS_MAP_FILE",
      [
        cause(.enotty, "the kernel is older than 6.13"),
        cause(.eopnotsupp, "a flag is not known"), cause(.enoent, "there is no such IOAS"),
        cause(.eoverflow, "the range wraps around the end of the address space"),
        cause(.ebadf, "the memory's file is not open"),
        cause(
          .einval,
          "the range is not aligned, overlaps a reserved region, lies beyond the IOMMU's width, or "
            + "reaches past the end of the memory"),
        cause(.eexist, "something is mapped there already"),
        cause(.enomem, "over RLIMIT_MEMLOCK, or not enough memory"),
      ]
    ),
    (
      "IOMMU_IOAS_UNMAP",
      [
        cause(.eoverflow, "the range wraps around the end of the address space"),
        cause(.einval, "the length is 0"),
        cause(.enoent, "nothing is mapped there, or a mapping is only partly inside the range"),
        cause(.ebusy, "the mapping is being changed or used by an object"),
      ]
    ),
    (
      "IOMMU_OPTION",
      [
        cause(.eopnotsupp, "the option is not known"),
        cause(.eperm, "RLIMIT_MODE needs CAP_SYS_RESOURCE"),
        cause(.ebusy, "RLIMIT_MODE can be set only while the iommufd has no objects"),
        cause(.einval, "the value is out of range"),
      ]
    ),
    (
      "IOMMU_HWPT_ALLOC",
      [
        cause(.enoent, "the device is not bound to this iommufd"),
        cause(.einval, "the parent is no IOAS, or the IOMMU's pages are larger than the CPU's"),
        cause(.enodev, "the device has no IOMMU"),
        cause(.eopnotsupp, "the IOMMU driver has no such page table"),
        cause(
          .eaddrinuse, "something mapped already lies beyond the IOMMU's width, or not aligned"),
        cause(.efault, "memory mapped already can't be pinned"),
        cause(.enomem, "over RLIMIT_MEMLOCK, or not enough memory"),
      ]
    ),
    (
      "IOMMU_GET_HW_INFO",
      [
        cause(.enoent, "the device is not bound to this iommufd"),
        cause(.eopnotsupp, "the device has no IOMMU"),
      ]
    ),
  ]

  static let device: [(String, [Cause])] = [
    (
      "VFIO_DEVICE_BIND_IOMMUFD",
      [
        cause(.ebusy, "the device's group file is open, or its group is in somebody's page table"),
        cause(
          .einval,
          "the device is open elsewhere, or firmware needs an identity mapping for its group"),
        cause(.ebadf, "the iommufd is not open"), cause(.ebadfd, "the file is no iommufd"),
        cause(.enodev, "the device has no IOMMU group"),
        cause(
          .eperm,
          "interrupts are not isolated, or another owner or a host driver has the group"),
        cause(Errno(rawValue: 11), "the device is being reset"),
        cause(.enomem, "not enough kernel memory"),
      ]
    ),
    (
      "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
      [
        cause(.enoent, "there is no such page table"),
        cause(
          .einval,
          "the page table enforces snoop and the device's IOMMU can't, the IOMMUs are not "
            + "compatible, or a device of the same group is on another table"),
        cause(.eaddrinuse, "a reserved region of the device overlaps what is mapped"),
        cause(.ebusy, "the group is in somebody's page table, or the device is being reset"),
        cause(.efault, "memory mapped already can't be pinned"),
        cause(.enomem, "over RLIMIT_MEMLOCK, or not enough memory"),
      ]
    ),
    ("VFIO_DEVICE_DETACH_IOMMUFD_PT", [cause(.einval, "the device is not bound")]),
  ]

  static let type1: [(String, [Cause])] = [
    ("VFIO_GET_API_VERSION", [cause(.enotty, "the file is no VFIO container")]),
    ("VFIO_CHECK_EXTENSION", [cause(.enodev, "an iommufd stands in for the container, unset")]),
    (
      "VFIO_SET_IOMMU",
      [
        cause(.einval, "the container has no group, or has its driver already"),
        cause(.enodev, "the driver is not there, or a group has no IOMMU"),
        cause(.eperm, "interrupts are not isolated"),
        cause(.enomem, "not enough kernel memory"),
      ]
    ),
    ("VFIO_IOMMU_GET_INFO", [cause(.einval, "the container has no driver yet")]),
    (
      "VFIO_IOMMU_MAP_DMA",
      [
        cause(
          .einval,
          "the range is not aligned, overlaps a reserved region, or lies beyond the IOMMU's width"),
        cause(.eoverflow, "the range wraps around the end of the address space"),
        cause(.eexist, "something is mapped there already"),
        cause(.enospc, "too many mappings (dma_entry_limit)"),
        cause(.efault, "the memory can't be pinned: not mapped, or not writeable"),
        cause(.enomem, "over RLIMIT_MEMLOCK, or not enough memory"),
      ]
    ),
    ("VFIO_IOMMU_UNMAP_DMA", [cause(.einval, "a mapping is only partly inside the range")]),
    (
      "VFIO_GROUP_GET_STATUS",
      [cause(.enodev, "the group is gone")]
    ),
    (
      "VFIO_GROUP_SET_CONTAINER",
      [
        cause(.ebadf, "the container is not open"), cause(.einval, "the group has a container"),
        cause(.ebadfd, "the file is no container"),
        cause(.eperm, "a host driver or another owner has a device of the group"),
        cause(.ebusy, "the group is in somebody's page table"),
      ]
    ),
    (
      "VFIO_GROUP_UNSET_CONTAINER",
      [
        cause(.einval, "the group is in no container"),
        cause(.ebusy, "devices of the group are open"),
      ]
    ),
    (
      "VFIO_GROUP_GET_DEVICE_FD",
      [
        cause(.enodev, "the device is not in the group, or not on vfio-pci"),
        cause(.einval, "the group is in no container, or the container has no driver"),
        cause(.eperm, "the group has no IOMMU and the caller lacks CAP_SYS_RAWIO"),
        cause(.emfile, "too many open files (RLIMIT_NOFILE)"),
      ]
    ),
  ]

  static let kvm: [(String, [Cause])] = [
    ("KVM_GET_API_VERSION", [cause(.enotty, "the file is not /dev/kvm")]),
    (
      "KVM_CREATE_VM",
      [
        cause(.einval, "the kind of VM is not known"),
        cause(.enomem, "not enough kernel memory"),
        cause(.emfile, "too many open files (RLIMIT_NOFILE)"),
      ]
    ),
    (
      "KVM_CREATE_DEVICE",
      [
        cause(.eio, "the VM belongs to another process"),
        cause(.enodev, "the kernel has no kvm-vfio device (CONFIG_KVM_VFIO)"),
        cause(.ebusy, "the VM has a kvm-vfio device already"),
        cause(.emfile, "too many open files (RLIMIT_NOFILE)"),
      ]
    ),
    (
      "KVM_SET_DEVICE_ATTR",
      [
        cause(.eio, "the VM belongs to another process"),
        cause(.enxio, "the kernel does not know the attribute"),
        cause(.ebadf, "the file is not open"),
        cause(.einval, "the file is no VFIO device or group"),
        cause(.eexist, "KVM has the file already"), cause(.enoent, "KVM does not have the file"),
        cause(.enomem, "not enough kernel memory"),
      ]
    ),
  ]

  static let proposal: [(String, [Cause])] = [
    (
      "KVM_ADD_IOASID_FD",
      [
        cause(.ebadf, "the file is not open"), cause(.einval, "the file is no ioasid file"),
        cause(.eexist, "KVM has the file already"),
      ]
    ),
    ("KVM_ALLOW_INCOHERENT_DMA", proof + [cause(.eexist, "this proof was given already")]),
    ("KVM_DISALLOW_INCOHERENT_DMA", proof),
    (
      "VFIO_BIND_IOASID_FD",
      [
        cause(.ebadf, "the ioasid file is not open"), cause(.ebadfd, "the file is no ioasid file"),
        cause(.ebusy, "the device is bound already, or its group file is open"),
        cause(.enodev, "the device has no IOMMU group"),
        cause(
          .eperm,
          "interrupts are not isolated, or another owner or a host driver has the group"),
        cause(.einval, "firmware needs an identity mapping for the device's group"),
      ]
    ),
    (
      "VFIO_UNBIND_IOASID_FD",
      [
        cause(.einval, "the device is bound to another file"),
        cause(.ebusy, "the device is attached"),
      ]
    ),
    (
      "VFIO_ATTACH_IOASID",
      [
        cause(.enoent, "there is no such IOASID"), cause(.ebusy, "the device is attached already"),
        cause(
          .einval,
          "the IOASID enforces snoop and the device's IOMMU can't, the IOMMUs are not "
            + "compatible, or a device of the same group is on another IOASID"),
        cause(.eaddrinuse, "a reserved region of the device overlaps what is mapped"),
      ]
    ),
    ("VFIO_DETACH_IOASID", [cause(.einval, "the device is not attached to this IOASID")]),
    ("IOASID_CHECK_EXTENSION", [cause(.enotty, "the file is no ioasid file")]),
    (
      "IOASID_REGISTER_MEMORY",
      [cause(.efault, "the memory is not mapped"), cause(.eexist, "the range is registered")]
    ),
    ("IOASID_UNREGISTER_MEMORY", [cause(.enoent, "the range is not registered")]),
    (
      "IOASID_ALLOC",
      [cause(.einval, "a flag is not known"), cause(.enomem, "not enough kernel memory")]
    ),
    (
      "IOASID_FREE",
      [cause(.enoent, "there is no such IOASID"), cause(.ebusy, "devices are attached")]
    ),
    (
      "IOASID_GET_INFO",
      [cause(.enoent, "there is no such IOASID"), cause(.einval, "no device is attached yet")]
    ),
    (
      "IOASID_MAP_DMA",
      [
        cause(.enoent, "there is no such IOASID"),
        cause(
          .einval,
          "no device is attached yet, a group is attached only in part, or the range is not "
            + "aligned, reserved, or beyond the IOMMU's width"),
        cause(.eoverflow, "the range wraps around the end of the address space"),
        cause(.eexist, "something is mapped there already"),
        cause(.efault, "the memory is not mapped"),
        cause(.enomem, "over RLIMIT_MEMLOCK, or not enough memory"),
      ]
    ),
    ("IOASID_UNMAP_DMA", [cause(.einval, "a mapping is only partly inside the range")]),
    ("IOASID_GET_DEV_INFO", [cause(.enoent, "no device of this label is bound")]),
  ]

  private static let proof = [
    cause(.ebadf, "the ioasid file is not open"), cause(.einval, "the file is no ioasid file"),
    cause(.enoent, "the proof does not hold: the file is not registered, or has no such device"),
    cause(.eperm, "the device does not declare itself capable of no-snoop"),
  ]
}
