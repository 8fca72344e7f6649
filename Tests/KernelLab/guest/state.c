/*
 * state save FILE: writes the machine's state to a file.
 * state same FILE: compares; says what is there now (+) and what is missing (-); status 1 if it differs.
 */
#include "state.h"

static struct text now, then;

int main(int count, char **words)
{
	if (count != 3)
		return 2;
	read_state(&now);
	if (strcmp(words[1], "save") == 0) {
		FILE *file = fopen(words[2], "w");
		return !file || fputs(now.bytes, file) < 0 || fclose(file) != 0;
	}
	then.length = read_file(words[2], then.bytes, STATE_BYTES);
	if (is_same_state(&then, &now))
		return 0;
	print_missing("-", &then, &now);
	print_missing("+", &now, &then);
	return 1;
}
