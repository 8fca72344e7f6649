/* Where VFIO's files of a PCI device are. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 300 };

/* The character device of a PCI device on a VFIO driver; false without one, errno says why. */
static bool device_node(const char *address, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "/sys/bus/pci/devices/%s/vfio-dev", address);
	DIR *directory = opendir(path);
	if (!directory)
		return false;
	struct dirent *entry;
	do
		entry = readdir(directory);
	while (entry && entry->d_name[0] == '.');
	snprintf(path, PATH_SIZE, "/dev/vfio/devices/%s", entry ? entry->d_name : "none");
	closedir(directory);
	return true;
}

/* The file of a PCI device's IOMMU group; false without one, errno says why. */
static bool group_node(const char *address, char path[PATH_SIZE])
{
	char target[256] = "";
	snprintf(path, PATH_SIZE, "/sys/bus/pci/devices/%s/iommu_group", address);
	if (readlink(path, target, sizeof target - 1) < 0)
		return false;
	const char *number = strrchr(target, '/');
	snprintf(path, PATH_SIZE, "/dev/vfio/%s", number ? number + 1 : target);
	return true;
}
