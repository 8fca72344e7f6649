// Follows one process with ptrace(2) and writes down the calls that matter to a plan: those on
// /dev/iommu, /dev/vfio, /dev/kvm and what they give, writes below /sys/bus/pci, and memory files.
//
//   follow [-o LOG] [--status FILE] [--signal N@K] [--fail NTH@K] [--points FILE] [--release N]
//          COMMAND ARGS...
//
// LOG gets one JSON object a line; calls are counted from k = 1 when they are entered, and structs
// are shown in hexadecimal before (`in`) and after (`out`). The last lines say which descriptors
// the process had open when it asked to exit, and how it ended. FILE gets one line: `exited` or
// `signalled`, the number, the count of calls, and 1 if the failure was injected, else 0.
//
// --signal sends signal N when call K is entered (with SIGKILL the call is not made). --fail lets
// the NTH allocation or copy inside call K fail (Documentation/fault-injection, fail-nth); --points
// lets none fail and writes how many there are in each call, a line `K COUNT` for each. --release
// sends signal N once a line that begins with `holding` is on standard output. It ends as COMMAND
// did, with 128 + N for signal N.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "peek.h"

enum { MOST_FILES = 1024, MOST_AREAS = 256, MANY = 1000000 };

// A call between its entry and its exit; `kind` is null if it is of no interest.
struct call {
  const struct kind *kind;
  long number;
  uint64_t args[6];
  char path[NAME];
  struct bytes before;
};

struct options {
  const char *log, *status, *points;
  int signal, release;
  unsigned nth, signal_at, fail_at;
};

static struct options options;
static FILE *log_file, *points_file;
static unsigned calls;
static bool was_injected;
static struct call current;
// What each descriptor is; null if it is of no interest.
static const char *files[MOST_FILES];
// Where memory files are mapped; length 0: a free entry.
static struct { uint64_t start, length; } areas[MOST_AREAS];

// MARK: What is of interest

static bool is_known(uint64_t file) { return file < MOST_FILES && files[file]; }

static void learn(uint64_t file, const char *name) {
  if (file < MOST_FILES) files[file] = name ? strdup(name) : NULL;
}

static bool is_of_interest(const char *path, uint64_t flags) {
  // Whether a node is there: nothing is opened.
  if (flags & O_PATH) return false;
  if (!strcmp(path, "/dev/iommu") || !strcmp(path, "/dev/kvm")) return true;
  if (!strncmp(path, "/dev/vfio/", 10)) return true;
  return (flags & O_ACCMODE) != O_RDONLY && !strncmp(path, "/sys/bus/pci/", 13);
}

static int area_of(uint64_t address) {
  for (int i = 0; i < MOST_AREAS; i++)
    if (areas[i].length && address - areas[i].start < areas[i].length) return i;
  return -1;
}

static bool matters(struct call *call, enum subject subject) {
  switch (subject) {
  case PATH_IN_0: case PATH_IN_1:
    peek_text(call->args[subject], call->path);
    return is_of_interest(call->path, call->args[subject + 1]);
  case NAME_IN_0: return peek_text(call->args[0], call->path), true;
  case FILE_IN_0: return is_known(call->args[0]);
  case FILE_IN_4: return !(call->args[3] & MAP_ANONYMOUS) && is_known(call->args[4]);
  default: return area_of(call->args[0]) >= 0;
  }
}

static const struct kind *kind_of(struct call *call) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (kinds[i].number == call->number && matters(call, kinds[i].subject)) return &kinds[i];
  return NULL;
}

// MARK: The log

static void put_text(const char *text) {
  fputc('"', log_file);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
      fprintf(log_file, "\\u%04x", *text);
    else
      fputc(*text, log_file);
  }
  fputc('"', log_file);
}

static void put_bytes(const char *key, const struct bytes *bytes) {
  fprintf(log_file, ",\"%s\":\"", key);
  for (size_t i = 0; i < bytes->length; i++) fprintf(log_file, "%02x", bytes->data[i]);
  fputc('"', log_file);
}

static void put_call(const struct call *call, int64_t result) {
  fprintf(log_file, "{\"k\":%u,\"call\":\"%s\",\"args\":[", calls, call->kind->name);
  for (int i = 0; i < call->kind->arguments; i++)
    fprintf(log_file, "%s%llu", i ? "," : "", (unsigned long long)call->args[i]);
  fputs("],\"path\":", log_file);
  enum subject subject = call->kind->subject;
  bool is_about_file = subject == FILE_IN_0 || subject == FILE_IN_4;
  put_text(is_about_file ? files[call->args[subject == FILE_IN_4 ? 4 : 0]] : call->path);
  fprintf(log_file, ",\"ret\":%lld", (long long)result);
}

