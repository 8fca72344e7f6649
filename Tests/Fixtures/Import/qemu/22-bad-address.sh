qemu-system-x86_64 -m 8G -device vfio-pci,host=1:0:0.0.0 -device vfio-pci,id=x -device vfio-pci,host=01:00
