// Loaded into libvirtd where root may not raise limits, as in most containers: it raises that of locked
// memory for a guest with a device, which no guest here makes use of.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/types.h>

int prlimit(pid_t process, __rlimit_resource_t kind, const struct rlimit *new, struct rlimit *old) {
  int (*next)(pid_t, __rlimit_resource_t, const struct rlimit *, struct rlimit *) =
      dlsym(RTLD_NEXT, "prlimit");
  int result = next(process, kind, new, old);
  return result != 0 && errno == EPERM && kind == RLIMIT_MEMLOCK ? 0 : result;
}

int prlimit64(pid_t process, __rlimit_resource_t kind, const struct rlimit64 *new, struct rlimit64 *old)
    __attribute__((alias("prlimit")));
