qemu-system-x86_64 -M q35 -m 4G -device vfio-pci,host=02:00.0 &
qemu-system-x86_64 -M q35 -m 2G -device vfio-pci,host=03:00.0
