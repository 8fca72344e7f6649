/*
 * token BDF [UUID]: opens a function on vfio-pci; says `open` and keeps it until it is killed. A
 * physical function is given the VF token that its virtual functions ask for. Linux 5.7 and later.
 */
#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

int main(int words, char **word)
{
	if (words != 2 && words != 3)
		return 2;
	char link[PATH_MAX], target[PATH_MAX], node[PATH_MAX + 16], device[128];
	snprintf(link, sizeof link, "/sys/bus/pci/devices/%s/iommu_group", word[1]);
	if (!realpath(link, target))
		err(1, "%s", link);
	snprintf(node, sizeof node, "/dev/vfio/%s", basename(target));
	int container = open("/dev/vfio/vfio", O_RDWR), group = open(node, O_RDWR);
	if (container < 0 || group < 0)
		err(1, "%s", node);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) != 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0)
		err(1, "container");
	snprintf(device, sizeof device, words == 3 ? "%s vf_token=%s" : "%s", word[1], word[2]);
	if (ioctl(group, VFIO_GROUP_GET_DEVICE_FD, device) < 0)
		err(1, "%s", device);
	puts("open");
	fflush(stdout);
	pause();
}
