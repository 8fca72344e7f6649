qemu-system-x86_64 -M microvm -m 512 -device vfio-pci,host=0000:01:00.0
