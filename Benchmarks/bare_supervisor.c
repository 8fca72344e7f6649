// The yardstick of `emulate`: a supervisor that answers at once, and simulates nothing.
//
//   bare_supervisor COMMAND...   runs a command whose opens and VFIO requests come here: /dev/iommu is
//                                /dev/null, every request answers 0, all other files are opened as usual
//   bare_supervisor --only COUNT what a command costs: nanoseconds a request, an open, a stat and a getppid,
//                                medians of COUNT, on one line
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VFIO_GET_API_VERSION = 0x3b64, VFIO_NUMBERS = 0x3b00 };

// Has both sides run on one processor, as only one of them works at a time (Linux 6.6, linux/seccomp.h).
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

static int compare(const void *left, const void *right) {
  long first = *(const long *)left, second = *(const long *)right;
  return (first > second) - (first < second);
}

static int node;

static void request(void) {
  if (ioctl(node, VFIO_GET_API_VERSION) < 0) exit(2);
}

static void open_other(void) {
  int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  if (file < 0) exit(2);
  close(file);
}

static void stat_other(void) {
  struct stat status;
  if (stat("/etc/passwd", &status) != 0) exit(2);
}

static void other(void) { syscall(SYS_getppid); }

static long median(void (*call)(void), int count) {
  long *times = malloc((size_t)count * sizeof *times);
  for (int index = 0; index < count; index++) {
    long start = now();
    call();
    times[index] = now() - start;
  }
  qsort(times, (size_t)count, sizeof *times, compare);
  long middle = times[count / 2];
  free(times);
  return middle;
}

static int measure(int count) {
  node = open("/dev/iommu", O_RDWR | O_CLOEXEC);
  if (node < 0) return 2;
  for (int index = 0; index < count / 10; index++) request();
  printf("%ld %ld %ld %ld\n", median(request, count), median(open_other, count),
         median(stat_other, count), median(other, count));
  return 0;
}

static int listen_to(void) {
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
  struct sock_filter program[] = {
      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
      LOAD(args[1]),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VFIO_NUMBERS, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  };
  struct sock_fprog all = {.len = sizeof program / sizeof *program, .filter = program};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return (int)syscall(
      SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all);
}

static void send_file(int socket, int file) {
  char control[CMSG_SPACE(sizeof file)] = {0}, byte = 0;
  struct iovec vector = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(sizeof file), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &file, sizeof file);
  if (sendmsg(socket, &message, 0) != 1) _exit(3);
}

static int receive_file(int socket) {
  char control[CMSG_SPACE(sizeof(int))], byte;
  struct iovec vector = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int file = -1;
  if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
    memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof file);
  return file;
}

static int is_ours(const struct seccomp_notif *call) {
  char path[64] = "";
  struct iovec here = {path, sizeof path - 1}, there = {(void *)call->data.args[1], sizeof path - 1};
  // A short read at the end of a page is as good.
  if (process_vm_readv((pid_t)call->pid, &here, 1, &there, 1, 0) <= 0) return 0;
  return strcmp(path, "/dev/iommu") == 0;
}

static void answer(int listener, const struct seccomp_notif *call, int null) {
  struct seccomp_notif_resp response = {.id = call->id};
  if (call->data.nr != SYS_ioctl) {
    if (call->data.nr == SYS_openat && is_ours(call)) {
      struct seccomp_notif_addfd file = {
          .id = call->id, .srcfd = (unsigned)null, .flags = SECCOMP_ADDFD_FLAG_SEND};
      ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &file);
      return;
    }
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  }
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void wake(int signal) { (void)signal; }

int main(int count, char **words) {
  int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), status = 0;
  if (count == 3 && strcmp(words[1], "--only") == 0) return measure(atoi(words[2]));
  if (count < 2 || null < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 64;
  // Before Linux 6.11 the listener does not say that nobody is left; the signal ends its wait.
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = wake}, NULL);
  pid_t child = fork();
  if (child == 0) {
    int listener = listen_to();
    if (listener < 0) _exit(69);
    send_file(ends[1], listener);
    close(listener);
    execvp(words[1], words + 1);
    _exit(127);
  }
  close(ends[1]);
  int listener = receive_file(ends[0]);
  if (listener < 0) return 69;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  for (;;) {
    struct seccomp_notif call = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) answer(listener, &call, null);
    else if (errno != EINTR && errno != ENOENT) break;
    if (waitpid(child, &status, WNOHANG) == child) break;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
