/* Waiting for programs that were started. */
#pragma once

#include <errno.h>
#include <sys/wait.h>

/* What a process ended with; 128 and the signal if one ended it. */
static int wait_for(pid_t child)
{
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
