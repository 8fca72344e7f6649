/*
 * byhand FILE: makes the calls of a file, one a line, as a virtual machine monitor that plans
 * nothing would, and says what the kernel answers: the line, ` = ` and a number or an error.
 *
 *   case NAME TARGET  closes everything; a new case begins
 *   vm                a KVM VM and its VFIO device
 *   device A          the character device of the PCI device A
 *   group A           the group of the PCI device A; 1 if it is viable
 *   add A, remove A   tells KVM of A; says how often it began and ceased to expect non-coherent
 *                     DMA, or `unwatched` if no probe counts that
 *   iommufd           /dev/iommu
 *   space S           an I/O address space of iommufd
 *   bind A            a device to iommufd
 *   table T A S       a page table for A in the space S
 *   attach A P        a device to the table or the space P; says the table's number
 *   newest A S        a device to the newest table that takes it, or to one made for it in the
 *                     space S, as QEMU does; says the table's number
 *   detach A
 *   container C       a VFIO container
 *   join A C, leave A a group to and from a container
 *   type1 C           gives the container its interface
 *   enforced P        1 if every page table of the space or container P enforces snooping
 *   map P IOVA BYTES  memory to a space or container
 *
 * A call that needs what an earlier one did not get is not made: ` = -`. One process makes all of
 * them: in an emulated machine starting a program is what takes time. What the kernel traces gets
 * marks: `case NAME TARGET` where one begins, `end` before its files are closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nodes.h"
#include "requests.h"

#define PROFILE "/sys/kernel/tracing/kprobe_profile"
#define MARKER "/sys/kernel/tracing/trace_marker"

enum { OBJECTS = 64, NAME = 32, WORDS = 4 };

/* What a case has: files by descriptor, iommufd's objects by id. */
struct object {
	char name[NAME];
	enum kind { NONE, OF_VM, DEVICE, GROUP, IOMMUFD, SPACE, TABLE, CONTAINER } kind;
	int file;
	uint32_t id;
};
struct area { void *address; size_t length; };

static struct object objects[OBJECTS];
static struct area areas[OBJECTS];
static int object_count, area_count;
/* What a call says beside its result. */
static char remark[96];

/* Not an error of the kernel: the call was not made. */
enum { NOT_MADE = -100000 };

static struct object *find(const char *name)
{
	for (int index = 0; index < object_count; index++)
		if (strcmp(objects[index].name, name) == 0)
			return &objects[index];
	static struct object none = {.file = -1};
	return &none;
}

/* Remembers what a call got; the call's result. */
static long keep(const char *name, enum kind kind, int file, uint32_t id, long result)
{
	if (result < 0)
		return result;
	if (object_count == OBJECTS) {
		fprintf(stderr, "byhand: too many objects\n");
		exit(2);
	}
	struct object *object = &objects[object_count++];
	*object = (struct object){.kind = kind, .file = file, .id = id};
	snprintf(object->name, NAME, "%s", name);
	return result;
}

static long call(int file, unsigned long request, void *argument)
{
	return ioctl(file, request, argument) < 0 ? -errno : 0;
}

static long open_file(const char *name, enum kind kind, const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC);
	return keep(name, kind, file, 0, file < 0 ? -errno : 0);
}

static void close_all(void)
{
	/* Newest first, so that nothing is closed before what uses it. */
	while (object_count > 0) {
		int file = objects[--object_count].file;
		if (file >= 0)
			close(file);
	}
	while (area_count > 0) {
		area_count--;
		munmap(areas[area_count].address, areas[area_count].length);
	}
}

