// What glibc has behind _GNU_SOURCE and Swift's Glibc module therefore lacks.
#pragma once

int memfd_create(const char *name, unsigned int flags);
