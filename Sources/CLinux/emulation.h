// What runs a program under seccomp user notification: everything here has no wrapper in glibc, or
// happens in a forked process, where Swift can't be.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"

// Behind newer headers than Debian's oldest.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define EMULATION_SET_FLAGS SECCOMP_IOW(4, __u64)
enum { EMULATION_SYNC_WAKE_UP = 1 };

#if defined(__x86_64__)
#define EMULATION_ARCH AUDIT_ARCH_X86_64
#define EMULATION_X32 0x40000000u
#elif defined(__aarch64__)
#define EMULATION_ARCH AUDIT_ARCH_AARCH64
#endif

// The calls that are caught, by what they are; -1 for what an architecture lacks.
enum emulated_call {
  EMULATED_OPENAT = SYS_openat,
  EMULATED_OPENAT2 = SYS_openat2,
  EMULATED_IOCTL = SYS_ioctl,
  EMULATED_WRITE = SYS_write,
  EMULATED_PWRITE = SYS_pwrite64,
  EMULATED_FSTAT = SYS_fstat,
  EMULATED_NEWFSTATAT = SYS_newfstatat,
  EMULATED_STATX = SYS_statx,
  EMULATED_EXIT = SYS_exit_group,
#if defined(__x86_64__)
  EMULATED_OPEN = SYS_open,
  EMULATED_CREAT = SYS_creat,
  EMULATED_STAT = SYS_stat,
  EMULATED_LSTAT = SYS_lstat,
#else
  EMULATED_OPEN = -1,
  EMULATED_CREAT = -2,
  EMULATED_STAT = -3,
  EMULATED_LSTAT = -4,
#endif
};

// One call that waits for its answer: struct seccomp_notif without what nobody needs.
struct emulated_notification {
  uint64_t id;
  uint32_t thread;
  int32_t number;
  uint64_t arguments[6];
};

// The filter; whether all requests are caught, because KVM is simulated, too, and whether the ends of
// processes are, while their memory is there.
static inline int emulation_filter(
    struct sock_filter *code, int catches_kvm, int catches_ends) {
  int length = 0;
  const uint32_t number = offsetof(struct seccomp_data, nr);
  const uint32_t second = offsetof(struct seccomp_data, args[1]);
  const uint32_t third = offsetof(struct seccomp_data, args[2]);
#define EMIT(...) code[length++] = (struct sock_filter)__VA_ARGS__
#define LOAD(offset) EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)))
#define RETURN(value) EMIT(BPF_STMT(BPF_RET | BPF_K, (value)))
#define RETURN_IF(word, value) \
  EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (word), 0, 1)); \
  RETURN(value)
  LOAD(offsetof(struct seccomp_data, arch));
  EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, EMULATION_ARCH, 1, 0));
  RETURN(SECCOMP_RET_ERRNO | EPERM);
  LOAD(number);
#ifdef EMULATION_X32
  EMIT(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, EMULATION_X32, 0, 1));
  RETURN(SECCOMP_RET_ERRNO | EPERM);
#endif
  const int whole[] = {
      EMULATED_OPENAT, EMULATED_OPENAT2, EMULATED_OPEN, EMULATED_CREAT, EMULATED_STAT,
      EMULATED_LSTAT, EMULATED_FSTAT, EMULATED_NEWFSTATAT, EMULATED_STATX};
  for (size_t index = 0; index < sizeof whole / sizeof *whole; index++)
    if (whole[index] >= 0) { RETURN_IF((uint32_t)whole[index], SECCOMP_RET_USER_NOTIF); }
  if (catches_ends) { RETURN_IF(EMULATED_EXIT, SECCOMP_RET_USER_NOTIF); }
  // A ring would open files without any of these calls.
  RETURN_IF(SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS);
#define HIGH_HALF 4
  // Writes at offsets of configuration space: region 7 of a device's file, at 7 << 40.
  EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 4));
  LOAD(offsetof(struct seccomp_data, args[3]) + HIGH_HALF);
  RETURN_IF(7u << 8, SECCOMP_RET_USER_NOTIF);
  RETURN(SECCOMP_RET_ALLOW);
