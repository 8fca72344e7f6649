/// What the build says of the program; see Commands/VFIOPlan.swift.
#pragma once

/// The commit that it was built from, as git describes it; empty if the build did not say.
const char *vfioplan_commit(void);
