cloud-hypervisor --platform iommufd=on,vfio_p2p_dma=off --memory size=8G --device path=/sys/bus/pci/devices/0000:01:00.0/
