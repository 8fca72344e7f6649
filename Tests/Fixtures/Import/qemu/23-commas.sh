qemu-system-x86_64 -M q35 -name 'a,,b' -m 8G -device vfio-pci,host=01:00.0,x-note=a,,b,id=gpu
