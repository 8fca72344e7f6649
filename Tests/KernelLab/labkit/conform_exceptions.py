"""Where the simulator answers differently from kernels, and why that may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """A difference, by regular expressions over the step and both answers."""

    step: str
    kernel: str
    simulator: str
    why: str


EXCEPTIONS = [
    Allowed("VFIO_DEVICE_GET_INFO", ".*", "ENOTTY",
            "what vfio-pci says of a device is not simulated, nothing in a program depends on it"),
]