// The argument of an ioctl and what it points to, or what is written or read.
static void put_argument(const struct call *call, int64_t result) {
  static struct bytes bytes;
  if (call->number == SYS_write || call->number == SYS_pwrite64) put_bytes("in", &call->before);
  if (call->number == SYS_read && result > 0) {
    peek_bytes(call->args[1], (size_t)result, &bytes);
    put_bytes("out", &bytes);
  }
  if (call->number != SYS_ioctl || !call->before.length) return;
  put_bytes("in", &call->before);
  peek_bytes(call->args[2], call->before.length, &bytes);
  put_bytes("out", &bytes);
  uint64_t address;
  size_t length = pointee((uint32_t)call->args[1], &call->before, &address);
  if (!length) return;
  peek_bytes(address, length, &bytes);
  put_bytes("pointee", &bytes);
}

// The descriptors the process has open, beside the first three.
static void put_open_files(pid_t process) {
  char path[64], link[NAME];
  snprintf(path, sizeof path, "/proc/%d/fd", process);
  DIR *directory = opendir(path);
  if (!directory) die(path);
  fputs("{\"open\":{", log_file);
  const char *separator = "";
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.' || atoi(entry->d_name) < 3) continue;
    ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
    link[length > 0 ? length : 0] = 0;
    fprintf(log_file, "%s\"%s\":", separator, entry->d_name);
    put_text(link);
    separator = ",";
  }
  closedir(directory);
  fputs("}}\n", log_file);
}

// MARK: Fault injection

static int nth_file(pid_t process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fail-nth", process);
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) die(path);
  return file;
}

static void set_nth(pid_t process, unsigned nth) {
  int file = nth_file(process);
  if (dprintf(file, "%u", nth) < 0) die("fail-nth");
  close(file);
}

// What is left of the number that was set; 0: the failure has happened.
static unsigned take_nth(pid_t process) {
  char text[16] = "";
  int file = nth_file(process);
  if (read(file, text, sizeof text - 1) < 0) die("fail-nth");
  close(file);
  set_nth(process, 0);
  return (unsigned)atoi(text);
}

static void before_call(pid_t process) {
  if (points_file) set_nth(process, MANY);
  else if (calls == options.fail_at) set_nth(process, options.nth);
}

static void after_call(pid_t process) {
  if (points_file) fprintf(points_file, "%u %u\n", calls, MANY - take_nth(process));
  else if (calls == options.fail_at) was_injected = take_nth(process) == 0;
}

// MARK: Entry and exit

static bool starts_thread(const struct call *call) {
  uint64_t flags = call->args[0];
  if (call->number == SYS_clone3) peek(call->args[0], &flags, sizeof flags);
  return (call->number == SYS_clone || call->number == SYS_clone3) && flags & CLONE_THREAD;
}

static void enter(pid_t process, const struct __ptrace_syscall_info *info) {
  current.number = (long)info->entry.nr;
  memcpy(current.args, info->entry.args, sizeof current.args);
  current.path[0] = 0;
  current.before.length = 0;
  if (current.number == SYS_exit_group) put_open_files(process);
  if (starts_thread(&current)) fputs("{\"thread\":true}\n", log_file);
  current.kind = kind_of(&current);
  if (!current.kind) return;
  calls++;
  if (current.number == SYS_ioctl) {
    size_t length = argument_length((uint32_t)current.args[1], current.args[2]);
    peek_bytes(current.args[2], length, &current.before);
  } else if (current.number == SYS_write || current.number == SYS_pwrite64) {
    peek_bytes(current.args[1], current.args[2], &current.before);
  }
  if (calls == options.signal_at) kill(process, options.signal);
  before_call(process);
}

// Files that an ioctl has given.
static void learn_from_ioctl(const struct call *call, uint64_t result) {
  static struct bytes after;
  char name[NAME];
  switch ((uint32_t)call->args[1]) {
  case KVM_CREATE_VM: learn(result, "kvm-vm"); break;
  case KVM_CREATE_DEVICE:
    peek_bytes(call->args[2], call->before.length, &after);
    learn(word(&after, 4), "kvm-device");
    break;
  case VFIO_GROUP_GET_DEVICE_FD:
    snprintf(name, NAME, "device %.*s", (int)call->before.length, (const char *)call->before.data);
    learn(result, name);
    break;
  }
}

