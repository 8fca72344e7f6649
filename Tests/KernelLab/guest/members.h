/* The argument of a request in conform's text: NAME:WIDTH=VALUE, one member behind the other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 96, ROOM = 8192 };

/* A member of a structure whose bytes are shown after the call. */
struct shown {
	size_t offset, width;
	bool is_file, is_array;
	unsigned char widths[MEMBERS];
};
/* The argument of one ioctl. */
struct argument {
	unsigned char bytes[ROOM], array[ROOM];
	size_t length, array_length;
	int array_member; /* the pointer's offset; -1 without */
	struct shown shown[MEMBERS];
	int shown_count;
};

static void fail(const char *what);
static uint64_t value_of(const char *text);

static void put(unsigned char *to, size_t *length, uint64_t value, size_t width)
{
	if (*length + width > ROOM)
		fail("room");
	for (size_t index = 0; index < width; index++)
		to[(*length)++] = index < 8 ? (unsigned char)(value >> 8 * index) : 0;
}

static uint64_t get(const unsigned char *from, size_t width)
{
	uint64_t value = 0;
	for (size_t index = width < 8 ? width : 8; index > 0; index--)
		value = value << 8 | from[index - 1];
	return value;
}

/* [WIDTH=VALUE,...]: what a pointer member leads to. */
static void read_array(char *text, struct argument *argument, struct shown *shown)
{
	int count = 0;
	if (argument->array_member >= 0)
		fail("a second pointer");
	argument->array_member = (int)argument->length;
	for (char *item = strtok(text, ","); item; item = strtok(NULL, ",")) {
		size_t width = strtoul(item, NULL, 10);
		if (count == MEMBERS - 1)
			fail("an array that long");
		put(argument->array, &argument->array_length, value_of(strchr(item, '=') + 1), width);
		shown->widths[count++] = (unsigned char)width;
	}
	put(argument->bytes, &argument->length, 0, 8);
}

/* NAME:WIDTH=VALUE, then ! if it is shown, or @ if it is shown as a file. */
static void read_member(char *word, struct argument *argument)
{
	char *colon = strchr(word, ':'), *equal = strchr(word, '=');
	if (!colon || !equal)
		fail(word);
	struct shown shown = {.offset = argument->length, .width = strtoul(colon + 1, NULL, 10)};
	char *last = word + strlen(word) - 1;
	bool is_shown = *last == '!' || *last == '@';
	shown.is_file = *last == '@';
	if (is_shown)
		*last-- = 0;
	if (equal[1] == '[') {
		*last = 0;
		shown.is_array = true;
		read_array(equal + 2, argument, &shown);
	} else {
		put(argument->bytes, &argument->length, value_of(equal + 1), shown.width);
	}
	if (is_shown)
		argument->shown[argument->shown_count++] = shown;
}

static uint64_t show_members(const struct argument *argument, const unsigned char *start,
			     const unsigned char *array, uint64_t result)
{
	uint64_t value = result;
	for (int index = 0; index < argument->shown_count; index++) {
		const struct shown *shown = &argument->shown[index];
		uint64_t member = get(start + shown->offset, shown->width);
		if (shown->is_array)
			for (int item = 0; shown->widths[item]; array += shown->widths[item++])
				printf(" %#lx", get(array, shown->widths[item]));
		else if (shown->is_file)
			printf(" %s", result == UINT64_MAX ? "-" : "fd");
		else
			printf(" %#lx", member);
		if (index == 0 && result != UINT64_MAX)
			value = member;
	}
	return value;
}
