"""Puts devices into one IOAS in the order of the arguments; tells KVM of the first."""

import ctypes
import fcntl
import os
import struct
import sys


def ask(file: int, request: int, layout: str, *values) -> tuple:
    """A request with a structure; the structure afterwards."""
    room = bytearray(struct.pack(layout, *values))
    fcntl.ioctl(file, request, room)
    return struct.unpack(layout, room)


def try_table(device: int, ioas: int):
    """Makes a page table and destroys it; behind the structure, of the first release, is rubbish."""
    room = bytearray(struct.pack("IIIIII", 24, 0, device, ioas, 0, 0) + b"\xff" * 64)
    fcntl.ioctl(iommu, 0x3b89, room)
    assert room[24:] == b"\xff" * 64
    ask(iommu, 0x3b80, "II", 8, struct.unpack_from("I", room, 16)[0])


iommu = os.open("/dev/iommu", os.O_RDWR)
ioas = ask(iommu, 0x3b81, "III", 12, 0, 0)[2]
machine = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xae01, 0)
kvm = ask(machine, 0xc00caee0, "IiI", 4, 0, 0)[1]
for address in sys.argv[1:]:
    name = os.listdir(f"/sys/bus/pci/devices/{address}/vfio-dev")[0]
    device = os.open(f"/dev/vfio/devices/{name}", os.O_RDWR)
    bound = ask(device, 0x3b76, "IIiI", 16, 0, iommu, 0)[3]
    try_table(bound, ioas)
    ask(device, 0x3b77, "III", 12, 0, ioas)
    if address == sys.argv[1]:
        number = ctypes.c_int(device)
        ask(kvm, 0x4018aee1, "IIQQ", 0, 1, 1, ctypes.addressof(number))
