/*
 * conform FILE: makes the calls of every program in a file, each program in a process of its own,
 * and says what the kernel answers. Tests/Conform does the same on the simulator; the grammar, and
 * what is printed, is in docs/maintainers/kernel-lab.md.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "members.h"
#include "nodes.h"
#include "process.h"
#include "requests.h"

/* Where the simulator's memory begins, and what it is aligned to. */
#define FIRST_MEMORY 0x7f0000000000
#define MEMORY_STEP (2ul << 20)

enum { STEPS = 128, WORDS = MEMBERS, NAME = 16, PAGE = 4096, MOST_TEXT = 65536 };
/* Where this program's own files are, out of the way of the numbers that programs get. */
enum { OUTPUT = 250, PROGRAMS = 251 };
/* Longer than any program of sane calls takes. */
enum { SECONDS = 30 };

/* Bytes that end where a page begins that can't be read. */
struct edge {
	unsigned char *end;
};
struct result {
	char label[NAME];
	uint64_t value;
};
/* What labels stand for: shared by the processes of a program. */
struct results {
	int count;
	struct result all[STEPS];
	/* What the second process is to do next: so many steps from there on, or to end. */
	sem_t asked, done;
	char *text;
	uint64_t steps;
};

static struct edge structure, pointee;
static struct results *results;
static uintptr_t next_memory = FIRST_MEMORY;
/* Whether this is a program's first process; only that has a second one beside it. */
static bool is_first;
static pid_t second;

