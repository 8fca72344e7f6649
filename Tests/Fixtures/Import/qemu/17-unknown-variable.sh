qemu-system-x86_64 -M q35 -m ${RAM:-8G} -device vfio-pci,host=$1
