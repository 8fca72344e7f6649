import Planner

/// What a call of the kernel fails with; whatever answers in the kernel's place throws it.
public typealias Errno = Planner.Errno
