cloud-hypervisor --memory size=8G --vdpa path=/dev/vhost-vdpa-0 --user-device socket=/tmp/x --device path=/sys/bus/pci/devices/0000:01:00.0/
