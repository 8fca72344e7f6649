cloud-hypervisor --memory size=8G --device path=/sys/bus/pci/devices/$BDF/
