"""Maps memory for a device and lets it go in some way; says where it is and what the device wrote.

  dma.py DEVICE end|unmap|close
"""

import ctypes
import fcntl
import mmap
import os
import struct
import sys


def ask(file: int, request: int, layout: str, *values) -> tuple:
    """A request with a structure; the structure afterwards."""
    room = bytearray(struct.pack(layout, *values))
    fcntl.ioctl(file, request, room)
    return struct.unpack(layout, room)


address, way = sys.argv[1:]
iommu = os.open("/dev/iommu", os.O_RDWR)
ioas = ask(iommu, 0x3b81, "III", 12, 0, 0)[2]
name = os.listdir(f"/sys/bus/pci/devices/{address}/vfio-dev")[0]
device = os.open(f"/dev/vfio/devices/{name}", os.O_RDWR)
ask(device, 0x3b76, "IIiI", 16, 0, iommu, 0)
ask(device, 0x3b77, "III", 12, 0, ioas)
memory = mmap.mmap(-1, 0x3000)
memory[:] = b"x" * 0x3000
memory[0xffe:0x1002] = b"abcd"
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
# 0x1000 to 0x2fff may be written, 0x4000 to 0x4fff only be read.
for flags, length, source, target in [(7, 0x2000, start, 0x1000), (5, 0x1000, start, 0x4000)]:
    ask(iommu, 0x3b85, "IIIIQQQ", 40, flags, ioas, 0, source, length, target)
print(hex(start))
if way == "unmap":
    ask(iommu, 0x3b86, "IIQQ", 24, ioas, 0x1000, 0x2000)
if way == "close":
    os.close(device)
    os.close(iommu)
    # The next call comes after all that was closed is seen.
    os.stat("/dev/null")
if way != "end":
    print(memory[0x10:0x13].hex())
sys.stdout.flush()
if way == "end":
    # Python itself would unmap the memory first.
    os._exit(0)
