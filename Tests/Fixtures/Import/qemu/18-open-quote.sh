qemu-system-x86_64 -m 8G -device 'vfio-pci,host=01:00.0