#undef HIGH_HALF
  // Writes as long as a PCI address: those to drivers' attributes.
  EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 6));
  LOAD(third);
  RETURN_IF(12, SECCOMP_RET_USER_NOTIF);
  RETURN_IF(13, SECCOMP_RET_USER_NOTIF);
  RETURN(SECCOMP_RET_ALLOW);
  EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0));
  RETURN(SECCOMP_RET_ALLOW);
  // Another process than a VM's own gets EIO for any request, known or not.
  if (catches_kvm) { RETURN(SECCOMP_RET_USER_NOTIF); }
  LOAD(second);
  RETURN_IF(0xc00caee0, SECCOMP_RET_USER_NOTIF);
  RETURN_IF(0x4018aee1, SECCOMP_RET_USER_NOTIF);
  RETURN_IF(0x4018aee2, SECCOMP_RET_USER_NOTIF);
  RETURN_IF(0x4018aee3, SECCOMP_RET_USER_NOTIF);
  EMIT(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00));
  RETURN_IF(0x3b00, SECCOMP_RET_USER_NOTIF);
  RETURN(SECCOMP_RET_ALLOW);
#undef EMIT
#undef LOAD
#undef RETURN
#undef RETURN_IF
  return length;
}

// Has the calling thread, and all that comes of it, ask a listener, whose number is given; -1 and
// errno if that is not to be had.
static inline int install_emulation_filter(int catches_kvm, int catches_ends) {
  struct sock_filter code[128];
  struct sock_fprog program = {.filter = code};
  program.len = (unsigned short)emulation_filter(code, catches_kvm, catches_ends);
  const unsigned long flags[] = {
      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
      SECCOMP_FILTER_FLAG_NEW_LISTENER};
  for (int index = 0; index < 2; index++) {
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[index], &program);
    if (listener < 0 && errno == EACCES) {
      // Who may not administer the system gives up setuid programs for it.
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
      listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[index], &program);
    }
    if (listener >= 0 || errno != EINVAL) return listener;
  }
  return -1;
}

// What signals say while calls are waited for.
struct emulation_events {
  volatile sig_atomic_t has_happened;
  // By number: 1 for what a kernel has sent, 2 for what a process has.
  volatile sig_atomic_t came[64];
  struct sigaction former[64];
  // Room for what later kernels may add to a call: they write as much as they know.
  union { struct seccomp_notif call; char room[256]; } place;
};

// One file of Swift asks for all that comes to this: another one might have a copy of its own.
static inline struct emulation_events *emulation_events(void) {
  static struct emulation_events events;
  return &events;
}

// A kernel refuses to put a call in a place that is not empty (EINVAL; Linux 5.5): so nobody begins to
// wait who has not seen this signal.
static inline void note_event(int signal, siginfo_t *information, void *context) {
  (void)context;
  if (signal != SIGIO) emulation_events()->came[signal] = information->si_code <= 0 ? 2 : 1;
  emulation_events()->has_happened = 1;
  *(volatile uint32_t *)&emulation_events()->place.call.flags = 1;
}

// Notes some signals from now on, and that something has happened to files that tell of it.
static inline void begin_events(const sigset_t *signals) {
  struct sigaction action = {.sa_sigaction = note_event, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigset_t noted = *signals;
  sigfillset(&action.sa_mask);
  sigaddset(&noted, SIGIO);
  for (int signal = 1; signal < 64; signal++)
    if (sigismember(&noted, signal) == 1)
      sigaction(signal, &action, &emulation_events()->former[signal]);
  emulation_events()->has_happened = 1;
  sigprocmask(SIG_UNBLOCK, &noted, NULL);
}

// Holds them back again; files still tell, but nobody minds.
static inline void end_events(const sigset_t *signals) {
  sigprocmask(SIG_BLOCK, signals, NULL);
  for (int number = 1; number < 64; number++)
    if (sigismember(signals, number) == 1)
      sigaction(number, &emulation_events()->former[number], NULL);
  signal(SIGIO, SIG_IGN);
}

// Whether something has happened since this was asked. What happens after that is not forgotten.
static inline int take_events(void) {
  if (!emulation_events()->has_happened) return 0;
  emulation_events()->has_happened = 0;
  return 1;
}

// A signal that came, of those that are noted, or 0; whether a process has sent it.
static inline int next_signal(int *is_from_process) {
  for (int signal = 1; signal < 64; signal++) {
    int came = emulation_events()->came[signal];
    if (came == 0) continue;
    emulation_events()->came[signal] = 0;
    *is_from_process = came == 2;
    return signal;
  }
  return 0;
}

// Has a file tell at once what happens to it: we have a signal before the process that does it goes on.
static inline void tell_of_file(int file) {
  fcntl(file, F_SETOWN, getpid());
  fcntl(file, F_SETFL, fcntl(file, F_GETFL) | O_ASYNC);
}

// The next call that waits. 0, or -1: something has happened first, or nobody is there who could call.
static inline int receive_notification(int listener, struct emulated_notification *call) {
  struct seccomp_notif *place = &emulation_events()->place.call;
  memset(&emulation_events()->place, 0, sizeof emulation_events()->place);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (emulation_events()->has_happened || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, place) != 0)
    return -1;
  call->id = place->id;
  call->thread = place->pid;
  call->number = place->data.nr;
  memcpy(call->arguments, place->data.args, sizeof call->arguments);
  return 0;
}

