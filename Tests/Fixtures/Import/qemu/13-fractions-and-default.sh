qemu-system-x86_64 -M q35 -m 1.5G -device vfio-pci,host=1:0.0,id=1st -device vfio-pci,host=01:00.1,id=1st
