// The yardstick: libyaml's events over the files given, and nothing else.
// Prints the number of events; exit code 1 if a file can't be read or isn't YAML.
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

static long count_events(const unsigned char *bytes, size_t size) {
  yaml_parser_t parser;
  yaml_event_t event;
  long events = 0;
  int done = 0;
  if (!yaml_parser_initialize(&parser)) return -1;
  yaml_parser_set_input_string(&parser, bytes, size);
  while (!done) {
    if (!yaml_parser_parse(&parser, &event)) {
      events = -1;
      break;
    }
    done = event.type == YAML_STREAM_END_EVENT;
    events++;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parser);
  return events;
}

static unsigned char *read_all(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  unsigned char *bytes = NULL;
  if (!file) return NULL;
  if (fseek(file, 0, SEEK_END) == 0) {
    long end = ftell(file);
    rewind(file);
    bytes = end >= 0 ? malloc((size_t)end + 1) : NULL;
    *size = bytes ? fread(bytes, 1, (size_t)end, file) : 0;
  }
  fclose(file);
  return bytes;
}

int main(int count, char **paths) {
  long total = 0;
  for (int index = 1; index < count; index++) {
    size_t size = 0;
    unsigned char *bytes = read_all(paths[index], &size);
    long events = bytes ? count_events(bytes, size) : -1;
    free(bytes);
    if (events < 0) {
      fprintf(stderr, "bare_loop: can't read '%s'\n", paths[index]);
      return 1;
    }
    total += events;
  }
  printf("%ld\n", total);
  return 0;
}
