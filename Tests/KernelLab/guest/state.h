/* What a run could leave behind on a machine, as text: two states are compared as strings. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_BYTES 65536

struct text {
	char bytes[STATE_BYTES];
	size_t length;
};

static void append(struct text *text, const char *format, const char *first, const char *second)
{
	int count = snprintf(text->bytes + text->length, STATE_BYTES - text->length, format, first, second);
	if (count > 0 && text->length + (size_t)count < STATE_BYTES)
		text->length += (size_t)count;
}

static size_t read_file(const char *path, char *buffer, size_t size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = file < 0 ? -1 : read(file, buffer, size - 1);
	if (file >= 0)
		close(file);
	buffer[count > 0 ? count : 0] = 0;
	return count > 0 ? (size_t)count : 0;
}

/* Calls a function with each name in a directory, in order. */
static void each_name(const char *directory, void (*visit)(struct text *, const char *, const char *),
		      struct text *text)
{
	struct dirent **names;
	int count = scandir(directory, &names, NULL, alphasort);
	for (int index = 0; index < count; index++) {
		if (names[index]->d_name[0] != '.')
			visit(text, directory, names[index]->d_name);
		free(names[index]);
	}
	if (count >= 0)
		free(names);
}

/* The last part of a link's target. */
static const char *link_target(const char *path, char *buffer, size_t size)
{
	ssize_t count = readlink(path, buffer, size - 1);
	if (count < 0)
		return "none";
	buffer[count] = 0;
	char *slash = strrchr(buffer, '/');
	return slash ? slash + 1 : buffer;
}

static void visit_device(struct text *text, const char *directory, const char *name)
{
	char path[512], target[512], override[256];
	snprintf(path, sizeof path, "%s/%s/driver", directory, name);
	append(text, "driver %s %s\n", name, link_target(path, target, sizeof target));
	snprintf(path, sizeof path, "%s/%s/driver_override", directory, name);
	read_file(path, override, sizeof override);
	append(text, "override %s %s", name, override);
}

static void visit_node(struct text *text, const char *directory, const char *name)
{
	append(text, "node %s/%s\n", directory, name);
}

static void visit_descriptor(struct text *text, const char *directory, const char *name)
{
	char path[1024], target[512];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	ssize_t count = readlink(path, target, sizeof target - 1);
	if (count < 0)
		return;
	target[count] = 0;
	if (strstr(target, "/dev/vfio") || strstr(target, "/dev/iommu") || strstr(target, "kvm") ||
	    strstr(target, "vfioplan-guest-memory"))
		append(text, "open %s %s\n", path, target);
}

static void visit_process(struct text *text, const char *directory, const char *name)
{
	char path[512];
	if (strspn(name, "0123456789") != strlen(name))
		return;
	snprintf(path, sizeof path, "%s/%s/fd", directory, name);
	each_name(path, visit_descriptor, text);
}

static long number_after(const char *text, const char *key)
{
	const char *found = strstr(text, key);
	return found ? atol(found + strlen(key)) : 0;
}

/* Drivers, overrides, VFIO's nodes, free huge pages, pinned pages, open files of VFIO and KVM. */
static void read_state(struct text *text)
{
	static char buffer[16384];
	char number[32];

	text->length = 0;
	text->bytes[0] = 0;
	each_name("/sys/bus/pci/devices", visit_device, text);
	each_name("/dev/vfio", visit_node, text);
	each_name("/dev/vfio/devices", visit_node, text);
	read_file("/proc/meminfo", buffer, sizeof buffer);
	snprintf(number, sizeof number, "%ld", number_after(buffer, "HugePages_Free:"));
	append(text, "%s %s\n", "free huge pages", number);
	/* Counters are kept by each processor for a while; this adds them up. */
	read_file("/proc/sys/vm/stat_refresh", buffer, sizeof buffer);
	read_file("/proc/vmstat", buffer, sizeof buffer);
	snprintf(number, sizeof number, "%ld",
		 number_after(buffer, "nr_foll_pin_acquired ") - number_after(buffer, "nr_foll_pin_released "));
	append(text, "%s %s\n", "pinned pages", number);
	each_name("/proc", visit_process, text);
}

/* Prints the lines of one state that the other has not. */
static void print_missing(const char *sign, const struct text *from, const struct text *in)
{
	char line[1024];
	for (const char *start = from->bytes; *start;) {
		size_t length = strcspn(start, "\n");
		snprintf(line, sizeof line, "%.*s\n", (int)length, start);
		if (!strstr(in->bytes, line))
			printf("  %s %s", sign, line);
		start += length + (start[length] == '\n');
	}
}

static bool is_same_state(const struct text *before, const struct text *after)
{
	return strcmp(before->bytes, after->bytes) == 0;
}
