qemu-system-x86_64 -machine q35 -m 8G -device vfio-pci,host=0000:01:00.0
