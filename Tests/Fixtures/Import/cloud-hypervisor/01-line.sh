cloud-hypervisor --kernel vmlinux --memory size=8G --device path=/sys/bus/pci/devices/0000:01:00.0/
