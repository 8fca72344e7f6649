// How a program is started in namespaces of its own, under the filter of emulation.h.
#pragma once

#include <dirent.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mount.h>

#include "emulation.h"
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
  int catches_kvm;
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

// Where whole folders are that others are links into.
#define EMULATION_REAL ".real"

// A folder behind the empty file system that hides it.
struct hidden_folder {
  const char *path;
  // What of it does not come back; a star stands for the rest of a name. A name that ends with a slash is
  // a folder of which the contents come back one by one; after a star, only if links in it lead to PCI.
  const char *const *out;
  // What was there, and what is there now.
  int old, now;
  // Whether it is shown as a whole out of the way.
  int is_shown_whole;
};

enum { EMULATION_COMES_BACK, EMULATION_IS_OUT, EMULATION_IS_DIVIDED, EMULATION_HAS_LINKS };

static inline int fate_of_hidden(const struct hidden_folder *folder, const char *name) {
  int fate = EMULATION_COMES_BACK;
  for (const char *const *word = folder->out; *word; word++) {
    size_t length = strlen(*word);
    char last = (*word)[length - 1];
    if (last == '/' && length > 2 && (*word)[length - 2] == '*') {
      if (!strncmp(*word, name, length - 2)) fate = EMULATION_HAS_LINKS;
    } else if (last == '/') {
      if (strlen(name) == length - 1 && !strncmp(*word, name, length - 1))
        fate = EMULATION_IS_DIVIDED;
    } else if (last == '*' ? !strncmp(*word, name, length - 1) : !strcmp(*word, name)) {
      return EMULATION_IS_OUT;
    }
  }
  return fate;
}

// Whether the contents of a folder are links into it: there are many of them, each mount takes as long as
// ten links, and nobody asks where such a name leads.
static inline int is_linked_into(const char *name) {
  static const char *const linked[] = {"bus", "class", "kernel", "module"};
  for (size_t index = 0; index < sizeof linked / sizeof *linked; index++)
    if (!strcmp(name, linked[index])) return 1;
  return 0;
}

// Whether a node is one of a number, as terminals, loops and disks are: links do for those as well.
static inline int is_numbered_node(const struct dirent *entry) {
  char last = entry->d_name[strlen(entry->d_name) - 1];
  return (entry->d_type == DT_CHR || entry->d_type == DT_BLK) && last >= '0' && last <= '9';
}

static inline void mount_hidden(const struct hidden_folder *folder, const char *name, const char *at) {
  char source[600], target[600];
  snprintf(source, sizeof source, "/proc/self/fd/%d/%s", folder->old, name);
  snprintf(target, sizeof target, "%s/%s", folder->path, at);
  mount(source, target, NULL, MS_BIND | MS_REC, NULL);
}

// What covers parts of what is shown as a whole.
#define EMULATION_NOTHING EMULATION_REAL "/nothing"

// Shows a part of a folder as a whole out of the way. Links in it lead to devices from there as well.
static inline void show_whole(const struct hidden_folder *folder, const char *name) {
  char place[600];
  snprintf(place, sizeof place, EMULATION_REAL "/%s", name);
  mkdirat(folder->now, EMULATION_REAL, 0755);
  mkdirat(folder->now, EMULATION_NOTHING, 0555);
  symlinkat("../devices", folder->now, EMULATION_REAL "/devices");
  mkdirat(folder->now, place, 0755);
  mount_hidden(folder, name, place);
}

// Covers a folder in what is shown as a whole: nobody is to find this machine's in there.
static inline void cover_in_whole(const struct hidden_folder *folder, const char *name) {
  char source[600], target[600];
  snprintf(source, sizeof source, "%s/" EMULATION_NOTHING, folder->path);
  snprintf(target, sizeof target, "%s/" EMULATION_REAL "/%s", folder->path, name);
  mount(source, target, NULL, MS_BIND, NULL);
}

// Links to what is shown as a whole. 0, or -1.
static inline int link_to_whole(const struct hidden_folder *folder, const char *name) {
  char link[600];
  snprintf(link, sizeof link, "%s" EMULATION_REAL "/%s", strchr(name, '/') ? "../" : "", name);
  return symlinkat(link, folder->now, name);
}

// Reads a link, unless it leads to a real device of PCI: whether there is such a one.
static inline int read_own_link(int place, const char *name, char link[1024]) {
  ssize_t length = readlinkat(place, name, link, 1023);
  link[length > 0 ? length : 0] = 0;
  return length > 0 && !strstr(link, "devices/pci");
}

