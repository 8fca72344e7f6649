cloud-hypervisor --memory size=8G,hugepages=on,hugepage_size=1G,prefault=on --device path=/sys/bus/pci/devices/0000:01:00.0/
