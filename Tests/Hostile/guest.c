// A program that means harm, for `emulate`: `guest SEED STEPS [NAMESPACE]` does what it draws, and ends
// some way; it sends signals only outside that namespace of processes.
//
// What it does to itself is its own affair; its supervisor has to go on, and end when all of it is gone.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES = 64, PAGE = 4096, FORKS = 1000, MOST_THREADS = 16 };

static uint64_t state;
static const char *outside;  // the namespace of processes in which nobody may be harmed
static int files[FILES];
static const char *const paths[] = {
    "/dev/iommu", "/dev/vfio/vfio", "/dev/vfio/11", "/dev/vfio/12", "/dev/vfio/99999999999",
    "/dev/vfio/devices/vfio0", "/dev/vfio/devices/vfio1", "/dev/vfio/../iommu", "/dev//vfio/./vfio",
    "/dev/kvm", "/dev/vfio/", "/proc/self/exe", "/dev/null",
    "/sys/bus/pci/devices/0000:01:00.0/driver_override", "/sys/bus/pci/drivers_probe",
    "/sys/bus/pci/drivers/vfio-pci/bind", "/sys/bus/pci/drivers/vfio-pci/unbind"};
static const unsigned requests[] = {
    0x3b64, 0x3b65, 0x3b66, 0x3b67, 0x3b68, 0x3b69, 0x3b6a, 0x3b6b, 0x3b6c, 0x3b6d, 0x3b6e, 0x3b6f,
    0x3b70, 0x3b71, 0x3b72, 0x3b73, 0x3b74, 0x3b75, 0x3b76, 0x3b77, 0x3b78, 0x3b80, 0x3b81, 0x3b82,
    0x3b83, 0x3b84, 0x3b85, 0x3b86, 0x3b87, 0x3b88, 0x3b89, 0x3b8a, 0x3b8b, 0x3b8c, 0x3b8d, 0x3b8e,
    0x3b8f, 0x3b90, 0x3b91, 0x3b92, 0x3b93, 0x3b94, 0x3b95, 0x3ba0, 0x3bff, 0xc00caee0, 0x4018aee1,
    0x4018aee2, 0x4018aee3, 0xae01, 0xaef2, 0xaef4};
static unsigned char *page, *forbidden, *only_read;
static sigjmp_buf beyond;

// xorshift64*
static uint64_t draw(uint64_t below) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (state * 0x2545f4914f6cdd1d >> 11) % below;
}

static int some_file(void) {
  switch (draw(16)) {
    case 0: return (int)draw(1024) - 8;
    case 1: return (int)draw(1ull << 32);
    default: return files[draw(FILES)];
  }
}

static void keep(int file) {
  int *place = &files[draw(FILES)];
  if (file < 0) return;
  if (*place > 2) close(*place);
  *place = file;
}

static void *some_pointer(void) {
  switch (draw(8)) {
    case 0: return NULL;
    case 1: return (void *)(uintptr_t)draw(UINT64_MAX);
    case 2: return (void *)(UINTPTR_MAX - draw(PAGE));
    case 3: return forbidden;
    case 4: return page + PAGE - draw(64);  // ends where nothing can be read
    case 5: return only_read;
    default: return page + (draw(16) << 3);
  }
}

static void scribble(void) {
  uint32_t *words = (uint32_t *)page;
  for (int index = 0; index < 24; index++)
    switch (draw(6)) {
      case 0: words[index] = (uint32_t)draw(8); break;
      case 1: words[index] = (uint32_t)draw(1ull << 32); break;
      case 2: words[index] = (uint32_t)some_file(); break;
      case 3: words[index] = UINT32_MAX; break;
      default: words[index] = 0;
    }
  if (draw(2)) words[0] = (uint32_t)(draw(16) << 3);
  if (draw(4) == 0) *(void **)(page + (draw(8) << 3)) = some_pointer();
}

static void open_some(void) {
  int flags[] = {O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_CLOEXEC, O_RDWR | O_NONBLOCK, O_PATH, O_TRUNC | O_RDWR};
  const char *path = draw(12) ? paths[draw(sizeof paths / sizeof *paths)] : some_pointer();
  keep((int)syscall(SYS_openat, draw(8) ? AT_FDCWD : some_file(), path, flags[draw(7)], 0600));
}

static void ask_some(void) {
  scribble();
  unsigned request = draw(8) ? requests[draw(sizeof requests / sizeof *requests)]
                             : 0x3b00 | (unsigned)draw(256);
  long answer = syscall(SYS_ioctl, some_file(), draw(16) ? request : request | draw(UINT64_MAX) << 32,
                        draw(4) ? page : some_pointer());
  // A device of a group, or a VM of KVM.
  if (answer > 2 && (request == 0x3b6a || request == 0xae01)) keep((int)answer);
}

static void stat_some(void) {
  unsigned char room[512];
  int file = some_file();
  syscall(SYS_fstat, file, draw(4) ? (void *)room : some_pointer());
  syscall(SYS_newfstatat, file, "", draw(4) ? (void *)room : some_pointer(), 0x1000);
  syscall(SYS_statx, file, draw(2) ? "" : some_pointer(), 0x1000, 0xfff, room);
}

