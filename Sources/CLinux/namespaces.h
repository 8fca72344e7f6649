// How a program is started in namespaces of its own, under the filter of emulation.h.
#pragma once

#include <linux/sched.h>
#include <poll.h>

#include "emulation.h"
#include "folders.h"
#include "shim.h"

// How far the start of a program has come, and what went wrong there.
enum emulation_stage {
  EMULATION_NAMESPACES = 1,
  EMULATION_MOUNTS,
  EMULATION_READY,
  EMULATION_LISTENER,
  EMULATION_STARTED,
  EMULATION_EXECUTION,
  EMULATION_ENDED,
};

// What the two sides of the control socket say to each other.
struct emulation_message {
  int32_t stage;
  // An errno, or how a command ended, or a signal for it.
  int32_t value;
};

// What a program is started with.
struct emulation_start {
  const char *path;
  char *const *words;
  char *const *environment;
  // Signals that it holds back.
  sigset_t mask;
  // What a signal does again that we ignore.
  int restores_signals;
  // Whether the end of a process waits until it was looked at.
  int catches_ends;
  // Whether an own user namespace is wanted.
  int has_user_namespace;
};

static inline void say_to_supervisor(int control, int stage, int value) {
  struct emulation_message message = {stage, value};
  send(control, &message, sizeof message, MSG_NOSIGNAL);
}

static inline int emulation_write(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t length = write(file, text, strlen(text));
  close(file);
  return length < 0 ? -1 : 0;
}

static inline int prepare_user_namespace(uid_t user, gid_t group) {
  char text[64];
  emulation_write("/proc/self/setgroups", "deny");
  snprintf(text, sizeof text, "%u %u 1", user, user);
  if (emulation_write("/proc/self/uid_map", text) != 0) return -1;
  snprintf(text, sizeof text, "%u %u 1", group, group);
  return emulation_write("/proc/self/gid_map", text);
}

// Puts the machine's folders in the place of ours. That is said as soon as there is a place for the files
// of the supervisor, which makes them, and its part of ours, while the rest is brought back.
static inline int prepare_mounts(int control, int links_nodes) {
  struct hidden_folder system = HIDDEN_SYSTEM, devices = HIDDEN_DEVICES;
  if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) return -1;
  int whole = links_nodes ? copy_of_mounts(devices.path) : -1;
  if (hide_folder(&system) != 0 || hide_folder(&devices) != 0) return -1;
  devices.nodes = prepare_nodes(&devices, whole);
  if (whole >= 0) close(whole);
  show_around(&system);
  say_to_supervisor(control, EMULATION_READY, 0);
  bring_back(&system, ".");
  mode_t mask = umask(0);
  bring_back(&devices, ".");
  umask(mask);
  close_hidden(&system);
  close_hidden(&devices);
  // Where /proc has mounts on it, as in containers, that is refused; the old one does as well.
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  return 0;
}

// Where the supervisor puts files that stand for some of /proc.
#define EMULATION_FOLDER "/dev/.emulated"

// Shows those files in the place of the kernel's.
static inline void show_files_of_proc(void) {
  static const char *const shown[] = {
      "sys/kernel/osrelease", "sys/kernel/hostname", "sys/kernel/arch", "interrupts", "cpuinfo"};
  for (size_t index = 0; index < sizeof shown / sizeof *shown; index++) {
    char source[128], target[128];
    const char *name = strrchr(shown[index], '/');
    snprintf(source, sizeof source, EMULATION_FOLDER "/%s", name ? name + 1 : shown[index]);
    snprintf(target, sizeof target, "/proc/%s", shown[index]);
    mount(source, target, NULL, MS_BIND, NULL);
  }
}

