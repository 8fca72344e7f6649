/*
 * twin iommufd|iommufd-file|type1 MEBIBYTES ADDRESS...: what `vfioplan apply --check` does for devices
 * on vfio-pci that can be enforced, in one IOMMU group each, written by hand: the same calls in the
 * same order, then their undo. `iommufd-file` maps the memory by its file, as 6.13 and later can.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "nodes.h"
#include "requests.h"

enum { MOST = 16 };

static char **addresses;
static int count;
static uint64_t length;
static int kvm, vm, kvm_vfio, memory;
static void *area;
static int groups[MOST], devices[MOST];

static long ask(int file, unsigned long request, void *argument)
{
	long result = ioctl(file, request, argument);
	if (result < 0)
		err(1, "request %#lx", request);
	return result;
}

static int open_node(const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		err(1, "%s", path);
	return file;
}

static void open_kvm(void)
{
	struct kvm_device device = {.type = KVM_DEV_TYPE_VFIO};
	kvm = open_node("/dev/kvm");
	vm = (int)ask(kvm, KVM_CREATE_VM, NULL);
	ask(vm, KVM_CREATE_DEVICE, &device);
	kvm_vfio = (int)device.file;
}

static void tell_kvm(int file, uint64_t what)
{
	struct kvm_attribute attribute = {
		.group = KVM_DEV_VFIO_FILE, .attribute = what, .address = (uintptr_t)&file};
	ask(kvm_vfio, KVM_SET_DEVICE_ATTR, &attribute);
}

static void close_kvm(void)
{
	close(kvm_vfio);
	close(vm);
	close(kvm);
}

static void make_memory(bool is_mapped)
{
	memory = memfd_create("vfioplan-guest-memory", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, (off_t)length) < 0)
		err(1, "memory");
	if (!is_mapped)
		return;
	area = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (area == MAP_FAILED)
		err(1, "mmap");
}

static void remove_memory(bool is_mapped)
{
	if (is_mapped)
		munmap(area, length);
	close(memory);
}

static void map_to_space(int iommufd, uint32_t space, bool by_file)
{
	uint32_t flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE;
	struct ioas_map_file file = {
		.size = sizeof file, .flags = flags, .ioas = space, .file = memory, .length = length};
	struct ioas_map map = {.size = sizeof map, .flags = flags, .ioas = space,
			       .address = (uintptr_t)area, .length = length};
	if (by_file)
		ask(iommufd, IOMMU_IOAS_MAP_FILE, &file);
	else
		ask(iommufd, IOMMU_IOAS_MAP, &map);
}

static void bind_devices(int iommufd, uint32_t ids[])
{
	char path[PATH_SIZE];
	for (int index = 0; index < count; index++) {
		struct bind_iommufd bind = {.size = sizeof bind, .iommufd = iommufd};
		if (!device_node(addresses[index], path))
			err(1, "%s", addresses[index]);
		devices[index] = open_node(path);
		tell_kvm(devices[index], KVM_DEV_VFIO_FILE_ADD);
		ask(devices[index], VFIO_DEVICE_BIND_IOMMUFD, &bind);
		ids[index] = bind.id;
	}
}

static void release_devices(void)
{
	for (int index = count - 1; index >= 0; index--) {
		tell_kvm(devices[index], KVM_DEV_VFIO_FILE_DEL);
		close(devices[index]);
	}
}

static void expect(bool is_right, const char *what)
{
	if (!is_right)
		errx(1, "%s is not as expected", what);
}

static void run_iommufd(bool by_file)
{
	uint32_t ids[MOST] = {0};
	uint64_t registers[3] = {0};
	struct option option = {.size = sizeof option, .value = 1};
	struct ioas_alloc space = {.size = sizeof space};
	struct hwpt_alloc table = {.size = sizeof table};
	struct hw_info information = {
		.size = sizeof information, .length = sizeof registers, .data = (uintptr_t)registers};
	int iommufd = open_node("/dev/iommu");
	ask(iommufd, IOMMU_OPTION, &option);
	ask(iommufd, IOMMU_IOAS_ALLOC, &space);
	open_kvm();
	bind_devices(iommufd, ids);
	information.device = table.device = ids[0];
	table.parent = space.id;
	ask(iommufd, IOMMU_GET_HW_INFO, &information);
	expect(registers[2] & 0x80, "snoop control");
	ask(iommufd, IOMMU_HWPT_ALLOC, &table);
	for (int index = 0; index < count; index++) {
		struct attach_table attach = {.size = sizeof attach, .id = table.id};
		ask(devices[index], VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
		expect(attach.id == table.id, "the page table");
	}
	make_memory(!by_file);
	map_to_space(iommufd, space.id, by_file);

	struct ioas_unmap unmap = {.size = sizeof unmap, .ioas = space.id, .length = length};
	ask(iommufd, IOMMU_IOAS_UNMAP, &unmap);
	remove_memory(!by_file);
	for (int index = count - 1; index >= 0; index--) {
		struct detach_table detach = {.size = sizeof detach};
		ask(devices[index], VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
	}
	ask(iommufd, IOMMU_DESTROY, &(struct destroy){.size = sizeof(struct destroy), .id = table.id});
	release_devices();
	close_kvm();
	ask(iommufd, IOMMU_DESTROY, &(struct destroy){.size = sizeof(struct destroy), .id = space.id});
	close(iommufd);
}

static void open_groups(int container)
{
	char path[PATH_SIZE];
	for (int index = 0; index < count; index++) {
		struct group_status status = {.size = sizeof status};
		if (!group_node(addresses[index], path))
			err(1, "%s", addresses[index]);
		groups[index] = open_node(path);
		ask(groups[index], VFIO_GROUP_GET_STATUS, &status);
		expect(status.flags == VFIO_GROUP_FLAGS_VIABLE, "the group");
		ask(groups[index], VFIO_GROUP_SET_CONTAINER, &container);
		if (index == 0)
			ask(container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	}
}

static void run_type1(void)
{
	int container = open_node("/dev/vfio/vfio");
	expect(ask(container, VFIO_GET_API_VERSION, NULL) == 0, "the version");
	expect(ask(container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU) == 1, "type1");
	open_groups(container);
	open_kvm();
	for (int index = 0; index < count; index++)
		tell_kvm(groups[index], KVM_DEV_VFIO_FILE_ADD);
	for (int index = 0; index < count; index++)
		devices[index] = (int)ask(groups[index], VFIO_GROUP_GET_DEVICE_FD, addresses[index]);
	expect(ask(container, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU) == 1, "coherency");
	make_memory(true);
	struct dma_map map = {.size = sizeof map, .flags = VFIO_DMA_MAP_READ_WRITE,
			      .address = (uintptr_t)area, .length = length};
	ask(container, VFIO_IOMMU_MAP_DMA, &map);

	struct dma_unmap unmap = {.size = sizeof unmap, .length = length};
	ask(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	remove_memory(true);
	for (int index = count - 1; index >= 0; index--)
		close(devices[index]);
	for (int index = count - 1; index >= 0; index--)
		tell_kvm(groups[index], KVM_DEV_VFIO_FILE_DEL);
	close_kvm();
	for (int index = count - 1; index >= 0; index--) {
		ask(groups[index], VFIO_GROUP_UNSET_CONTAINER, NULL);
		close(groups[index]);
	}
	close(container);
}

int main(int words, char **word)
{
	if (words < 4 || words - 3 > MOST)
		return 2;
	addresses = word + 3;
	count = words - 3;
	length = strtoull(word[2], NULL, 10) << 20;
	if (strcmp(word[1], "type1") == 0)
		run_type1();
	else
		run_iommufd(strcmp(word[1], "iommufd-file") == 0);
	return 0;
}
