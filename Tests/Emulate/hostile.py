"""Wrong pointers, closed files and many processes; says what is not answered as kernels do."""

import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)
REQUESTS = (0x3b81, 0x3b82, 0x3b84, 0x3b85, 0x3b89, 0x3b8a, 0x3b70)
ADDRESSES = (0, 1, 0xfff, 2**47 - 1, 2**63, 2**64 - 8, 2**64 - 1)

for _ in range(300):
    if os.fork() == 0:
        file = os.open("/dev/iommu", os.O_RDWR)
        os.closerange(0, 200)
        libc.ioctl(file, ctypes.c_ulong(0x3b81), ctypes.c_ulong(0))
        os._exit(0)
file = os.open("/dev/iommu", os.O_RDWR)
for address in ADDRESSES:
    for request in REQUESTS:
        result = libc.ioctl(file, ctypes.c_ulong(request), ctypes.c_ulong(address))
        if result != -1 or ctypes.get_errno() != errno.EFAULT:
            print(hex(request), hex(address), result, ctypes.get_errno())
for address in (0, 1, 2**63):
    if libc.open(ctypes.c_void_p(address), 2) != -1 or ctypes.get_errno() != errno.EFAULT:
        print("open", hex(address), ctypes.get_errno())
# What is open as a place only (O_PATH) does not count as open.
place = os.open("/", os.O_PATH)
group = os.open("/dev/vfio/1", os.O_RDWR)
argument = ctypes.c_int(place)
if libc.ioctl(group, ctypes.c_ulong(0x3b68), ctypes.byref(argument)) != -1 \
        or ctypes.get_errno() != errno.EBADF:
    print("a place as a container", ctypes.get_errno())
