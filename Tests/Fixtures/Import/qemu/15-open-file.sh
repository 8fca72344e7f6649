qemu-system-x86_64 -M q35 -m 8G -object iommufd,id=i0,fd=22 -device vfio-pci,id=hostdev0,iommufd=i0,fd=23