static void fail(const char *what)
{
	fprintf(stderr, "conform: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *map(size_t size, int sharing)
{
	void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		fail("memory");
	return start;
}

static struct edge make_edge(void)
{
	unsigned char *start = map(ROOM + PAGE, MAP_PRIVATE);
	if (mprotect(start + ROOM, PAGE, PROT_NONE) != 0)
		fail("memory");
	return (struct edge){.end = start + ROOM};
}

/* A number, a label, or a label and an offset; what was never got is -1. */
static uint64_t value_of(const char *text)
{
	if (strchr("-0123456789", text[0]))
		return strtoull(text, NULL, 0);
	size_t length = strcspn(text, "+");
	uint64_t offset = text[length] ? strtoull(text + length + 1, NULL, 0) : 0;
	for (int index = results->count - 1; index >= 0; index--) {
		const struct result *result = &results->all[index];
		if (strlen(result->label) == length && memcmp(result->label, text, length) == 0)
			return result->value == UINT64_MAX ? UINT64_MAX : result->value + offset;
	}
	return UINT64_MAX;
}

/* The first three files count as closed, as they do on the simulator; O_PATH does it for the
 * numbers that stand in structures. */
static int file_of(const char *text)
{
	int file = (int)value_of(text);
	return file < 3 ? -1 : file;
}

static void keep(const char *label, uint64_t value)
{
	if (!label)
		return;
	if (results->count == STEPS || strlen(label) >= NAME)
		fail("a label");
	struct result *result = &results->all[results->count++];
	strcpy(result->label, label);
	result->value = value;
}

/* The answer of a call: its value or its error's name; the value, or -1. */
static uint64_t say(long result, const char *success)
{
	if (result < 0)
		printf("%s", strerrorname_np(errno));
	else if (success)
		printf("%s", success);
	else
		printf("%ld", result);
	return result < 0 ? UINT64_MAX : (uint64_t)result;
}

static long open_node(char **words, int count)
{
	char path[PATH_SIZE];
	bool is_there = true;
	if (strcmp(words[0], "cdev") == 0 && count == 2)
		is_there = device_node(words[1], path);
	else if (strcmp(words[0], "group") == 0 && count == 2)
		is_there = group_node(words[1], path);
	else
		snprintf(path, sizeof path, "%s", strcmp(words[0], "iommu") == 0 ? "/dev/iommu" :
			 strcmp(words[0], "container") == 0 ? "/dev/vfio/vfio" :
			 strcmp(words[0], "kvm") == 0 ? "/dev/kvm" : "/dev/null");
	return is_there ? open(path, O_RDWR | O_CLOEXEC) : -1;
}

static long make_memory(uint64_t size)
{
	int file = memfd_create("conform", MFD_CLOEXEC);
	if (file >= 0 && ftruncate(file, (off_t)size) != 0)
		fail("memory");
	return file;
}

/* The address that the simulator chooses. */
static long map_memory(uint64_t size)
{
	long file = make_memory(size);
	uintptr_t start = (next_memory + MEMORY_STEP - 1) & ~(MEMORY_STEP - 1);
	void *address = mmap((void *)start, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED_NOREPLACE, (int)file, 0);
	if (address != (void *)start)
		fail("memory where the simulator has it");
	next_memory = start + size;
	return (long)start;
}

/* FILE REQUEST, then nothing, value:N, text:WORD or members. */
static uint64_t make_request(char **words, int count, const char *success)
{
	static struct argument argument;
	argument.length = argument.array_length = 0;
	argument.array_member = -1;
	argument.shown_count = 0;
	int file = file_of(words[0]);
	unsigned long request = strtoul(words[1], NULL, 0);
	if (count == 2)
		return say(ioctl(file, request, 0), success);
	if (strncmp(words[2], "value:", 6) == 0)
		return say(ioctl(file, request, value_of(words[2] + 6)), success);
	if (strncmp(words[2], "text:", 5) == 0) {
		unsigned char *text = structure.end - strlen(words[2] + 5) - 1;
		strcpy((char *)text, words[2] + 5);
		return say(ioctl(file, request, text), success);
	}
	for (int index = 2; index < count; index++)
		read_member(words[index], &argument);
	unsigned char *start = structure.end - argument.length;
	unsigned char *array = pointee.end - argument.array_length;
	memcpy(start, argument.bytes, argument.length);
	memcpy(array, argument.array, argument.array_length);
	if (argument.array_member >= 0)
		memcpy(start + argument.array_member, &array, sizeof array);
	uint64_t result = say(ioctl(file, request, start), success);
	return show_members(&argument, start, array, result);
}

/* Which objects there are: what destroying every id says, upwards. */
static void sweep(int file, uint64_t count)
{
	for (uint32_t id = 1; id <= count; id++) {
		struct destroy destroy = {.size = sizeof destroy, .id = id};
		printf(id == 1 ? "" : " ");
		say(ioctl(file, IOMMU_DESTROY, &destroy), NULL);
	}
}

static void step(char *line)
{
	char *words[WORDS + 2], *label = NULL;
	int count = 0, first = 0;
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		if (count == WORDS)
			fail("a step that long");
		words[count++] = word;
	}
	if (count > 2 && strcmp(words[1], "=") == 0) {
		label = words[0];
		first = 2;
	}
	char *name = words[first], **rest = words + first + 1;
	count -= first + 1;
	uint64_t value = UINT64_MAX;
	if (strcmp(name, "open") == 0)
		value = say(open_node(rest, count), "fd");
	else if (strcmp(name, "memory") == 0)
		value = say(map_memory(value_of(rest[0])), "memory");
	else if (strcmp(name, "memfd") == 0)
		value = say(make_memory(value_of(rest[0])), "fd");
	else if (strcmp(name, "dup") == 0)
		value = say(fcntl(file_of(rest[0]), F_DUPFD_CLOEXEC, 3), "fd");
	else if (strcmp(name, "close") == 0)
		say(close(file_of(rest[0])), NULL);
	else if (strcmp(name, "ioctl") == 0)
		value = make_request(rest, count, NULL);
	else if (strcmp(name, "fdioctl") == 0)
		value = make_request(rest, count, "fd");
	else if (strcmp(name, "sweep") == 0)
		sweep(file_of(rest[0]), value_of(rest[1]));
	else
		fail(name);
	printf("\n");
	keep(label, value);
}

/* The next line that is neither empty nor a comment, cut off; NULL at the end. */
static char *next_line(char **text)
{
	while (**text) {
		char *line = *text, *end = line + strcspn(line, "\n");
		*text = *end ? end + 1 : end;
		*end = 0;
		if (line[0] && line[0] != '#')
			return line;
	}
	return NULL;
}

static void take_steps(char **text, uint64_t count);

/* The second process: the text lies where it lay when it began. */
static void serve(void)
{
	/* Nothing of a program outlives it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SECONDS);
	is_first = false;
	for (;;) {
		while (sem_wait(&results->asked) != 0)
			;
		char *text = results->text;
		if (results->steps == 0)
			_exit(0);
		take_steps(&text, results->steps);
		fflush(stdout);
		sem_post(&results->done);
	}
}

/* Has the second process take steps, and waits; it begins with the first ones and ends with none. */
static void in_second(char *text, uint64_t count)
{
	fflush(stdout);
	if (second == 0 && count > 0) {
		second = fork();
		if (second == 0)
			serve();
	}
	if (second == 0)
		return;
	results->text = text;
	results->steps = count;
	sem_post(&results->asked);
	while (count > 0 && sem_wait(&results->done) != 0)
		;
	if (count > 0)
		return;
	int status = wait_for(second);
	if (status != 0)
		printf("the second ended with %d\n", status);
	second = 0;
}

/* Takes steps in a process of their own and waits for it. */
static void in_child(char *text, uint64_t count, bool is_program)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(SECONDS);
		dup2(0, 2);
		is_first = is_program;
		take_steps(&text, count);
		if (is_first)
			in_second(NULL, 0);
		fflush(stdout);
		_exit(0);
	}
	int status = wait_for(child);
	if (status != 0)
		printf("ended with %d\n", status);
}