// Becomes the command, which asks the supervisor from its first instruction on.
static inline void become_command(
    const struct emulation_start *start, int catches_kvm, int control) {
  int listener = install_emulation_filter(catches_kvm, start->catches_ends);
  if (listener < 0) {
    say_to_supervisor(control, EMULATION_LISTENER, errno);
    _exit(126);
  }
  struct emulation_message message = {EMULATION_STARTED, 0};
  union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } room;
  memset(&room, 0, sizeof room);
  struct iovec vector = {&message, sizeof message};
  struct msghdr header = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = room.bytes,
      .msg_controllen = sizeof room.bytes};
  room.header.cmsg_len = CMSG_LEN(sizeof(int));
  room.header.cmsg_level = SOL_SOCKET;
  room.header.cmsg_type = SCM_RIGHTS;
  memcpy(CMSG_DATA(&room.header), &listener, sizeof listener);
  if (sendmsg(control, &header, MSG_NOSIGNAL) < 0) _exit(126);
  close(listener);
  if (start->restores_signals) {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &start->mask, NULL);
  execve(start->path, start->words, start->environment);
  say_to_supervisor(control, EMULATION_EXECUTION, errno);
  _exit(126);
}

// Waits for the command and everybody who is left behind; passes signals on; says how it ended. All
// that is left then is killed by the kernel.
static inline void attend_command(pid_t command, int control) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  struct pollfd ready[2] = {{.fd = signals, .events = POLLIN}, {.fd = control, .events = POLLIN}};
  for (;;) {
    int word;
    pid_t ended;
    while ((ended = waitpid(-1, &word, WNOHANG)) > 0)
      if (ended == command) {
        say_to_supervisor(control, EMULATION_ENDED, word);
        // All others end with us: not before it was looked at what they have open.
        struct emulation_message seen;
        while (recv(control, &seen, sizeof seen, 0) == sizeof seen && seen.value != 0) {}
        return;
      }
    if (poll(ready, 2, -1) < 0 && errno != EINTR) return;
    struct signalfd_siginfo information;
    while (read(signals, &information, sizeof information) > 0) {}
    if (ready[1].revents == 0) continue;
    struct emulation_message message;
    if (recv(control, &message, sizeof message, MSG_DONTWAIT) != sizeof message) return;
    kill(command, message.value);
  }
}

// The first process of the namespaces.
static inline void be_first_process(
    const struct emulation_start *start, int control, uid_t user, gid_t group) {
  get_signal_of_parents_end(SIGKILL);
  // What ends before it is looked at must not go unseen.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  if (start->has_user_namespace && prepare_user_namespace(user, group) != 0) {
    say_to_supervisor(control, EMULATION_NAMESPACES, errno);
    _exit(1);
  }
  if (prepare_mounts(control, start->has_user_namespace) != 0) {
    say_to_supervisor(control, EMULATION_MOUNTS, errno);
    _exit(1);
  }
  struct emulation_message message;
  // The supervisor is gone, or has the files ready and says whether KVM is its, too.
  if (recv(control, &message, sizeof message, 0) != sizeof message) _exit(1);
  show_files_of_proc();
  // It runs in our memory until it is executed, which is as safe as short: it calls nothing that we go on
  // to use, and copying our tables of pages would take longer than all of it.
  pid_t command = vfork();
  if (command < 0) {
    say_to_supervisor(control, EMULATION_EXECUTION, errno);
    _exit(1);
  }
  if (command == 0) become_command(start, message.value, control);
  attend_command(command, control);
  _exit(0);
}

// Starts the first process of new namespaces, which waits with its command until it is told to go
// on; the number of our end of the control socket is given. Its number, or -1 and errno.
static inline pid_t start_emulation(const struct emulation_start *start, int *control) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  uid_t user = geteuid();
  gid_t group = getegid();
  unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | SIGCHLD;
  if (start->has_user_namespace) flags |= CLONE_NEWUSER;
  pid_t process = (pid_t)syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL);
  if (process == 0) {
    close(ends[0]);
    be_first_process(start, ends[1], user, group);
  }
  int error = errno;
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    errno = error;
    return -1;
  }
  *control = ends[0];
  return process;
}
