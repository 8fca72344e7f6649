// For the guest of boots.py: `poke FILE OFFSET VALUE` writes 32 bits into a device's memory and prints what is
// there then.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(int count, char **words) {
  int file = count == 4 ? open(words[1], O_RDWR | O_SYNC) : -1;
  off_t offset = file < 0 ? 0 : (off_t)strtoull(words[2], NULL, 0);
  void *page = file < 0 ? MAP_FAILED
                        : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset & ~4095L);
  if (page == MAP_FAILED) {
    perror("poke");
    return 1;
  }
  volatile uint32_t *word = (volatile uint32_t *)page + (offset & 4095) / 4;
  *word = (uint32_t)strtoul(words[3], NULL, 0);
  printf("%08x\n", *word);
  return 0;
}
