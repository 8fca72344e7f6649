// In the place of the drivers of the kernel's VFIO selftests: no device of an emulated host moves data.
#include <errno.h>
#include <libvfio.h>

static int probe(struct vfio_pci_device *device) {
  (void)device;
  return -ENODEV;
}

struct vfio_pci_driver_ops dsa_ops = {.probe = probe};
struct vfio_pci_driver_ops ioat_ops = {.probe = probe};
struct vfio_pci_driver_ops igb_ops = {.probe = probe};
struct vfio_pci_driver_ops nv_falcon_ops = {.probe = probe};
