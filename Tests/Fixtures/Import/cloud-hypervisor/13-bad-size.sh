cloud-hypervisor --memory size=lots --device path=/sys/bus/pci/devices/0000:01:00.0/
