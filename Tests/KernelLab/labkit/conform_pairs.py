"""Which answers each request has, by the kernel's source: what programs ought to reach.

Of the requests that programs make. What takes other hardware is left out: drivers that know no
PASIDs, a shortage of memory. Answers that are not here are said, too.
"""

from .conform_releases import NEVER, has
from .recipes import Kernel

COMMON = "0 EFAULT EINVAL E2BIG"
VFIO = "0 EFAULT EINVAL"
OF_FILES = "EBADF ENOTTY"  # closed, or of another kind
# What files of another kind also say: a device that is not bound, KVM's to another process.
OF_OTHERS = ["EINVAL", "EIO"]

PAIRS = {name: f"{answers} {OF_FILES}".split() for name, answers in {
    "IOMMU_DESTROY": f"{COMMON} ENOENT EBUSY",
    "IOMMU_IOAS_ALLOC": f"{COMMON} EOPNOTSUPP",
    "IOMMU_IOAS_ALLOW_IOVAS": f"{COMMON} EOPNOTSUPP ENOENT EADDRINUSE",
    "IOMMU_IOAS_COPY": f"{COMMON} EOPNOTSUPP EOVERFLOW ENOENT ENOSPC EEXIST EPERM",
    "IOMMU_IOAS_IOVA_RANGES": f"{COMMON} EOPNOTSUPP ENOENT EMSGSIZE",
    "IOMMU_IOAS_MAP": f"{COMMON} EOPNOTSUPP EOVERFLOW ENOENT ENOSPC EEXIST",
    "IOMMU_IOAS_UNMAP": f"{COMMON} EOVERFLOW ENOENT",
    "IOMMU_OPTION": f"{COMMON} EOPNOTSUPP ENOENT EBUSY EADDRINUSE",
    "IOMMU_VFIO_IOAS": f"{COMMON} EOPNOTSUPP ENODEV ENOENT",
    "IOMMU_HWPT_ALLOC": f"{COMMON} EOPNOTSUPP ENOENT EADDRINUSE",
    "IOMMU_GET_HW_INFO": f"{COMMON} EOPNOTSUPP ENOENT",
    "IOMMU_IOAS_MAP_FILE": f"{COMMON} EOPNOTSUPP EOVERFLOW ENOENT ENOSPC EEXIST",
    "IOMMU_IOAS_CHANGE_PROCESS": f"{COMMON} EOPNOTSUPP",
    "VFIO_GET_API_VERSION": "0",
    "VFIO_CHECK_EXTENSION": "0 ENODEV",
    "VFIO_SET_IOMMU": "0 EINVAL ENODEV EPERM EADDRINUSE",
    "VFIO_IOMMU_GET_INFO": f"{VFIO} ENODEV",
    "VFIO_IOMMU_MAP_DMA": f"{VFIO} ENODEV EOVERFLOW EEXIST ENOENT",
    "VFIO_IOMMU_UNMAP_DMA": f"{VFIO} ENODEV EOVERFLOW ENOENT",
    "VFIO_GROUP_GET_STATUS": VFIO,
    "VFIO_GROUP_SET_CONTAINER": f"{VFIO} EBADFD EPERM",
    "VFIO_GROUP_UNSET_CONTAINER": "0 EINVAL EBUSY",
    "VFIO_GROUP_GET_DEVICE_FD": "0 EINVAL ENODEV EPERM",
    "VFIO_DEVICE_GET_INFO": VFIO,
    "VFIO_DEVICE_GET_REGION_INFO": VFIO,
    "VFIO_DEVICE_GET_IRQ_INFO": VFIO,
    "VFIO_DEVICE_SET_IRQS": VFIO,
    "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO": "EFAULT EINVAL ENODEV",
    "VFIO_DEVICE_PCI_HOT_RESET": "EFAULT EINVAL ENODEV",
    "VFIO_DEVICE_IOEVENTFD": "EFAULT EINVAL",
    "VFIO_DEVICE_FEATURE": VFIO,
    "VFIO_DEVICE_BIND_IOMMUFD": f"{VFIO} E2BIG EBUSY EBADFD EPERM",
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT": f"{VFIO} ENOENT EADDRINUSE EBUSY",
    "VFIO_DEVICE_DETACH_IOMMUFD_PT": VFIO,
    "KVM_GET_API_VERSION": "0 EINVAL",
    "KVM_CHECK_EXTENSION": "0",
    "KVM_CREATE_VM": "0 EINVAL",
    "KVM_CREATE_DEVICE": "0 EFAULT ENODEV EBUSY EIO",
    "KVM_SET_DEVICE_ATTR": "0 EFAULT ENXIO EINVAL EEXIST ENOENT EIO",
    "KVM_GET_DEVICE_ATTR": "EPERM ENXIO EFAULT EIO",
    "KVM_HAS_DEVICE_ATTR": "0 ENXIO EFAULT EIO",
}.items()}
# What only some releases answer, of those that have the request.
SINCE = {("VFIO_IOMMU_MAP_DMA", "ENOENT"): (5, 12), ("VFIO_DEVICE_BIND_IOMMUFD", "E2BIG"): (6, 17)}
# Of a container's requests, what iommufd answers in its place; since when type1 does, too.
OF_IOMMUFD = {("VFIO_IOMMU_MAP_DMA", "EOVERFLOW"): (6, 18),
              ("VFIO_IOMMU_UNMAP_DMA", "EOVERFLOW"): (6, 18),
              ("VFIO_SET_IOMMU", "EADDRINUSE"): NEVER, ("VFIO_CHECK_EXTENSION", "ENODEV"): NEVER,
              ("VFIO_IOMMU_UNMAP_DMA", "ENOENT"): NEVER}


def known(kernel: Kernel) -> set[tuple[str, str]]:
    """Request and answer, of those that a kernel has."""
    since = SINCE if has(kernel, "IOMMU_VFIO_IOAS") else {**SINCE, **OF_IOMMUFD}
    return {(name, errno) for name, errnos in PAIRS.items() if has(kernel, name)
            for errno in errnos if since.get((name, errno), ()) <= kernel.release}
