// What glibc has and Swift's Glibc module lacks.
#pragma once

#include <malloc.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

// Behind _GNU_SOURCE in sys/mman.h.
int memfd_create(const char *name, unsigned int flags);
// Behind _GNU_SOURCE in fcntl.h.
int fallocate(int fd, int mode, off_t offset, off_t length);

// A union member that Swift does not see.
static inline int signal_is_ignored(const struct sigaction *action) {
  return action->sa_handler == SIG_IGN;
}

// Swift hides fork(2), which is unsafe in a process of several threads; whoever calls this has one.
static inline pid_t single_threaded_fork(void) { return fork(); }
