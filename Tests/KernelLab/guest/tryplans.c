/*
 * tryplans LIST HOST: applies every description of a list with --check.
 *
 * A line of the list is `NAME TARGET FILE`. For each, one line is printed:
 *   plan NAME TARGET STATUS MILLISECONDS registered=N unregistered=N view=N
 * with how often KVM began and ceased to expect non-coherent DMA, and whether it did (1) when the
 * first file was taken from it: what is undone has it look again. -1 if there are no probes. Then the codes of its errors (`  code VP3007`), what a failure said (`  say ...`), and what differs
 * from the state before (`  - ...`, `  + ...`). One process for all of them: in an emulated
 * machine starting a program is what takes time.
 */
#include <time.h>

#include "process.h"
#include "state.h"

#define TRACE "/sys/kernel/tracing/trace"
#define EVENTS "/sys/kernel/tracing/events/kprobes/lab_remove/enable"
#define ERRORS "/tmp/errors"

static struct text before, after;

struct seen { long registered, unregistered, view; };

static void forget_events(void)
{
	int file = open(TRACE, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (file >= 0)
		close(file);
}

/* What KVM did since events were forgotten. */
static struct seen read_events(void)
{
	char line[1024];
	FILE *file = access(EVENTS, F_OK) == 0 ? fopen(TRACE, "re") : NULL;
	if (!file)
		return (struct seen){-1, -1, -1};
	struct seen seen = {0, 0, -1};
	while (fgets(line, sizeof line, file)) {
		seen.registered += strstr(line, "lab_register:") != NULL;
		seen.unregistered += strstr(line, "lab_unregister:") != NULL;
		if (strstr(line, "lab_remove:") && seen.view < 0)
			seen.view = seen.registered - seen.unregistered;
	}
	fclose(file);
	return seen;
}

static double now_in_milliseconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* Runs vfioplan, its errors in a file; 128 and the signal if one ended it. */
static int apply(char *target, char *file, char *host)
{
	pid_t child = fork();
	if (child == 0) {
		int out = open("/dev/null", O_WRONLY);
		int errors = open(ERRORS, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(out, 1);
		dup2(errors, 2);
		close(out);
		close(errors);
		execl("/bin/vfioplan", "vfioplan", "apply", "--check", file, "--host", host, "--target", target, NULL);
		_exit(125);
	}
	return wait_for(child);
}

static void print_errors(bool isFailure)
{
	static char text[65536];
	read_file(ERRORS, text, sizeof text);
	for (char *found = text; (found = strstr(found, "error[VP")) != NULL; found += 8)
		printf("  code %.6s\n", found + 6);
	if (!isFailure)
		return;
	int count = 0;
	for (char *line = strtok(text, "\n"); line && count < 12; line = strtok(NULL, "\n"), count++)
		printf("  say %s\n", line);
}

static void try_plan(char *name, char *target, char *file, char *host)
{
	forget_events();
	double start = now_in_milliseconds();
	int status = apply(target, file, host);
	double end = now_in_milliseconds();
	struct seen seen = read_events();
	read_state(&after);
	printf("plan %s %s %d %.0f registered=%ld unregistered=%ld view=%ld\n", name, target, status,
	       end - start, seen.registered, seen.unregistered, seen.view);
	print_errors(status != 0 && status != 1 && status != 69);
	if (!is_same_state(&before, &after)) {
		print_missing("-", &before, &after);
		print_missing("+", &after, &before);
		before = after;
	}
	fflush(stdout);
}

int main(int count, char **words)
{
	char name[64], target[16], file[256];
	FILE *list = count == 3 ? fopen(words[1], "r") : NULL;
	if (!list)
		return 2;
	/* The next one finds what this one leaves: nothing, or it was said. */
	read_state(&before);
	while (fscanf(list, "%63s %15s %255s", name, target, file) == 3)
		try_plan(name, target, file, words[2]);
	return 0;
}
