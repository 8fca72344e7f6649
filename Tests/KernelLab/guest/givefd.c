/*
 * givefd SOCKET NODE COUNT: opens a node and hands it to the first process that connects, COUNT times in
 * one message with a byte of zero; prints what came back. An iommufd is told before how it accounts.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "requests.h"

enum { MOST_FILES = 8 };

int main(int words, char **word)
{
	if (words != 4)
		return 2;
	size_t count = strtoul(word[3], NULL, 10);
	int file = open(word[2], O_RDWR | O_CLOEXEC);
	if (file < 0 || count > MOST_FILES)
		err(1, "%s", word[2]);
	struct option option = {.size = sizeof option, .value = 1};
	ioctl(file, IOMMU_OPTION, &option);

	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, word[1], sizeof address.sun_path - 1);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 1) != 0)
		err(1, "%s", word[1]);
	chmod(word[1], 0666);
	int peer = accept(server, NULL, NULL);

	union { struct cmsghdr header; char bytes[CMSG_SPACE(MOST_FILES * sizeof(int))]; } control = {0};
	char byte = 0;
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		for (size_t index = 0; index < count; index++)
			memcpy(CMSG_DATA(&control.header) + index * sizeof(int), &file, sizeof file);
	}
	if (sendmsg(peer, &message, 0) != 1)
		err(1, "send");
	byte = 1;
	ssize_t got = read(peer, &byte, 1);
	printf("answer %zd %d\n", got, byte);
	unlink(word[1]);
	return 0;
}
