// The calls that follow.c writes down, and the requests whose arguments it has to know.
#pragma once
#include <sys/syscall.h>

// linux/vfio.h and linux/kvm.h; the ones whose argument is not a struct that begins with its size.
enum {
  VFIO_GET_API_VERSION = 0x3b64,
  VFIO_CHECK_EXTENSION = 0x3b65,
  VFIO_SET_IOMMU = 0x3b66,
  VFIO_GROUP_SET_CONTAINER = 0x3b68,
  VFIO_GROUP_UNSET_CONTAINER = 0x3b69,
  VFIO_GROUP_GET_DEVICE_FD = 0x3b6a,
  VFIO_DEVICE_RESET = 0x3b6f,
  IOMMU_GET_HW_INFO = 0x3b8a,
  KVM_CREATE_VM = 0xae01,
};
#define KVM_CREATE_DEVICE 0xc00caee0u
#define KVM_SET_DEVICE_ATTR 0x4018aee1u
// The size in a request's number (asm-generic/ioctl.h).
#define SIZE_OF(request) ((request) >> 16 & 0x3fff)

// What a call is about: the argument that decides whether it is of interest.
enum subject { PATH_IN_0, PATH_IN_1, NAME_IN_0, FILE_IN_0, FILE_IN_4, AREA_IN_0 };

static const struct kind {
  long number;
  const char *name;
  enum subject subject;
  int arguments;
} kinds[] = {
  {SYS_open, "open", PATH_IN_0, 3}, {SYS_openat, "openat", PATH_IN_1, 4},
  {SYS_memfd_create, "memfd_create", NAME_IN_0, 2}, {SYS_ioctl, "ioctl", FILE_IN_0, 3},
  {SYS_read, "read", FILE_IN_0, 3}, {SYS_pread64, "pread64", FILE_IN_0, 4},
  {SYS_write, "write", FILE_IN_0, 3}, {SYS_pwrite64, "pwrite64", FILE_IN_0, 4},
  {SYS_close, "close", FILE_IN_0, 1}, {SYS_dup, "dup", FILE_IN_0, 1},
  {SYS_dup2, "dup2", FILE_IN_0, 2}, {SYS_dup3, "dup3", FILE_IN_0, 3},
  {SYS_fcntl, "fcntl", FILE_IN_0, 3}, {SYS_ftruncate, "ftruncate", FILE_IN_0, 2},
  {SYS_fallocate, "fallocate", FILE_IN_0, 4}, {SYS_mmap, "mmap", FILE_IN_4, 6},
  {SYS_munmap, "munmap", AREA_IN_0, 2},
};
