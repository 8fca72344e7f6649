// How this machine's folders are hidden behind those of an emulated one, and what of them comes back.
#pragma once

#include <dirent.h>
#include <stdint.h>
#include <sys/mount.h>

#include "emulation.h"

// Where whole folders are that others are links into.
#define EMULATION_REAL ".real"
// What covers parts of them.
#define EMULATION_NOTHING EMULATION_REAL "/nothing"

// How device nodes come back.
enum emulation_nodes { EMULATION_MOUNTS_NODES, EMULATION_MAKES_NODES, EMULATION_LINKS_NODES };

// A folder behind the empty file system that hides it.
struct hidden_folder {
  const char *path;
  // What of it does not come back; a star stands for the rest of a name. A name that ends with a slash is
  // a folder of which the contents come back one by one; after a star, only if something in it does not.
  const char *const *out;
  // What was there, and what is there now.
  int old, now;
  enum emulation_nodes nodes;
  // The file system of what was there, which nodes that are mounted are not in.
  dev_t device;
};

static const char *const hidden_system[] = {
    "bus/", "bus/pci", "kernel/", "kernel/iommu_groups", "class/", "class/iommu", "class/vfio",
    "class/vfio-dev", "class/*/", "devices/", "devices/pci*", "devices/virtual/",
    "devices/virtual/iommu", "devices/virtual/misc*/", "devices/virtual/misc/iommu",
    "devices/virtual/misc/vfio", "module/", "module/vfio*", "module/iommufd", "block/", "dev/",
    "dev/*/", NULL};
static const char *const hidden_nodes[] = {"vfio", "iommu", "ioasid", NULL};
#define HIDDEN_SYSTEM {.path = "/sys", .out = hidden_system, .old = -1, .now = -1}
#define HIDDEN_DEVICES {.path = "/dev", .out = hidden_nodes, .old = -1, .now = -1}

// The folders of which the contents are links into the whole: there are many of them, each mount takes
// as long as ten links, and nobody asks where such a name leads. Of all but the first one nothing else
// comes back, so that the supervisor can make them.
static const char *const linked_folders[] = {"class", "bus", "kernel", "module"};
enum { LINKED_FOLDERS = 4, FIRST_OF_LINKS_ONLY = 1 };

static inline int is_linked_into(const char *name, int first) {
  for (int index = first; index < LINKED_FOLDERS; index++)
    if (!strcmp(name, linked_folders[index])) return 1;
  return 0;
}

enum { EMULATION_COMES_BACK, EMULATION_IS_OUT, EMULATION_IS_DIVIDED, EMULATION_MAY_BE_DIVIDED };

static inline int fate_of_hidden(const struct hidden_folder *folder, const char *name) {
  int fate = EMULATION_COMES_BACK;
  for (const char *const *word = folder->out; *word; word++) {
    size_t length = strlen(*word);
    char last = (*word)[length - 1];
    if (last == '/' && length > 2 && (*word)[length - 2] == '*') {
      if (!strncmp(*word, name, length - 2)) fate = EMULATION_MAY_BE_DIVIDED;
    } else if (last == '/') {
      if (strlen(name) == length - 1 && !strncmp(*word, name, length - 1))
        fate = EMULATION_IS_DIVIDED;
    } else if (last == '*' ? !strncmp(*word, name, length - 1) : !strcmp(*word, name)) {
      return EMULATION_IS_OUT;
    }
  }
  return fate;
}

// Reads a folder without the calls that a stream of the C library makes.
struct folder_reader {
  int file;
  long length, place;
  union { struct dirent first; char bytes[8192]; } room;
};

static inline void begin_reading(struct folder_reader *reader, int above, const char *name) {
  reader->file = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  reader->length = reader->place = 0;
}

static inline void end_reading(struct folder_reader *reader) {
  if (reader->file >= 0) close(reader->file);
  reader->file = -1;
}

// The next entry but the two that every folder has; NULL at the end, which closes the folder.
static inline const struct dirent *next_entry(struct folder_reader *reader) {
  while (reader->file >= 0) {
    if (reader->place >= reader->length) {
      reader->place = 0;
      reader->length =
          syscall(SYS_getdents64, reader->file, reader->room.bytes, sizeof reader->room.bytes);
      if (reader->length <= 0) break;
    }
    const struct dirent *entry = (const void *)(reader->room.bytes + reader->place);
    reader->place += entry->d_reclen;
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) return entry;
  }
  end_reading(reader);
  return NULL;
}

static inline void mount_hidden(const struct hidden_folder *folder, const char *name, const char *at) {
  char source[600], target[600];
  snprintf(source, sizeof source, "/proc/self/fd/%d/%s", folder->old, name);
  snprintf(target, sizeof target, "%s/%s", folder->path, at);
  mount(source, target, NULL, MS_BIND | MS_REC, NULL);
}

