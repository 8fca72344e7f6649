cloud-hypervisor --memory size=8G,hugepages=on --device path=/sys/bus/pci/devices/0000:02:00.0/
