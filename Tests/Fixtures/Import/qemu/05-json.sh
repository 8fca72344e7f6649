qemu-system-x86_64 -M q35 -m 8192 \
  -object '{"qom-type":"iommufd","id":"iommufd0"}' \
  -device '{"driver":"vfio-pci","host":"0000:01:00.0","id":"gpu","iommufd":"iommufd0","bus":"pcie.0"}'
