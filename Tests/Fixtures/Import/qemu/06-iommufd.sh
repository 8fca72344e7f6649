qemu-system-x86_64 -M q35 -m 8G -object iommufd,id=i0 -device vfio-pci,host=0000:01:00.0,iommufd=i0 -device vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:02:00.0,iommufd=i0