// Whether something in a folder of links leads to a real device of PCI.
static inline int leads_to_pci(const struct hidden_folder *folder, const char *inside) {
  int file = openat(folder->old, inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = file < 0 ? NULL : fdopendir(file);
  if (entries == NULL) return 1;
  struct dirent *entry;
  int leads = 0;
  char link[1024];
  while (!leads && (entry = readdir(entries)) != NULL)
    leads = entry->d_type == DT_LNK && !read_own_link(file, entry->d_name, link);
  closedir(entries);
  return leads;
}

// Brings back what was in a part of a hidden folder.
static inline void bring_back(const struct hidden_folder *folder, const char *inside) {
  int file = openat(folder->old, inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = file < 0 ? NULL : fdopendir(file);
  if (entries == NULL) return;
  struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char name[512];
    snprintf(name, sizeof name, "%s%s%s", inside[0] == '.' ? "" : inside, inside[0] == '.' ? "" : "/",
             entry->d_name);
    int fate = fate_of_hidden(folder, name);
    int is_folder = entry->d_type == DT_DIR;
    int is_whole = fate == EMULATION_COMES_BACK ||
                   (fate == EMULATION_HAS_LINKS && is_folder && !leads_to_pci(folder, name));
    int is_in_whole = is_linked_into(inside);
    if (is_in_whole && is_folder && !is_whole) cover_in_whole(folder, name);
    if (fate == EMULATION_IS_OUT) continue;
    int is_linked = is_whole && is_in_whole;
    is_linked |= folder->is_shown_whole && is_numbered_node(entry);
    if (is_linked && link_to_whole(folder, name) == 0) continue;
    char link[1024];
    if (entry->d_type == DT_LNK) {
      if (read_own_link(folder->old, name, link)) symlinkat(link, folder->now, name);
      continue;
    }
    if (is_folder) mkdirat(folder->now, name, 0755);
    else mknodat(folder->now, name, S_IFREG | 0600, 0);
    if (!is_folder || is_whole) {
      mount_hidden(folder, name, name);
      continue;
    }
    if (is_linked_into(name)) show_whole(folder, name);
    bring_back(folder, name);
  }
  closedir(entries);
}

// Copies the mounts of a folder, which are nowhere yet (Linux 5.2); -1 if that can't be.
static inline int copy_of_mounts(const char *path) {
  enum { IS_CLONE = 1, IS_RECURSIVE = 0x8000 };
  return (int)syscall(SYS_open_tree, AT_FDCWD, path, IS_CLONE | IS_RECURSIVE | O_CLOEXEC);
}

// Puts an empty file system in the place of a folder; `links_nodes` if links may stand for nodes in it.
static inline int hide_folder(struct hidden_folder *folder, int links_nodes) {
  enum { FROM_FILE = 4 };
  folder->old = open(folder->path, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder->old < 0) return -1;
  int whole = links_nodes ? copy_of_mounts(folder->path) : -1;
  if (mount("tmpfs", folder->path, "tmpfs", MS_NOSUID, "mode=755,size=1g") != 0) return -1;
  folder->now = open(folder->path, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC);
  if (whole < 0) return 0;
  mkdirat(folder->now, EMULATION_REAL, 0755);
  folder->is_shown_whole =
      syscall(SYS_move_mount, whole, "", folder->now, EMULATION_REAL, FROM_FILE) == 0;
  close(whole);
  return 0;
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
// of the supervisor, which makes them while the rest is brought back.
static inline int prepare_mounts(int control) {
  static const char *const system[] = {
      "bus/", "bus/pci", "kernel/", "kernel/iommu_groups", "class/", "class/iommu", "class/vfio",
      "class/vfio-dev", "devices/", "devices/pci*", "devices/virtual/", "devices/virtual/iommu",
      "devices/virtual/misc/", "devices/virtual/misc/iommu", "devices/virtual/misc/vfio", "module/",
      "module/vfio*", "module/iommufd", "block/", "dev/", "dev/*/", "class/*/", NULL};
  static const char *const nodes[] = {"vfio", "iommu", "ioasid", NULL};
  struct hidden_folder folders[] = {{.path = "/sys", .out = system}, {.path = "/dev", .out = nodes}};
  if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) return -1;
  for (int index = 0; index < 2; index++)
    if (hide_folder(&folders[index], index == 1) != 0) return -1;
  say_to_supervisor(control, EMULATION_READY, 0);
  for (int index = 0; index < 2; index++) {
    bring_back(&folders[index], ".");
    close(folders[index].old);
    close(folders[index].now);
  }
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
static inline void become_command(const struct emulation_start *start, int control) {
  int listener = install_emulation_filter(start->catches_kvm, start->catches_ends);
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
  if (prepare_mounts(control) != 0) {
    say_to_supervisor(control, EMULATION_MOUNTS, errno);
    _exit(1);
  }
  struct emulation_message message;
  // The supervisor is gone, or has the files ready.
  if (recv(control, &message, sizeof message, 0) != sizeof message) _exit(1);
  show_files_of_proc();
  pid_t command = fork();
  if (command < 0) {
    say_to_supervisor(control, EMULATION_EXECUTION, errno);
    _exit(1);
  }
  if (command == 0) become_command(start, control);
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
