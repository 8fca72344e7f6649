qemu-system-x86_64 -m 8G -device '{"driver":"vfio-pci",'
