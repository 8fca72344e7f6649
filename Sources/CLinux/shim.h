// What glibc has and Swift's Glibc module lacks.
#pragma once

#include <malloc.h>

// Behind _GNU_SOURCE in sys/mman.h.
int memfd_create(const char *name, unsigned int flags);
