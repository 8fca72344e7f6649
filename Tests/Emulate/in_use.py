"""Takes a device from VFIO while it is open: prints whether its user was asked for it, whether the writer
waited, and whether it came back when the device was closed."""
import fcntl
import os
import struct
import sys
import threading

GET_DEVICE, SET_IRQS, REQUEST, FROM_EVENTFD = 0x3B6A, 0x3B6E, 4, 0x24
SET_CONTAINER, SET_IOMMU, TYPE1 = 0x3B68, 0x3B66, 1
DRIVER = "/sys/bus/pci/drivers/vfio-pci"


def opened(device):
    """The container, the group and the device."""
    group = os.path.basename(os.readlink(f"/sys/bus/pci/devices/{device}/iommu_group"))
    files = [os.open("/dev/vfio/vfio", os.O_RDWR), os.open(f"/dev/vfio/{group}", os.O_RDWR)]
    fcntl.ioctl(files[1], SET_CONTAINER, struct.pack("i", files[0]))
    fcntl.ioctl(files[0], SET_IOMMU, TYPE1)
    return [*files, fcntl.ioctl(files[1], GET_DEVICE, bytearray(device.encode() + b"\0"))]


def main(device):
    files = opened(device)
    event = os.eventfd(0)
    fcntl.ioctl(files[2], SET_IRQS, struct.pack("5Ii", 24, FROM_EVENTFD, REQUEST, 0, 1, event))
    driver = os.open(f"{DRIVER}/unbind", os.O_WRONLY)
    writer = threading.Thread(target=os.write, args=(driver, device.encode()))
    writer.start()
    print("asked", os.eventfd_read(event))
    writer.join(0.2)
    print("waits", writer.is_alive(), os.path.exists(f"{DRIVER}/{device}"))
    for file in reversed(files):
        os.close(file)
    writer.join()
    print("done", os.path.exists(f"{DRIVER}/{device}"))


main(sys.argv[1])
