/*
 * takefds SOCKET all|one brief|stay|mute|stall: fetches open files from a process that hands them over,
 * and prints what they are. `all` expects lines of names, `one` a byte of zero with one file.
 *
 * brief answers and ends; stay answers and waits until the other end is closed; mute ends without an
 * answer; stall waits without one. The first file of iommufd must work as such.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "requests.h"

enum { MOST_FILES = 1024, MOST_AT_ONCE = 253, TRIES = 600 };

static char text[65536];
static size_t length;
static int files[MOST_FILES];
static int count, messages;

static int reach(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int try = 0; try < TRIES; try++) {
		if (connect(peer, (struct sockaddr *)&address, sizeof address) == 0)
			return peer;
		usleep(100000);
	}
	err(1, "%s", path);
}

/* Takes what comes next; false at the end of the stream. */
static bool take(int peer)
{
	union { struct cmsghdr header; char bytes[CMSG_SPACE(MOST_AT_ONCE * sizeof(int))]; } control;
	struct iovec vector = {text + length, sizeof text - 1 - length};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1,
				 .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t got = recvmsg(peer, &message, 0);
	if (got <= 0)
		return false;
	length += (size_t)got;
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	if (!part)
		return true;
	size_t some = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (message.msg_flags & MSG_CTRUNC || count + some > MOST_FILES)
		errx(1, "too many files");
	memcpy(files + count, CMSG_DATA(part), some * sizeof(int));
	count += (int)some;
	messages++;
	return true;
}

static bool is_complete(const char *mode)
{
	if (strcmp(mode, "one") == 0)
		return length > 0;
	return (length == 1 && text[0] == '\n') || (length > 1 && strcmp(text + length - 2, "\n\n") == 0);
}

/* Whether a file is an iommufd: only such a file makes an address space. */
static bool is_iommufd(int file)
{
	struct ioas_alloc alloc = {.size = sizeof alloc};
	if (ioctl(file, IOMMU_IOAS_ALLOC, &alloc) != 0)
		return false;
	struct destroy destroy = {.size = sizeof destroy, .id = alloc.id};
	return ioctl(file, IOMMU_DESTROY, &destroy) == 0;
}

static void show(void)
{
	int number = 0;
	for (char *name = strtok(text, ":\n"); name; name = strtok(NULL, ":\n"), number++) {
		char path[64], target[256] = "";
		snprintf(path, sizeof path, "/proc/self/fd/%d", files[number]);
		if (number < count && number < 4 && readlink(path, target, sizeof target - 1) > 0)
			printf("file %s %s\n", name, target);
	}
	printf("files %d names %d messages %d\n", count, number, messages);
	if (count > 0 && is_iommufd(files[0]))
		puts("iommufd works");
	fflush(stdout);
}

int main(int words, char **word)
{
	char byte = 0;

	if (words != 4)
		return 2;
	int peer = reach(word[1]);
	while (!is_complete(word[2]))
		if (!take(peer))
			errx(3, "turned away");
	if (strcmp(word[2], "one") == 0)
		printf("byte %d of %zu\n", text[0], length), strcpy(text, "iommufd");
	show();
	if (strcmp(word[3], "mute") == 0)
		return 0;
	if (strcmp(word[3], "stall") != 0 && write(peer, &byte, 1) != 1)
		err(4, "answer");
	if (strcmp(word[3], "brief") == 0)
		return 0;
	if (read(peer, &byte, 1) == 0)
		puts("closed");
	return 0;
}
