// What glibc has and Swift's Glibc module lacks.
#pragma once

#include <malloc.h>
