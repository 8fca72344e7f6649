"""Where the simulator may differ from kernels, and why; what is not tried on some."""

from dataclasses import dataclass

from .conform_releases import NEVER_RELEASED
from .releases import Release


@dataclass(frozen=True)
class Allowed:
    """A difference, by regular expressions over the step and both answers."""

    step: str
    kernel: str
    simulator: str
    why: str
    is_end: bool = False  # what follows depends on it, and is not compared
    since: Release = ()
    before: Release = NEVER_RELEASED


@dataclass(frozen=True)
class Spoiler:
    """A step by which a kernel loses something for good, which programs after it would show."""

    step: str
    why: str
    end: str = ".*"  # the last of what the simulator says; "left" is what outlives the processes
    since: Release = ()
    before: Release = NEVER_RELEASED


SPOILERS = [
    Spoiler("0x3b71:.* (iova:8=18446744073709547520 size:8=4096|"
            "iova:8=18446744073709543424 size:8=8192)",
            "before 6.18 type1 does not unpin a mapping that ends with the last address of all, "
            "where the sum of address and size is 0 (vfio_unmap_unpin)", before=(6, 18)),
    Spoiler("0x3b8f:IOMMU_IOAS_MAP_FILE",
            "a mapping of a file keeps that file open: an iommufd that is mapped in itself, or whose "
            "device or VM is, keeps itself open, and no end of a process closes it",
            end=r'left \[.*"/dev/iommu".*\] \[.*\]', since=(6, 13)),
]

EXCEPTIONS = [
    Allowed("0x[0-9a-f]*3b(8f:IOMMU_IOAS_MAP_FILE|92:IOMMU_IOAS_CHANGE_PROCESS)", "EFAULT", "ENOTTY",
            "the lab's kernels have iommufd's self-test, so the table of requests goes further "
            "and the size is read before the request is found unknown", before=(6, 13)),
    Allowed("VFIO_DEVICE_ATTACH_IOMMUFD_PT argsz:4=.* flags:4=1 ", "(0|EBUSY|EADDRINUSE|EFAULT) .*",
            "EINVAL .*", "attaching by PASID is not simulated: 0, which is none, attaches the device "
            "itself, unknown to detaching; others take tables that were made for PASIDs", is_end=True,
            since=(6, 15)),
]