/* How often the kernel called what a probe is on; -1 if there is no such probe. */
static long hits(const char *probe)
{
	char text[4096];
	int file = open(PROFILE, O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
	if (file >= 0)
		close(file);
	text[length > 0 ? length : 0] = 0;
	const char *found = strstr(text, probe);
	return found ? atol(found + strlen(probe)) : -1;
}

/* Writes a mark into what the kernel traces, if it does. */
static void mark(const char *first, const char *second, const char *third)
{
	int file = open(MARKER, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return;
	dprintf(file, "%s %s %s\n", first, second, third);
	close(file);
}

static void end_case(void)
{
	mark("end", "", "");
	close_all();
}

static long begin_case(char **words)
{
	end_case();
	mark("case", words[1], words[2]);
	return 0;
}

static long create_vm(char **words)
{
	struct kvm_device device = {.type = KVM_DEV_TYPE_VFIO};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return -errno;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	long result = vm < 0 ? -errno : 0;
	close(kvm);
	if (result < 0)
		return result;
	keep("KVM", NONE, vm, 0, 0);
	result = call(vm, KVM_CREATE_DEVICE, &device);
	return keep(words[0], OF_VM, (int)device.file, 0, result);
}

static long open_device(char **words)
{
	char path[PATH_SIZE];
	return device_node(words[1], path) ? open_file(words[1], DEVICE, path) : -errno;
}

static long open_group(char **words)
{
	char path[PATH_SIZE];
	if (!group_node(words[1], path))
		return -errno;
	long result = open_file(words[1], GROUP, path);
	struct group_status status = {.size = sizeof status};
	if (result == 0)
		result = call(find(words[1])->file, VFIO_GROUP_GET_STATUS, &status);
	return result < 0 ? result : (status.flags & VFIO_GROUP_FLAGS_VIABLE) != 0;
}

static long tell_kvm(const char *name, uint64_t attribute)
{
	int file = find(name)->file;
	int vm = find("vm")->file;
	if (file < 0 || vm < 0)
		return NOT_MADE;
	long began = hits("lab_register"), ceased = hits("lab_unregister");
	struct kvm_attribute argument = {.group = KVM_DEV_VFIO_FILE, .attribute = attribute,
					 .address = (uintptr_t)&file};
	long result = call(vm, KVM_SET_DEVICE_ATTR, &argument);
	if (began < 0 || ceased < 0)
		snprintf(remark, sizeof remark, " unwatched");
	else
		snprintf(remark, sizeof remark, " began %ld ceased %ld",
			 hits("lab_register") - began, hits("lab_unregister") - ceased);
	return result;
}

static long add(char **words) { return tell_kvm(words[1], KVM_DEV_VFIO_FILE_ADD); }
static long remove_file(char **words) { return tell_kvm(words[1], KVM_DEV_VFIO_FILE_DEL); }
static long open_iommufd(char **words) { return open_file(words[0], IOMMUFD, "/dev/iommu"); }

static long create_space(char **words)
{
	struct ioas_alloc space = {.size = sizeof space};
	struct object *iommufd = find("iommufd");
	if (iommufd->kind != IOMMUFD)
		return NOT_MADE;
	long result = call(iommufd->file, IOMMU_IOAS_ALLOC, &space);
	return keep(words[1], SPACE, -1, space.id, result);
}

static long bind_device(char **words)
{
	struct object *device = find(words[1]), *iommufd = find("iommufd");
	struct bind_iommufd bind = {.size = sizeof bind, .iommufd = iommufd->file};
	if (device->kind != DEVICE || iommufd->kind != IOMMUFD)
		return NOT_MADE;
	long result = call(device->file, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (result == 0)
		device->id = bind.id;
	return result;
}

static long create_table(char **words)
{
	struct object *device = find(words[2]), *space = find(words[3]);
	struct hwpt_alloc table = {.size = sizeof table, .device = device->id, .parent = space->id};
	if (device->id == 0 || space->kind != SPACE)
		return NOT_MADE;
	long result = call(find("iommufd")->file, IOMMU_HWPT_ALLOC, &table);
	return keep(words[1], TABLE, -1, table.id, result);
}

static long attach_to(const struct object *device, uint32_t id)
{
	struct attach_table argument = {.size = sizeof argument, .id = id};
	long result = call(device->file, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &argument);
	if (result == 0)
		snprintf(remark, sizeof remark, " table %u", argument.id);
	return result;
}

static long attach(char **words)
{
	struct object *device = find(words[1]), *to = find(words[2]);
	if (device->id == 0 || (to->kind != SPACE && to->kind != TABLE))
		return NOT_MADE;
	return attach_to(device, to->id);
}

static long attach_newest(char **words)
{
	struct object *device = find(words[1]);
	long result = -EINVAL;
	if (device->id == 0)
		return NOT_MADE;
	for (int index = object_count - 1; index >= 0 && result == -EINVAL; index--)
		if (objects[index].kind == TABLE)
			result = attach_to(device, objects[index].id);
	if (result != -EINVAL)
		return result;
	result = create_table((char *[]){"table", "newest", words[1], words[2]});
	return result < 0 ? result : attach_to(device, objects[object_count - 1].id);
}

static long detach(char **words)
{
	struct object *device = find(words[1]);
	struct detach_table argument = {.size = sizeof argument};
	return device->id == 0 ? NOT_MADE :
		call(device->file, VFIO_DEVICE_DETACH_IOMMUFD_PT, &argument);
}

static long open_container(char **words)
{
	return open_file(words[1], CONTAINER, "/dev/vfio/vfio");
}

static long join(char **words)
{
	struct object *group = find(words[1]), *container = find(words[2]);
	if (group->kind != GROUP || container->kind != CONTAINER)
		return NOT_MADE;
	return call(group->file, VFIO_GROUP_SET_CONTAINER, &container->file);
}

static long leave(char **words)
{
	struct object *group = find(words[1]);
	return group->kind == GROUP ? call(group->file, VFIO_GROUP_UNSET_CONTAINER, NULL) : NOT_MADE;
}

static long set_type1(char **words)
{
	struct object *container = find(words[1]);
	if (container->kind != CONTAINER)
		return NOT_MADE;
	long result = call(container->file, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	container->id = result == 0;
	return result;
}

/* A space, or a container that has its interface: others have no page tables to ask or fill. */
static bool has_tables(const struct object *object)
{
	return object->kind == SPACE || (object->kind == CONTAINER && object->id != 0);
}

/* iommufd answers the container's question for the one space it is told of. */
static long is_enforced(char **words)
{
	struct object *of = find(words[1]);
	int file = of->kind == SPACE ? find("iommufd")->file : of->file;
	struct vfio_ioas told = {.size = sizeof told, .ioas = of->id, .op = IOMMU_VFIO_IOAS_SET};
	if (!has_tables(of))
		return NOT_MADE;
	if (of->kind == SPACE && ioctl(file, IOMMU_VFIO_IOAS, &told) < 0)
		return -errno;
	int answer = ioctl(file, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU);
	return answer < 0 ? -errno : answer;
}

static long map_memory(char **words)
{
	struct object *to = find(words[1]);
	uint64_t iova = strtoull(words[2], NULL, 0), length = strtoull(words[3], NULL, 0);
	if (!has_tables(to) || area_count == OBJECTS)
		return NOT_MADE;
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	areas[area_count++] = (struct area){memory, length};
	struct ioas_map space = {
		.size = sizeof space, .ioas = to->id, .address = (uintptr_t)memory, .iova = iova,
		.length = length, .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
					   IOMMU_IOAS_MAP_READABLE};
	struct dma_map container = {.size = sizeof container, .flags = VFIO_DMA_MAP_READ_WRITE,
				    .address = (uintptr_t)memory, .iova = iova, .length = length};
	return to->kind == SPACE ? call(find("iommufd")->file, IOMMU_IOAS_MAP, &space) :
		call(to->file, VFIO_IOMMU_MAP_DMA, &container);
}

static const struct { const char *word; int count; long (*make)(char **words); } calls[] = {
	{"case", 3, begin_case}, {"vm", 1, create_vm}, {"device", 2, open_device},
	{"group", 2, open_group}, {"add", 2, add}, {"remove", 2, remove_file},
	{"iommufd", 1, open_iommufd}, {"space", 2, create_space}, {"bind", 2, bind_device},
	{"table", 4, create_table}, {"attach", 3, attach}, {"newest", 3, attach_newest},
	{"detach", 2, detach},
	{"container", 2, open_container}, {"join", 3, join}, {"leave", 2, leave},
	{"type1", 2, set_type1}, {"enforced", 2, is_enforced}, {"map", 4, map_memory},
};

/* Makes the call of a line and prints the answer; false if there is no such call. */
static bool make_call(char *line)
{
	char copy[256], *words[WORDS] = {0};
	int count = 0;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok(copy, " "); word && count < WORDS; word = strtok(NULL, " "))
		words[count++] = word;
	for (size_t index = 0; count && index < sizeof calls / sizeof calls[0]; index++) {
		if (strcmp(calls[index].word, words[0]) != 0 || calls[index].count != count)
			continue;
		remark[0] = 0;
		long result = calls[index].make(words);
		if (result >= 0)
			printf("%s = %ld%s\n", line, result, remark);
		else
			printf("%s = %s%s\n", line,
			       result == NOT_MADE ? "-" : strerrorname_np((int)-result), remark);
		return true;
	}
	return false;
}

int main(int count, char **words)
{
	char line[256];
	FILE *file = count == 2 ? fopen(words[1], "r") : NULL;
	if (!file)
		return 2;
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = 0;
		if (!make_call(line)) {
			fprintf(stderr, "byhand: no such call: %s\n", line);
			return 2;
		}
	}
	end_case();
	return 0;
}