// Whether nobody is left who could ask a listener.
static inline int is_listener_idle(int listener) {
  struct pollfd ready = {.fd = listener};
  return poll(&ready, 1, 0) > 0 && (ready.revents & POLLHUP) != 0;
}

// Answers a call: by a value, or the errno of a failure. 0, or -1 and errno.
static inline int answer_notification(int listener, uint64_t id, int64_t value, int error) {
  union { struct seccomp_notif_resp answer; char room[64]; } place;
  memset(&place, 0, sizeof place);
  place.answer.id = id;
  place.answer.val = error == 0 ? value : 0;
  place.answer.error = -error;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &place);
}

// Has the kernel carry a call out as it is.
static inline int continue_notification(int listener, uint64_t id) {
  union { struct seccomp_notif_resp answer; char room[64]; } place;
  memset(&place, 0, sizeof place);
  place.answer.id = id;
  place.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &place);
}

// Whether the thread of a call still waits for it.
static inline int is_notification_valid(int listener, uint64_t id) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

// Gives the process of a call one of our files; its number there, or -1 and errno.
static inline int add_file(int listener, uint64_t id, int file, int closes_on_exec) {
  struct seccomp_notif_addfd addition = {
      .id = id, .srcfd = (uint32_t)file,
      .newfd_flags = closes_on_exec ? O_CLOEXEC : 0};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addition);
}

// Has a caller woken on the CPU of the one who answers (Linux 6.6); others do without.
static inline void wake_callers_here(int listener) {
  ioctl(listener, EMULATION_SET_FLAGS, (uint64_t)EMULATION_SYNC_WAKE_UP);
}

// Watches a file for events; its end is always one.
static inline int watch_file(int poll, int file, uint32_t events) {
  struct epoll_event event = {.events = events, .data = {.u64 = (uint64_t)file}};
  return epoll_ctl(poll, EPOLL_CTL_ADD, file, &event);
}

// The numbers of watched files that something has happened to; how many.
static inline int wait_for_files(int poll, int *files, int room, int milliseconds) {
  struct epoll_event events[64];
  int count = epoll_wait(poll, events, room < 64 ? room : 64, milliseconds);
  for (int index = 0; index < count; index++) files[index] = (int)events[index].data.u64;
  return count < 0 ? 0 : count;
}

// The watches whose files were closed; how many.
static inline int closed_watches(int notifier, int *watches, int room) {
  union { struct inotify_event event; char bytes[4096]; } place;
  int count = 0;
  ssize_t length = read(notifier, place.bytes, (size_t)room * sizeof(struct inotify_event));
  for (ssize_t at = 0; at < length;) {
    struct inotify_event event;
    memcpy(&event, place.bytes + at, sizeof event);
    if (event.mask & IN_CLOSE_WRITE) watches[count++] = event.wd;
    at += (ssize_t)(sizeof event + event.len);
  }
  return count;
}

// Two ends of which the second never sends: reading from the first one gives nothing.
static inline int socket_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  shutdown(ends[1], SHUT_WR);
  return 0;
}

// Closes what watched files, without waiting until the kernel has let go of what it knew of them, which
// often takes 15 ms (fsnotify_destroy_group, fs/notify/group.c): it lies in a socket that nothing but a
// message in its own queue holds, and such ones a worker of the kernel's collects (net/unix/garbage.c).
static inline void close_watches(int notifier) {
  int ends[2];
  if (socket_pair(ends) == 0) {
    const int files[2] = {notifier, ends[1]};
    send_with_files(ends[0], "", 1, files, 2);
    close(ends[0]);
    close(ends[1]);
  }
  close(notifier);
}

// A message of the first process, and the listener that comes with it or -1. 0, or -1 at the end.
static inline int receive_stage(int control, int *stage, int *value, int *listener) {
  int32_t message[2];
  size_t count = 1;
  int truncated = 0;
  int files[1] = {-1};
  ssize_t length = receive_with_files(control, message, sizeof message, files, &count, &truncated);
  *listener = count > 0 ? files[0] : -1;
  if (length != sizeof message) return -1;
  *stage = message[0];
  *value = message[1];
  return 0;
}
