qemu-system-aarch64 -machine virt,gic-version=3 -m 4G -device vfio-pci,host=0000:01:00.0
