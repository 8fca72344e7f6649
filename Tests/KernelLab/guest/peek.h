// Reads the memory of the process that follow.c follows.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "calls.h"

enum { MOST_BYTES = 4096, NAME = 128 };

// Bytes of the process at one time.
struct bytes {
  unsigned char data[MOST_BYTES];
  size_t length;
};

static int memory = -1;

static void die(const char *what) {
  fprintf(stderr, "follow: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void open_memory(pid_t process) {
  char path[64];
  if (memory >= 0) close(memory);
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  memory = open(path, O_RDONLY | O_CLOEXEC);
  if (memory < 0) die(path);
}

static size_t peek(uint64_t address, void *to, size_t length) {
  ssize_t count = address ? pread(memory, to, length, (off_t)address) : -1;
  return count > 0 ? (size_t)count : 0;
}

static void peek_bytes(uint64_t address, size_t length, struct bytes *to) {
  to->length = peek(address, to->data, length < MOST_BYTES ? length : MOST_BYTES);
}

static void peek_text(uint64_t address, char to[NAME]) {
  size_t length = peek(address, to, NAME - 1);
  to[length] = 0;
}

static uint32_t word(const struct bytes *bytes, size_t offset) {
  uint32_t value = 0;
  if (offset + sizeof value <= bytes->length) memcpy(&value, bytes->data + offset, sizeof value);
  return value;
}

static uint64_t pointer(const struct bytes *bytes, size_t offset) {
  return word(bytes, offset) | (uint64_t)word(bytes, offset + 4) << 32;
}

// How many bytes an ioctl's argument points to; 0 if it is not a pointer.
static size_t argument_length(uint32_t request, uint64_t argument) {
  switch (request) {
  case VFIO_GET_API_VERSION: case VFIO_CHECK_EXTENSION: case VFIO_SET_IOMMU:
  case VFIO_GROUP_UNSET_CONTAINER: case VFIO_DEVICE_RESET: return 0;
  case VFIO_GROUP_SET_CONTAINER: return sizeof(int);
  case VFIO_GROUP_GET_DEVICE_FD: {
    char text[NAME];
    peek_text(argument, text);
    return strlen(text) + 1;
  }
  }
  if ((request >> 8 & 0xff) == 0xae) return SIZE_OF(request);
  uint32_t size = 0;
  peek(argument, &size, sizeof size);
  return size;
}

// What a struct points to, where that is known.
static size_t pointee(uint32_t request, const struct bytes *argument, uint64_t *address) {
  *address = pointer(argument, 16);
  if (request == KVM_SET_DEVICE_ATTR) return 4;
  if (request == IOMMU_GET_HW_INFO) return word(argument, 12);
  return 0;
}
