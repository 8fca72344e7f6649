/*
 * disturb signals|faults|injection HOST TARGET VM STRIDE OFFSET: runs `vfioplan apply --check` again and
 * again, each time disturbed at another place, one in STRIDE, and looks at what is left.
 *
 * signals: SIGINT, SIGTERM and SIGKILL when each call is entered; after SIGKILL `vfioplan restore`.
 * faults: our own (--fail STEP=EINVAL) at every step.
 * injection: the kernel's (fail-nth) at the first points of every call.
 *
 * One line for each: `trial KIND CALL NTH FIRED STATUS same|restored|left`, then what differs.
 */
#include <signal.h>

#include "process.h"
#include "state.h"

#define STATUS "/tmp/disturb-status"
#define POINTS "/tmp/disturb-points"
#define OUTPUT "/tmp/disturb-output"
/* Of one call; deeper ones are rarely ours, and a trial takes a third of a second in there. */
#define MOST_POINTS 6

static struct text before, after;
static char *host, *target, *vm;
static unsigned stride, offset, place;

/* Whether this place is one of those to be tried. */
static bool is_chosen(void)
{
	return place++ % stride == offset;
}

/* Runs a program with everything it says in a file. */
static int run(char **words)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		int file = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(file, 1);
		dup2(file, 2);
		close(file);
		execvp(words[0], words);
		_exit(125);
	}
	return wait_for(child);
}

/* Runs a check under `follow` with one option of it. */
static int follow(char *option, char *value)
{
	char *words[] = {"follow", "--status", STATUS, option, value, "vfioplan", "apply", "--check", vm,
			 "--host", host, "--target", target, NULL};
	return run(words);
}

static int restore(void)
{
	char *words[] = {"vfioplan", "restore", NULL};
	return run(words);
}

/* The count of calls and whether a failure was injected, as `follow` wrote them. */
static unsigned followed(unsigned *fired)
{
	char text[128], word[16];
	unsigned number = 0, calls = 0;
	read_file(STATUS, text, sizeof text);
	*fired = 0;
	sscanf(text, "%15s %u %u %u", word, &number, &calls, fired);
	return calls;
}

static void print_output(void)
{
	static char text[16384];
	int count = 0;
	read_file(OUTPUT, text, sizeof text);
	for (char *line = strtok(text, "\n"); line && count < 10; line = strtok(NULL, "\n"), count++)
		printf("  say %s\n", line);
}

/* Compares the machine with what it was; a restore may be needed where something was to be left. */
static void report(const char *kind, unsigned call, unsigned nth, unsigned fired, int status)
{
	const char *outcome = "same";
	if (status == 128 + SIGKILL || status == 74) {
		restore();
		outcome = "restored";
	}
	read_state(&after);
	bool isSame = is_same_state(&before, &after);
	printf("trial %s %u %u %u %d %s\n", kind, call, nth, fired, status, isSame ? outcome : "left");
	if (isSame)
		return;
	print_missing("-", &before, &after);
	print_missing("+", &after, &before);
	print_output();
	read_state(&before);
}

static void try_signals(unsigned calls)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
	char value[32];
	for (size_t index = 0; index < sizeof signals / sizeof *signals; index++) {
		for (unsigned call = 1; call <= calls; call++) {
			if (!is_chosen())
				continue;
			snprintf(value, sizeof value, "%d@%u", signals[index], call);
			int status = follow("--signal", value);
			report(strsignal(signals[index]), call, 0, 1, status);
		}
	}
}

static void try_own_faults(void)
{
	char value[32];
	for (unsigned step = 1; step < 200; step++) {
		if (!is_chosen())
			continue;
		snprintf(value, sizeof value, "%u=EINVAL", step);
		char *words[] = {"vfioplan", "apply", "--check", vm, "--host", host, "--target", target, "--fail",
				 value, NULL};
		int status = run(words);
		static char text[4096];
		read_file(OUTPUT, text, sizeof text);
		if (strstr(text, "but the program has steps"))
			return;
		if (strstr(text, "makes no system call"))
			continue;
		report("own", step, 0, 1, status);
	}
}

static void try_kernel_faults(void)
{
	char line[64], value[32];
	unsigned call, count;
	follow("--points", POINTS);
	FILE *points = fopen(POINTS, "r");
	while (points && fgets(line, sizeof line, points)) {
		if (sscanf(line, "%u %u", &call, &count) != 2)
			continue;
		for (unsigned nth = 1; nth <= count && nth <= MOST_POINTS; nth++) {
			unsigned fired;
			if (!is_chosen())
				continue;
			snprintf(value, sizeof value, "%u@%u", nth, call);
			int status = follow("--fail", value);
			followed(&fired);
			report("kernel", call, nth, fired, status);
		}
	}
	if (points)
		fclose(points);
}

int main(int count, char **words)
{
	unsigned fired;
	if (count != 7)
		return 2;
	host = words[2];
	target = words[3];
	vm = words[4];
	stride = strtoul(words[5], NULL, 10);
	offset = strtoul(words[6], NULL, 10);
	read_state(&before);
	int status = follow("-o", "/tmp/disturb-log");
	unsigned calls = followed(&fired);
	printf("disturbed %s %s calls=%u status=%d\n", words[1], target, calls, status);
	if (status != 0) {
		print_output();
		return 1;
	}
	if (strcmp(words[1], "signals") == 0)
		try_signals(calls);
	else if (strcmp(words[1], "faults") == 0)
		try_own_faults();
	else
		try_kernel_faults();
	return 0;
}