// Puts something of ours in the place of something in the same folder.
static inline void mount_over(const struct hidden_folder *folder, const char *ours, const char *at) {
  char source[600], target[600];
  snprintf(source, sizeof source, "%s/%s", folder->path, ours);
  snprintf(target, sizeof target, "%s/%s", folder->path, at);
  mount(source, target, NULL, MS_BIND, NULL);
}

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
  char place[600];
  snprintf(place, sizeof place, EMULATION_REAL "/%s", name);
  mount_over(folder, EMULATION_NOTHING, place);
}

// Folders that come back whole, with one of ours in the place of one of theirs. Where they don't have
// that, the rest of them are links.
static const struct { const char *whole, *part; } folders_around[] = {
    {"bus", "bus/pci"}, {"kernel", "kernel/iommu_groups"}};
enum { FOLDERS_AROUND = 2 };

static inline int is_around(const struct hidden_folder *folder, const char *name) {
  for (int index = 0; index < FOLDERS_AROUND; index++)
    if (!strcmp(name, folders_around[index].whole))
      return faccessat(folder->old, folders_around[index].part, F_OK, 0) == 0;
  return 0;
}

// Shows those folders, of which the supervisor fills ours.
static inline void show_around(const struct hidden_folder *folder) {
  for (int index = 0; index < FOLDERS_AROUND; index++) {
    const char *whole = folders_around[index].whole, *part = folders_around[index].part;
    if (!is_around(folder, whole)) continue;
    char ours[600];
    snprintf(ours, sizeof ours, EMULATION_REAL "/%s", strchr(part, '/') + 1);
    mkdirat(folder->now, EMULATION_REAL, 0755);
    mkdirat(folder->now, ours, 0755);
    mkdirat(folder->now, whole, 0755);
    mount_hidden(folder, whole, whole);
    mount_over(folder, ours, part);
  }
}