static void hand_over(void) {
  int ends[2], file = some_file();
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return;
  char control[CMSG_SPACE(sizeof file)] = {0}, byte = 0;
  struct iovec vector = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(sizeof file), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &file, sizeof file);
  sendmsg(ends[0], &message, MSG_DONTWAIT);
  close(file);
  if (draw(2) && recvmsg(ends[1], &message, MSG_DONTWAIT) == 1) {
    memcpy(&file, CMSG_DATA(header), sizeof file);
    keep(file);
  }
  close(ends[0]);
  close(ends[1]);  // with the file in it, now and then
}

static void touch_mapping(void) {
  size_t length = (size_t)(draw(4) + 1) * PAGE;
  off_t offset = (off_t)(draw(10) << 40);
  unsigned char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, some_file(), offset);
  if (mapped == MAP_FAILED) return;
  // Beyond the end of a file there is nothing to touch.
  if (sigsetjmp(beyond, 1) == 0) page[64] = mapped[draw(length)];
  if (draw(2)) munmap(mapped, length);
}

static void read_and_write(void) {
  int file = some_file();
  off_t offset = (off_t)(draw(10) << 40 | draw(256));
  if (file <= 2) return;
  // Sockets would wait.
  fcntl(file, F_SETFL, fcntl(file, F_GETFL) | O_NONBLOCK);
  if (pread(file, page + 128, draw(256), offset) < 0 && errno == ESPIPE)
    if (read(file, page + 128, 8) < 0 && draw(2)) write(file, page, draw(64));
  pwrite(file, page, draw(64), offset);
  if (draw(32) == 0) ftruncate(file, (off_t)draw(UINT64_MAX >> 1));
}

static void close_all(void) {
  syscall(SYS_close_range, 3u, ~0u, 0u);
  memset(files, 0, sizeof files);
}

static void fork_many(void) {
  int count = draw(4) ? (int)draw(8) : FORKS;
  for (int index = 0; index < count; index++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      state ^= (uint64_t)index << 17 | 1;
      ask_some();
      if (draw(2)) close_all();
      if (draw(4) == 0) abort();
      _exit(0);
    }
    if (draw(2)) kill(child, SIGKILL);
  }
  while (waitpid(-1, NULL, 0) > 0) {}
}

static void *threaded(void *seed) {
  uint64_t mine = (uint64_t)(uintptr_t)seed;
  for (int index = 0; index < 20; index++) {
    mine = mine * 6364136223846793005 + 1442695040888963407;
    syscall(SYS_ioctl, files[mine >> 33 & 31], requests[mine >> 40 & 31], page);
  }
  return NULL;
}

static void run_threads(void) {
  pthread_t threads[MOST_THREADS];
  int count = (int)draw(MOST_THREADS) + 1, made = 0;
  while (made < count &&
         pthread_create(&threads[made], NULL, threaded, (void *)(uintptr_t)draw(UINT64_MAX)) == 0)
    made++;
  scribble();
  while (made > 0) pthread_join(threads[--made], NULL);
}

static void unmap_meanwhile(void) {
  munmap(only_read, PAGE);
  only_read = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void signal_everyone(void) {
  // All that it can see but itself; its supervisor must not be among them. Not where there is none.
  char here[64] = "";
  if (!outside || readlink("/proc/self/ns/pid", here, sizeof here - 1) <= 0) return;
  if (strcmp(here, outside) == 0) return;
  signal(SIGTERM, SIG_IGN);
  kill(-1, draw(2) ? SIGTERM : SIGKILL);
  kill(getppid(), SIGKILL);
  for (int process = 1; process < 64; process++)
    if (process != getpid()) kill(process, SIGKILL);
}

static void become_unfriendly(void) {
  prctl(PR_SET_DUMPABLE, 0);
  if (draw(4) == 0) prctl(PR_SET_DUMPABLE, 1);
}

static void (*const deeds[])(void) = {
    open_some, open_some, open_some, ask_some, ask_some, ask_some, ask_some, ask_some, ask_some,
    stat_some, hand_over, touch_mapping, read_and_write, run_threads, unmap_meanwhile};
static void (*const misdeeds[])(void) = {close_all, fork_many, signal_everyone, become_unfriendly};

static void end(char **words) {
  uint64_t way = draw(8);
  switch (way) {
    case 0: abort();
    case 1: kill(getpid(), SIGKILL); break;
    case 2: *(volatile char *)NULL = 0; break;
    case 3: execl("/proc/self/exe", words[0], "1", "3", NULL); break;
    // Leave somebody behind, for a moment or for good.
    case 4: if (fork() == 0) { usleep(20000); ask_some(); } break;
    case 5: if (fork() == 0) { setsid(); signal(SIGHUP, SIG_IGN); for (;;) pause(); } break;
    default: break;
  }
  _exit((int)way);
}

static void jump(int signal) {
  (void)signal;
  siglongjmp(beyond, 1);
}

int main(int count, char **words) {
  if (count < 3) return 64;
  signal(SIGBUS, jump);
  state = strtoull(words[1], NULL, 0) * 2 + 1;
  int steps = atoi(words[2]);
  outside = words[3];
  int sharing = MAP_SHARED | MAP_ANONYMOUS;
  page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, sharing, -1, 0);
  forbidden = page + PAGE;
  mprotect(forbidden, PAGE, PROT_NONE);
  only_read = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int index = 0; index < 8; index++) open_some();
  for (int index = 0; index < steps; index++)
    if (draw(40) == 0) misdeeds[draw(sizeof misdeeds / sizeof *misdeeds)]();
    else deeds[draw(sizeof deeds / sizeof *deeds)]();
  end(words);
}
