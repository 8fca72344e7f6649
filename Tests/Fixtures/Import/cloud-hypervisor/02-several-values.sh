cloud-hypervisor --memory size=8G --device path=/sys/bus/pci/devices/0000:01:00.0/,id=gpu path=/sys/bus/pci/devices/0000:01:00.1/,id=audio --disk path=a.img path=b.img
