/*
 * unprivileged KIBIBYTES user|accountant COMMAND ARGS...: runs a command as user and group 1000 who may
 * lock so much memory; an accountant keeps CAP_SYS_RESOURCE, which iommufd wants of a process that chooses
 * how pages are accounted.
 */
#include <err.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USER = 1000 };

static void keep(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {0};
	sets[capability / 32].effective = sets[capability / 32].permitted =
		sets[capability / 32].inheritable = 1u << capability % 32;
	if (syscall(SYS_capset, &header, sets) != 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
		err(125, "capability %d", capability);
}

int main(int count, char **words)
{
	if (count < 4)
		return 125;
	rlim_t bytes = strtoull(words[1], NULL, 10) << 10;
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
	    setgroups(0, NULL) != 0 || setgid(USER) != 0 || setuid(USER) != 0)
		err(125, "user %d", USER);
	if (strcmp(words[2], "accountant") == 0)
		keep(CAP_SYS_RESOURCE);
	execvp(words[3], words + 3);
	err(125, "%s", words[3]);
}
