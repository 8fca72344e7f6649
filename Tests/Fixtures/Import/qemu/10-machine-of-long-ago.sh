qemu-system-x86_64 -machine pc-i440fx-2.11,max-ram-below-4g=1G -m 4G -device vfio-pci,host=01:00.0
