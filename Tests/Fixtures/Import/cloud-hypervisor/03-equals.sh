cloud-hypervisor --memory=size=4G --device=path=/sys/bus/pci/devices/0000:01:00.0,iommu=on
