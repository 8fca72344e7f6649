// What glibc has and Swift's Glibc module lacks.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// Behind _GNU_SOURCE in sys/mman.h.
int memfd_create(const char *name, unsigned int flags);
// Behind _GNU_SOURCE in unistd.h.
int pipe2(int ends[2], int flags);
// Behind _GNU_SOURCE in fcntl.h.
int fallocate(int fd, int mode, off_t offset, off_t length);
// Behind _GNU_SOURCE in fcntl.h: O_PATH, O_TMPFILE and AT_EMPTY_PATH.
static const int OPEN_PLACE_ONLY = __O_PATH;
static const int OPEN_UNNAMED = __O_TMPFILE;
static const int LINK_OPEN_FILE = 0x1000;
// Behind _GNU_SOURCE in sys/socket.h.
int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);

// A union member that Swift does not see.
static inline int signal_is_ignored(const struct sigaction *action) {
  return action->sa_handler == SIG_IGN;
}

// Swift hides fork(2), which is unsafe in a process of several threads; the caller of this has one.
static inline pid_t single_threaded_fork(void) { return fork(); }

// Has a signal sent to us when our parent ends; 0 for none.
static inline void get_signal_of_parents_end(int signal) {
  prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

// Takes the place of init for what our children leave behind (Linux 3.4).
static inline void adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

// Whether the kernel runs a file. A traced child stops when it has become the file's program, and
// is killed before the program's first instruction. 0; the errno of execve; -1 if that is not known.
static inline int try_to_execute(
    const char *path, char *const words[], char *const environment[]) {
  pid_t us = getpid();
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    // Else it would go on without us, or be stopped for ever, if we were killed now or just before.
    get_signal_of_parents_end(SIGKILL);
    if (getppid() != us || ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(UCHAR_MAX);
    // What stops it is not to be held back.
    sigset_t others;
    sigfillset(&others);
    sigdelset(&others, SIGTRAP);
    sigprocmask(SIG_SETMASK, &others, NULL);
    execve(path, words, environment);
    _exit(errno);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  if (WIFSTOPPED(status)) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) != UCHAR_MAX ? WEXITSTATUS(status) : -1;
}

// Swift's runtime ends a process at its start that can't find its own path, as without /proc, to look
// for the program that shows crashes beside it; unless a variable names one (Backtrace.cpp).
#define BACKTRACE_VARIABLE "SWIFT_BACKTRACE"
static inline int set_backtrace_variable(void) {
  return getenv(BACKTRACE_VARIABLE) == NULL
      && setenv(BACKTRACE_VARIABLE, "enable=no,swift-backtrace=/", 0) == 0;
}

// In newer headers than Debian's oldest (linux/mman.h).
enum { POPULATE_FOR_WRITING = 23 };

// Zeros of a static program, from its linker.
extern char __bss_start[], _end[];

// Has the kernel give us the first half of the zeros at once (Linux 5.14): there lies what Swift keeps
// about types, and a small compilation touches nearly all of its pages, most of them twice, to read and
// then to write, which was two in five of all page faults. The second half is that of libraries.
static inline void take_pages_of_zeros(void) {
  const uintptr_t page = 4096;
  const uintptr_t first = (uintptr_t)__bss_start & ~(page - 1);
  const uintptr_t size = ((uintptr_t)_end - first) / 2 & ~(page - 1);
  syscall(SYS_madvise, first, size, POPULATE_FOR_WRITING);
}

// The most files that go with one message: SCM_MAX_FD of include/net/scm.h.
enum { MAXIMUM_FILES = 253 };

// Room for their control data, which is laid out by macros that Swift does not see.
union file_control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(MAXIMUM_FILES * sizeof(int))];
};

// Sends bytes, and files with the first of them; how many bytes were taken, or -1.
static inline ssize_t send_with_files(
    int socket, const void *bytes, size_t length, const int *files, size_t count) {
  union file_control control;
  struct iovec vector = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count > 0) {
    memset(&control, 0, sizeof control);
    control.header.cmsg_len = CMSG_LEN(count * sizeof *files);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), files, count * sizeof *files);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(count * sizeof *files);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Receives bytes, and at most *count files, close-on-exec; *count becomes how many came, and
// *is_truncated whether there was more. How many bytes came, or -1.
static inline ssize_t receive_with_files(
    int socket, void *bytes, size_t length, int *files, size_t *count, int *is_truncated) {
  union file_control control;
  struct iovec vector = {bytes, length};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
      .msg_controllen = CMSG_LEN(*count * sizeof *files)};
  ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  *count = 0;
  if (got < 0) return got;
  *is_truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t some = (part->cmsg_len - CMSG_LEN(0)) / sizeof *files;
    memcpy(files + *count, CMSG_DATA(part), some * sizeof *files);
    *count += some;
  }
  return got;
}

// The user that a process had when it connected to a unix socket; -1 if that can't be told.
static inline uid_t user_of_peer(int socket) {
  // struct ucred, behind _GNU_SOURCE.
  struct { pid_t process; uid_t user; gid_t group; } peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return (uid_t)-1;
  return peer.user;
}

// openat2(2), since Linux 5.6 and without a wrapper in glibc: neither links nor `..` lead out of the
// directory.
static inline int open_in_root(int directory, const char *path, int flags) {
  struct open_how how = {
      .flags = (unsigned int)flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

// What is at a path, links followed, without asking a server that may be gone for it (AT_STATX_DONT_SYNC
// of linux/fcntl.h, since 4.11). 0, or -1 and errno.
static inline int device_at(
    const char *path, unsigned int *mode, unsigned int *major, unsigned int *minor) {
  struct statx status;
  if (syscall(SYS_statx, AT_FDCWD, path, 0x4000, STATX_TYPE, &status) != 0) return -1;
  *mode = status.stx_mode;
  *major = status.stx_rdev_major;
  *minor = status.stx_rdev_minor;
  return 0;
}

// Writes to a file in a process of its own, as a write that waits inside the kernel can't be called
// back; ETIMEDOUT if it does not return in time, and the process is left. Of our files it has one at
// most, whose lock then lasts as long as the write. 0, or the errno of what failed.
static inline int write_in_time(
    const char *path, const void *bytes, size_t length, int milliseconds, int kept) {
  int ends[2], result = EIO;
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 0);
    dup2(kept < 0 ? 0 : kept, 1);
    if (syscall(SYS_close_range, 2U, ~0U, 0U) != 0)
      for (int file = (int)sysconf(_SC_OPEN_MAX); file > 1; file--) close(file);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : write(file, bytes, length);
    result = count < 0 ? errno : (size_t)count == length ? 0 : EIO;
    _exit(write(0, &result, sizeof result) < 0);
  }
  int error = child < 0 ? errno : 0;
  close(ends[1]);
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  long long left = milliseconds;
  struct pollfd answer = {.fd = ends[0], .events = POLLIN};
  int ready = 0;
  while (error == 0 && left >= 0 && (ready = poll(&answer, 1, (int)left)) < 0 && errno == EINTR) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    left = milliseconds - (now.tv_sec - start.tv_sec) * 1000LL
        - (now.tv_nsec - start.tv_nsec) / 1000000;
  }
  if (error == 0 && ready <= 0) error = ETIMEDOUT;
  if (error == 0) {
    if (read(ends[0], &result, sizeof result) != sizeof result) result = EIO;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    error = result;
  }
  close(ends[0]);
  return error;
}
