"""Which requests each release has: what programs are made of."""

from .recipes import Kernel

IOMMUFD_SINCE, CDEV_SINCE = (6, 2), (6, 6)
NEVER_RELEASED = (99,)  # a release that no kernel reaches
REQUEST_SINCE = {
    "IOMMU_HWPT_ALLOC": CDEV_SINCE, "IOMMU_GET_HW_INFO": CDEV_SINCE,
    "VFIO_DEVICE_BIND_IOMMUFD": CDEV_SINCE, "VFIO_DEVICE_ATTACH_IOMMUFD_PT": CDEV_SINCE,
    "VFIO_DEVICE_DETACH_IOMMUFD_PT": CDEV_SINCE,
    "IOMMU_IOAS_MAP_FILE": (6, 13), "IOMMU_IOAS_CHANGE_PROCESS": (6, 13),
}
# What the structures of requests end with.
PASIDS_SINCE, TOKENS_SINCE = (6, 15), (6, 17)


def has_request(kernel: Kernel, request: str) -> bool:
    """Whether a kernel has a request."""
    is_of_iommufd = request.startswith("IOMMU_") or request in REQUEST_SINCE
    if is_of_iommufd and kernel.is_stock:
        return False
    return REQUEST_SINCE.get(request, IOMMUFD_SINCE if is_of_iommufd else ()) <= kernel.release
