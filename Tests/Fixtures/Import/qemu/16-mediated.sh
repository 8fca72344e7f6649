qemu-system-x86_64 -M q35 -m 8G -device vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 -device vfio-ap,sysfsdev=/sys/devices/vfio_ap/matrix/1
