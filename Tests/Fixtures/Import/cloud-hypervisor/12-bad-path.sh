cloud-hypervisor --memory size=8G --device path=/dev/vfio/12
