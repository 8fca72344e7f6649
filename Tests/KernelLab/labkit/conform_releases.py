"""Which requests each release has: what programs are made of."""

from .recipes import Kernel

IOMMUFD, CDEV = (6, 2), (6, 6)
NEVER = (99,)  # a release that no kernel reaches
SINCE = {
    "IOMMU_HWPT_ALLOC": CDEV, "IOMMU_GET_HW_INFO": CDEV, "VFIO_DEVICE_BIND_IOMMUFD": CDEV,
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT": CDEV, "VFIO_DEVICE_DETACH_IOMMUFD_PT": CDEV,
    "IOMMU_IOAS_MAP_FILE": (6, 13), "IOMMU_IOAS_CHANGE_PROCESS": (6, 13),
}
# What the structures of requests end with.
PASIDS, TOKENS = (6, 15), (6, 17)


def has(kernel: Kernel, request: str) -> bool:
    """Whether a kernel has a request."""
    is_of_iommufd = request.startswith("IOMMU_") or request in SINCE
    if is_of_iommufd and kernel.is_stock:
        return False
    return SINCE.get(request, IOMMUFD if is_of_iommufd else ()) <= kernel.release