/* Whether a line is "WORD COUNT"; the count is at most so many. */
static bool is_counted(const char *line, const char *word, uint64_t most, uint64_t *count)
{
	size_t length = strlen(word);
	if (strncmp(line, word, length) != 0 || line[length] != ' ')
		return false;
	*count = value_of(line + length + 1);
	*count = *count < most ? *count : most;
	return true;
}

/* Takes so many steps, or all there are; those after "fork N" as a child, which then ends, those
 * after "beside N" as the second process, which stays. */
static void take_steps(char **text, uint64_t count)
{
	uint64_t its;
	for (char *line; count > 0 && (line = next_line(text)); count--) {
		if (is_counted(line, "fork", count - 1, &its)) {
			printf("child\n");
			in_child(*text, its, false);
		} else if (is_counted(line, "beside", count - 1, &its)) {
			printf("beside\n");
			if (!is_first)
				continue;
			in_second(*text, its);
		} else {
			step(line);
			continue;
		}
		for (; its > 0 && next_line(text); its--)
			count--;
	}
}

/* One program: its first line is its name. */
static void run(char *text)
{
	char *name = next_line(&text);
	if (!name)
		return;
	printf("%s\n", name);
	results->count = 0;
	if (sem_init(&results->asked, 1, 0) != 0 || sem_init(&results->done, 1, 0) != 0)
		fail("semaphores");
	in_child(text, UINT64_MAX, true);
}

int main(int count, char **words)
{
	static char text[MOST_TEXT], line[4096];
	int programs = open(count == 2 ? words[1] : "", O_RDONLY);
	int nothing = open("/", O_PATH);
	if (programs < 0 || nothing < 0 || dup2(1, OUTPUT) < 0 || dup2(programs, PROGRAMS) < 0)
		fail("conform FILE");
	FILE *file = fdopen(PROGRAMS, "r");
	stdout = fdopen(OUTPUT, "w");
	if (!file || !stdout)
		fail("its files");
	for (int number = 0; number < 3; number++)
		if (number != 2)
			dup2(nothing, number);
	close(programs);
	close(nothing);
	results = map(sizeof *results, MAP_SHARED);
	structure = make_edge();
	pointee = make_edge();
	while (fgets(line, sizeof line, file)) {
		if (strncmp(line, "program ", 8) == 0) {
			run(text);
			text[0] = 0;
		}
		if (strlen(text) + strlen(line) >= sizeof text)
			fail("a program that long");
		strcat(text, line);
	}
	run(text);
	return 0;
}
