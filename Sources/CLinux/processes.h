// What is done with memory and files of a process whose calls are answered.
#pragma once

#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

// Moves bytes between us and a process, by pieces that end where a page ends, so that what can't be
// reached takes nothing else with it. How many were moved from the first one on.
static inline size_t move_user_bytes(
    pid_t process, uint64_t address, void *bytes, size_t length, int is_write) {
  enum { PAGE = 4096, PIECES = 64 };
  size_t done = 0;
  while (done < length) {
    struct iovec pieces[PIECES];
    int count = 0;
    size_t wanted = 0;
    while (count < PIECES && done + wanted < length) {
      uint64_t place = address + done + wanted;
      if (place < address) break;
      size_t piece = PAGE - place % PAGE;
      if (piece > length - done - wanted) piece = length - done - wanted;
      pieces[count++] = (struct iovec){(void *)(uintptr_t)place, piece};
      wanted += piece;
    }
    if (count == 0) break;
    struct iovec ours = {(char *)bytes + done, wanted};
    ssize_t moved = syscall(
        is_write ? SYS_process_vm_writev : SYS_process_vm_readv, process, &ours, 1UL, pieces,
        (unsigned long)count, 0UL);
    if (moved > 0) done += (size_t)moved;
    if (moved < 0 || (size_t)moved < wanted) break;
  }
  return done;
}

// A part of a process's memory as /proc/N/maps has it.
struct process_mapping {
  uint64_t start;
  // Behind its last address.
  uint64_t end;
  // Whether anything may be read or written.
  int is_accessible;
  // The inode of its file; 0 without one.
  uint64_t inode;
};

// The part of memory that has an address, or the next one: 1 if there is one, 0 if not, and -1 if an open
// /proc/N/maps can't be asked (linux/fs.h, Linux 6.11).
static inline int find_mapping(int maps, uint64_t address, struct process_mapping *mapping) {
  struct {
    uint64_t size, flags, address, start, end, rights, page_size, offset, inode;
    uint32_t major, minor, name_size, build_id_size;
    uint64_t name_address, build_id_address;
  } query = {.size = sizeof query, .flags = 0x10, .address = address};
  if (ioctl(maps, _IOWR('f', 17, query), &query) != 0) return errno == ENOENT ? 0 : -1;
  *mapping = (struct process_mapping){
      query.start, query.end, (query.rights & 3) != 0, query.inode};
  return 1;
}

// Takes a file of a process, which a file stands for; -1 where that may not be (Linux 5.6).
static inline int take_file(int process, int file) {
  return (int)syscall(SYS_pidfd_getfd, process, file, 0);
}

// Adds one to the counter of an eventfd, unless that would have to wait.
static inline void signal_event(int file) {
  struct pollfd ready = {.fd = file, .events = POLLOUT};
  uint64_t one = 1;
  if (file < 0 || poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) return;
  if (write(file, &one, sizeof one) < 0) return;
}

// A pipe end of a process that ends (Linux 5.3); -1 also for a thread that is not the first one.
static inline int open_process(pid_t process) {
  return (int)syscall(SYS_pidfd_open, process, 0U);
}

// A file to map that nobody sees by a name, opened a second time so that its end is seen; -1 and
// errno. The first one is for us.
static inline int open_unseen(const char *name, uint64_t length, int *first) {
  int file = (int)syscall(SYS_memfd_create, name, 1U);
  if (file < 0) return -1;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int other = ftruncate(file, (off_t)length) == 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
  int error = errno;
  *first = file;
  if (other < 0) close(file);
  errno = error;
  return other;
}

// Watches for the end of an open file; the number of the watch, or -1.
static inline int watch_end_of_file(int notifier, int file) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  return inotify_add_watch(notifier, path, IN_CLOSE_WRITE);
}

// The folder of a thread's descriptors, which stays that of this thread: nothing is found in it when
// the thread is gone, even if another one has its number by then. -1 and errno if that can't be.
static inline int open_files_of_thread(pid_t thread) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/fd", thread);
  return open(path, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC);
}

// What a descriptor leads to, in a folder of them. 0, or -1.
static inline int stat_file_in_folder(int folder, int file, struct stat *status) {
  char digits[16];
  char *name = digits + sizeof digits - 1;
  if (file < 0) return -1;
  *name = 0;
  do {
    *--name = (char)('0' + file % 10);
    file /= 10;
  } while (file > 0);
  return fstatat(folder, name, status, 0);
}

// A set of poll that knows a file without keeping it open; -1 without one.
static inline int mark_file(int file) {
  int mark = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event nothing = {.events = 0};
  if (mark < 0 || epoll_ctl(mark, EPOLL_CTL_ADD, file, &nothing) == 0) return mark;
  close(mark);
  return -1;
}

// Whether a descriptor of a thread stands for the file that was marked when `marked` was its number here
// (kernel/kcmp.c, Linux 4.13). That takes half as long as to look where the descriptor leads.
static inline int is_marked_file(pid_t thread, int file, pid_t us, int mark, int marked) {
  struct kcmp_epoll_slot slot = {.efd = (uint32_t)mark, .tfd = (uint32_t)marked};
  return syscall(SYS_kcmp, thread, us, KCMP_EPOLL_TFD, file, &slot) == 0;
}

// What a descriptor of a process leads to. 0, or -1.
static inline int stat_file_of_process(pid_t process, int file, struct stat *status) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", process, file);
  return stat(path, status);
}

// Whether a descriptor of a process is a place only (O_PATH): such a one can neither be read nor be
// written, as the rights of its link say (fs/proc/fd.c).
static inline int is_place_only(pid_t process, int file) {
  char path[64];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", process, file);
  return lstat(path, &status) == 0 && (status.st_mode & (S_IRUSR | S_IWUSR)) == 0;
}

// Writes what stat says of a device node into memory of a process. 0, or EFAULT.
static inline int write_device_status(
    pid_t process, uint64_t address, uint64_t place, uint32_t mode, uint64_t device,
    int is_extended) {
  if (!is_extended) {
    struct stat status;
    memset(&status, 0, sizeof status);
    status.st_dev = makedev(0, 6);
    status.st_ino = place;
    status.st_nlink = 1;
    status.st_mode = mode;
    status.st_uid = getuid();
    status.st_gid = getgid();
    status.st_rdev = device;
    status.st_blksize = 4096;
    return move_user_bytes(process, address, &status, sizeof status, 1) == sizeof status ? 0
                                                                                         : EFAULT;
  }
  struct statx status;
  memset(&status, 0, sizeof status);
  status.stx_mask = STATX_BASIC_STATS;
  status.stx_blksize = 4096;
  status.stx_nlink = 1;
  status.stx_uid = getuid();
  status.stx_gid = getgid();
  status.stx_mode = (uint16_t)mode;
  status.stx_ino = place;
  status.stx_rdev_major = major(device);
  status.stx_rdev_minor = minor(device);
  status.stx_dev_minor = 6;
  return move_user_bytes(process, address, &status, sizeof status, 1) == sizeof status ? 0 : EFAULT;
}

// The number of a device.
static inline uint64_t device_number(uint32_t major, uint32_t minor) {
  return makedev(major, minor);
}
