cloud-hypervisor --platform iommufd=on --memory size=8G --device fd=4,id=gpu
