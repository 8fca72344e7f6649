"""Where the simulator may differ from kernels, and why; what is not tried on some."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """A difference, by regular expressions over the step and both answers."""

    step: str
    kernel: str
    simulator: str
    why: str
    isEnd: bool = False  # what follows depends on it, and is not compared
    release: str = ""


@dataclass(frozen=True)
class Spoiler:
    """A step by which a kernel loses something for good, which programs after it would show."""

    kernel: str
    step: str
    why: str
    end: str = ".*"  # the last of what the simulator says; "left" is what outlives the processes


SPOILERS = [
    Spoiler(r"6\.", "0x3b71:.* (iova:8=18446744073709547520 size:8=4096|"
            "iova:8=18446744073709543424 size:8=8192)",
            "before 7.x type1 does not unpin a mapping that ends with the last address of all, "
            "where the sum of address and size is 0 (vfio_unmap_unpin)"),
    Spoiler(r"7\.3", "0x3b8f:IOMMU_IOAS_MAP_FILE",
            "a mapping of a file keeps that file open: an iommufd that is mapped in itself, or whose "
            "device or VM is, keeps itself open, and no end of a process closes it",
            end=r'left \[.*"/dev/iommu".*\] \[.*\]'),
]

EXCEPTIONS = [
    # By number: two of a device's requests are two of a container's as well.
    Allowed("0x3b(6b|70|71):", "(0|EINVAL|EFAULT|ENODEV|ENOSPC)( .*)?", "ENOTTY( .*)?",
            "what vfio-pci says of a device, and hot resets, are not simulated; nothing in a "
            "program depends on them"),
    Allowed("0x[0-9a-f]*3b(8f:IOMMU_IOAS_MAP_FILE|92:IOMMU_IOAS_CHANGE_PROCESS)", "EFAULT", "ENOTTY",
            "the lab's kernels have iommufd's self-test, so 6.12's table of requests goes further "
            "and the size is read before the request is found unknown", release=r"6\.12"),
    Allowed("VFIO_GROUP_SET_CONTAINER", "0", "EBADFD",
            "an iommufd in a container's place is not simulated: no plan does that", isEnd=True),
    Allowed("VFIO_DEVICE_ATTACH_IOMMUFD_PT argsz:4=.* flags:4=1 ", "(0|EBUSY|EADDRINUSE|EFAULT) .*",
            "EINVAL .*", "attaching by PASID is not simulated: 0, which is none, attaches the device "
            "itself, unknown to detaching; others take tables that were made for PASIDs", isEnd=True,
            release=r"7\.3"),
]
