/*
 * race COUNT FILE: runs the commands of a file, one a line, in turn, COUNT times each, and prints how
 * long each took: `took LINE MICROSECONDS`, lines counted from 1. The first round is not printed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "process.h"

enum { MOST_LINES = 8, MOST_WORDS = 24 };

static int run(char **words)
{
	pid_t child = fork();
	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		execvp(words[0], words);
		_exit(125);
	}
	return wait_for(child);
}

static long now_in_microseconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int main(int count, char **words)
{
	static char text[MOST_LINES][512], *commands[MOST_LINES][MOST_WORDS + 1];
	FILE *file = count == 3 ? fopen(words[2], "r") : NULL;
	int lines = 0;
	if (!file)
		return 2;
	while (lines < MOST_LINES && fgets(text[lines], sizeof text[0], file)) {
		int number = 0;
		for (char *word = strtok(text[lines], " \n"); word && number < MOST_WORDS; word = strtok(NULL, " \n"))
			commands[lines][number++] = word;
		lines++;
	}
	for (int round = 0; round <= atoi(words[1]); round++) {
		for (int line = 0; line < lines; line++) {
			long start = now_in_microseconds();
			int status = run(commands[line]);
			long took = now_in_microseconds() - start;
			if (status != 0)
				printf("failed %d %d\n", line + 1, status);
			else if (round > 0)
				printf("took %d %ld\n", line + 1, took);
		}
	}
	return 0;
}
