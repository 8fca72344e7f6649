#include "release.h"

// A definition of the compiler's command line: another commit compiles this file anew, and no other.
#ifndef VFIOPLAN_COMMIT
#define VFIOPLAN_COMMIT ""
#endif

const char *vfioplan_commit(void) { return VFIOPLAN_COMMIT; }