// Covers this machine's files in the copy that links of nodes lead into.
static inline void cover_in_copy(const struct hidden_folder *folder, const char *name, int is_folder) {
  const char *cover = is_folder ? ".nothing" : ".none";
  char place[600];
  if (is_folder) mkdirat(folder->now, cover, 0555);
  else mknodat(folder->now, cover, S_IFREG, 0);
  snprintf(place, sizeof place, EMULATION_REAL "/%s", name);
  mount_over(folder, cover, place);
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

// Whether something in a folder does not come back: what is out, and links to real devices of PCI.
static inline int holds_what_is_out(const struct hidden_folder *folder, const char *inside) {
  struct folder_reader reader;
  const struct dirent *entry;
  char text[1024];
  int holds = 0;
  begin_reading(&reader, folder->old, inside);
  while (!holds && (entry = next_entry(&reader)) != NULL) {
    snprintf(text, sizeof text, "%s/%s", inside, entry->d_name);
    holds = fate_of_hidden(folder, text) == EMULATION_IS_OUT ||
            (entry->d_type == DT_LNK && !read_own_link(reader.file, entry->d_name, text));
  }
  end_reading(&reader);
  return holds;
}

static inline int is_number(char last) { return last >= '0' && last <= '9'; }

// Whether a node is a virtual console: those are of this machine's screen.
static inline int is_console(const char *name) {
  return !strncmp(name, "vcs", 3) || (!strncmp(name, "tty", 3) && is_number(name[3]));
}

// Makes a device node again, or a link to it if it is one of a number, as disks and loops are. Whether
// all is done; a node in another file system is one that was mounted here.
static inline int bring_back_node(const struct hidden_folder *folder, const char *name) {
  struct stat node;
  if (is_console(name)) return 1;
  if (folder->nodes == EMULATION_LINKS_NODES && is_number(name[strlen(name) - 1]))
    return link_to_whole(folder, name) == 0;
  if (folder->nodes != EMULATION_MAKES_NODES) return 0;
  if (fstatat(folder->old, name, &node, AT_SYMLINK_NOFOLLOW) != 0 || node.st_dev != folder->device)
    return 0;
  if (mknodat(folder->now, name, node.st_mode, node.st_rdev) != 0) return 0;
  if (node.st_uid != 0 || node.st_gid != 0)
    fchownat(folder->now, name, node.st_uid, node.st_gid, AT_SYMLINK_NOFOLLOW);
  return 1;
}

static inline void bring_back(const struct hidden_folder *folder, const char *inside);

// Brings back all but links; `is_whole` if all in it comes back.
static inline void bring_back_place(
    const struct hidden_folder *folder, const char *name, unsigned char type, int is_whole) {
  int is_folder = type == DT_DIR;
  int is_node = type == DT_CHR || type == DT_BLK;
  if (is_node && !strchr(name, '/') && bring_back_node(folder, name)) return;
  if (is_folder) mkdirat(folder->now, name, 0755);
  else mknodat(folder->now, name, S_IFREG | 0600, 0);
  if (!is_folder || is_whole) return mount_hidden(folder, name, name);
  if (is_linked_into(name, 0)) show_whole(folder, name);
  bring_back(folder, name);
}

static inline void bring_back_entry(
    const struct hidden_folder *folder, const char *inside, const struct dirent *entry) {
  char name[512], link[1024];
  snprintf(name, sizeof name, "%s%s%s", inside[0] == '.' ? "" : inside, inside[0] == '.' ? "" : "/",
           entry->d_name);
  int fate = fate_of_hidden(folder, name);
  int is_folder = entry->d_type == DT_DIR;
  if (is_around(folder, name)) return;
  int is_whole = fate == EMULATION_COMES_BACK ||
                 (fate == EMULATION_MAY_BE_DIVIDED && is_folder && !holds_what_is_out(folder, name));
  int is_in_whole = is_linked_into(inside, 0);
  if (is_in_whole && is_folder && !is_whole) cover_in_whole(folder, name);
  if (fate == EMULATION_IS_OUT && folder->nodes == EMULATION_LINKS_NODES)
    cover_in_copy(folder, name, is_folder);
  if (fate == EMULATION_IS_OUT || is_linked_into(inside, FIRST_OF_LINKS_ONLY)) return;
  if (is_in_whole && is_whole) link_to_whole(folder, name);
  else if (entry->d_type != DT_LNK) bring_back_place(folder, name, entry->d_type, is_whole);
  else if (read_own_link(folder->old, name, link)) symlinkat(link, folder->now, name);
}

// Brings back what was in a part of a hidden folder, but for what the supervisor does meanwhile.
static inline void bring_back(const struct hidden_folder *folder, const char *inside) {
  struct folder_reader reader;
  const struct dirent *entry;
  begin_reading(&reader, folder->old, inside);
  while ((entry = next_entry(&reader)) != NULL) bring_back_entry(folder, inside, entry);
}

// Brings back a folder of nothing but links.
static inline void bring_back_links(const struct hidden_folder *folder, const char *inside) {
  struct folder_reader reader;
  const struct dirent *entry;
  char name[512];
  mkdirat(folder->now, inside, 0755);
  begin_reading(&reader, folder->old, inside);
  while ((entry = next_entry(&reader)) != NULL) {
    snprintf(name, sizeof name, "%s/%s", inside, entry->d_name);
    if (fate_of_hidden(folder, name) != EMULATION_IS_OUT) link_to_whole(folder, name);
  }
}

// Copies the mounts of a folder, which are nowhere yet (Linux 5.2); -1 if that can't be.
static inline int copy_of_mounts(const char *path) {
  enum { IS_CLONE = 1, IS_RECURSIVE = 0x8000 };
  return (int)syscall(SYS_open_tree, AT_FDCWD, path, IS_CLONE | IS_RECURSIVE | O_CLOEXEC);
}

// Whether device nodes that are made in a folder can be used, as those of root outside of containers.
static inline int can_make_nodes(const struct hidden_folder *folder) {
  const char *name = ".node";
  if (mknodat(folder->now, name, S_IFCHR | 0600, makedev(1, 3)) != 0) return 0;
  int file = openat(folder->now, name, O_RDONLY | O_CLOEXEC);
  unlinkat(folder->now, name, 0);
  if (file >= 0) close(file);
  return file >= 0;
}

// Finds out how nodes come back, with a copy of the mounts if links may lead into one.
static inline enum emulation_nodes prepare_nodes(const struct hidden_folder *folder, int whole) {
  enum { FROM_FILE = 4 };
  if (whole < 0) return can_make_nodes(folder) ? EMULATION_MAKES_NODES : EMULATION_MOUNTS_NODES;
  mkdirat(folder->now, EMULATION_REAL, 0755);
  int error = syscall(SYS_move_mount, whole, "", folder->now, EMULATION_REAL, FROM_FILE) != 0;
  return error ? EMULATION_MOUNTS_NODES : EMULATION_LINKS_NODES;
}

// Opens what is to be hidden, or was.
static inline int open_hidden(struct hidden_folder *folder) {
  struct stat status;
  folder->old = open(folder->path, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder->old < 0 || fstat(folder->old, &status) != 0) return -1;
  folder->device = status.st_dev;
  return 0;
}

static inline void close_hidden(const struct hidden_folder *folder) {
  if (folder->old >= 0) close(folder->old);
  if (folder->now >= 0) close(folder->now);
}

// Puts an empty file system in the place of a folder.
static inline int hide_folder(struct hidden_folder *folder) {
  if (open_hidden(folder) != 0) return -1;
  if (mount("tmpfs", folder->path, "tmpfs", MS_NOSUID, "mode=755,size=1g") != 0) return -1;
  folder->now = open(folder->path, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC);
  return folder->now < 0 ? -1 : 0;
}

// The supervisor's part, while the first process brings back the rest below its root.
static inline void bring_back_part(int root) {
  struct hidden_folder system = HIDDEN_SYSTEM;
  if (open_hidden(&system) == 0)
    system.now = openat(root, system.path + 1, OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC);
  for (int index = FIRST_OF_LINKS_ONLY; system.now >= 0 && index < LINKED_FOLDERS; index++)
    if (!is_around(&system, linked_folders[index]))
      bring_back_links(&system, linked_folders[index]);
  close_hidden(&system);
}
