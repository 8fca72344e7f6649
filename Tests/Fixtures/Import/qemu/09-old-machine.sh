kvm -m 4096 -device vfio-pci,host=01:00.0