static void learn_area(uint64_t start, uint64_t length) {
  for (int i = 0; i < MOST_AREAS; i++)
    if (!areas[i].length) {
      areas[i].start = start;
      areas[i].length = length;
      return;
    }
}

static void learn_from(const struct call *call, uint64_t result) {
  switch (call->number) {
  case SYS_open: case SYS_openat: learn(result, call->path); break;
  case SYS_memfd_create: learn(result, "memfd"); break;
  case SYS_close: learn(call->args[0], NULL); break;
  case SYS_dup: case SYS_dup2: case SYS_dup3: learn(result, files[call->args[0]]); break;
  case SYS_fcntl:
    if (call->args[1] == F_DUPFD || call->args[1] == F_DUPFD_CLOEXEC)
      learn(result, files[call->args[0]]);
    break;
  case SYS_ioctl: learn_from_ioctl(call, result); break;
  case SYS_mmap: learn_area(result, call->args[1]); break;
  case SYS_munmap: areas[area_of(call->args[0])].length = 0; break;
  }
}

static bool announces_holding(const struct call *call) {
  char text[NAME];
  if (call->number != SYS_write || call->args[0] != 1) return false;
  peek_text(call->args[1], text);
  return !strncmp(text, "holding", 7);
}

static void leave(pid_t process, const struct __ptrace_syscall_info *info) {
  int64_t result = info->exit.rval;
  if (options.release && announces_holding(&current)) kill(process, options.release);
  if (!current.kind) return;
  put_call(&current, result);
  put_argument(&current, result);
  fputs("}\n", log_file);
  after_call(process);
  if (result >= 0) learn_from(&current, (uint64_t)result);
}

// MARK: The run

static pid_t start(char **command) {
  pid_t process = fork();
  if (process == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execvp(command[0], command);
    die(command[0]);
  }
  int status;
  if (process < 0 || waitpid(process, &status, 0) != process || !WIFSTOPPED(status))
    die("no process to follow");
  ptrace(PTRACE_SETOPTIONS, process, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  open_memory(process);
  return process;
}

// Follows until the process ends; its status as waitpid(2) gives it.
static int follow(pid_t process) {
  int signal = 0;
  while (true) {
    struct __ptrace_syscall_info info;
    int status;
    ptrace(PTRACE_SYSCALL, process, 0, signal);
    if (waitpid(process, &status, 0) != process) die("waitpid");
    if (!WIFSTOPPED(status)) return status;
    signal = WSTOPSIG(status);
    if (signal != (SIGTRAP | 0x80)) continue;
    signal = 0;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof info, &info) <= 0) continue;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) enter(process, &info);
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) leave(process, &info);
  }
}

static void finish(int status) {
  bool is_signalled = WIFSIGNALED(status);
  int number = is_signalled ? WTERMSIG(status) : WEXITSTATUS(status);
  const char *how = is_signalled ? "signalled" : "exited";
  fprintf(log_file, "{\"end\":\"%s\",\"number\":%d,\"calls\":%u}\n", how, number, calls);
  fclose(log_file);
  if (points_file) fclose(points_file);
  if (!options.status) return;
  FILE *file = fopen(options.status, "w");
  if (!file) die(options.status);
  fprintf(file, "%s %d %u %d\n", how, number, calls, was_injected);
  fclose(file);
}

static char **parse(char **words) {
  for (; words[0] && words[0][0] == '-' && words[1]; words += 2) {
    if (!strcmp(words[0], "-o")) options.log = words[1];
    else if (!strcmp(words[0], "--status")) options.status = words[1];
    else if (!strcmp(words[0], "--points")) options.points = words[1];
    else if (!strcmp(words[0], "--release")) options.release = atoi(words[1]);
    else if (!strcmp(words[0], "--signal"))
      sscanf(words[1], "%d@%u", &options.signal, &options.signal_at);
    else if (!strcmp(words[0], "--fail"))
      sscanf(words[1], "%u@%u", &options.nth, &options.fail_at);
    else break;
  }
  return words;
}

int main(int count, char **words) {
  (void)count;
  char **command = parse(words + 1);
  if (!command[0] || command[0][0] == '-') {
    fputs("usage: follow [-o LOG] [--status FILE] [--signal N@K] [--fail NTH@K] [--points FILE] "
          "[--release N] COMMAND ARGS...\n", stderr);
    return 125;
  }
  log_file = fopen(options.log ? options.log : "/dev/null", "we");
  if (!log_file) die(options.log);
  points_file = options.points ? fopen(options.points, "we") : NULL;
  if (options.points && !points_file) die(options.points);
  int status = follow(start(command));
  finish(status);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
