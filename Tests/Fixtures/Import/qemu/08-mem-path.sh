qemu-kvm -M q35 -m 8G -mem-path /dev/hugepages1G -mem-prealloc -device vfio-pci,host=01:00.0
