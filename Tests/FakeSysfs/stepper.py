"""Runs a program under ptrace(2) and does something to it at its n-th system call.

Only the process that was started is followed, not what it starts. What is done is a signal, sent
as by `kill`, or a failure of the call, which is then not made (x86-64 only); that of `close`, which
always closes, is made.
"""

import ctypes
import dataclasses
import errno
import os
import signal

(CONT, GETREGS, SETREGS, SYSCALL, SEIZE, LISTEN) = (7, 12, 13, 24, 0x4206, 0x4208)
OPTIONS = 1 | 0x10 | 0x100000  # TRACESYSGOOD, TRACEEXEC, EXITKILL
EVENT_EXEC, EVENT_STOP = 4, 128
ENTRY, EXIT = 1, 2
SYSCALL_STOP = signal.SIGTRAP | 0x80
REGISTERS, RAX, ORIG_RAX = 27, 10, 15  # `struct user_regs_struct`
CAN_FAIL = os.uname().machine == "x86_64"
ERRNOS = {name: number for number, name in errno.errorcode.items()}
# The calls that a system may refuse for reasons of its own (x86-64); memory and what can't fail are
# left out.
FALLIBLE = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 6: "lstat", 7: "poll",
    8: "lseek", 16: "ioctl", 17: "pread64", 18: "pwrite64", 20: "writev", 21: "access", 32: "dup",
    33: "dup2", 41: "socket", 42: "connect", 46: "sendmsg", 47: "recvmsg", 49: "bind", 50: "listen",
    56: "clone", 57: "fork", 58: "vfork", 61: "wait4", 72: "fcntl", 73: "flock", 74: "fsync",
    75: "fdatasync", 77: "ftruncate", 82: "rename", 83: "mkdir", 86: "link", 87: "unlink",
    89: "readlink", 90: "chmod", 91: "fchmod", 93: "fchown", 101: "ptrace", 157: "prctl",
    193: "fgetxattr", 217: "getdents64", 247: "waitid", 257: "openat", 258: "mkdirat",
    262: "newfstatat", 263: "unlinkat", 264: "renameat", 265: "linkat", 267: "readlinkat",
    268: "fchmodat", 269: "faccessat", 281: "epoll_pwait", 285: "fallocate", 288: "accept4",
    289: "signalfd4", 292: "dup3", 293: "pipe2", 319: "memfd_create", 332: "statx", 435: "clone3",
    437: "openat2", 439: "faccessat2"}
CLOSE, READLINK, SIGACTION, WAIT4 = 3, 89, 13, 61
STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long] * 4


def ptrace(request, process, address=0, data=0):
    """Fails like a dead process when there is none any more."""
    answer = libc.ptrace(request, process, address, data)
    if answer < 0:
        raise ProcessLookupError(ctypes.get_errno(), f"ptrace({request})")
    return answer


@dataclasses.dataclass(frozen=True)
class Point:
    """Where in a run something is done, and what."""

    call: int  # from 0, counted from the start of the program
    is_exit: bool = False
    signals: tuple = ()
    errno: int = 0

    def __str__(self):
        what = "+".join(one.name for one in self.signals) or f"{os.strerror(self.errno)} instead"
        return f"{what} at the {'exit' if self.is_exit else 'entry'} of call {self.call}"


@dataclasses.dataclass
class Trace:
    """What came of a run."""

    status: int  # as a shell has it
    calls: int  # how many were made, up to the point if it was reached
    is_reached: bool
    numbers: list  # of the calls, if they were recorded


def run(arguments, point=None, seconds=20, records=False, **files):
    """Runs a program; `files` says what its descriptors `stdin`, `stdout`, `stderr` are."""
    ready, go = os.pipe()
    process = os.fork()
    if process == 0:
        child(arguments, ready, go, **files)
    os.close(ready)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        ptrace(SEIZE, process, 0, OPTIONS)
        os.write(go, b"x")
        return Stepper(process, point, records).run()
    except TimeoutError:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        raise AssertionError(f"it did not end within {seconds} seconds") from None
    finally:
        signal.alarm(0)
        os.close(go)


def late(*_):
    raise TimeoutError


def child(arguments, ready, go, folder=None, stdin=None, stdout=None, stderr=None):
    """Becomes the program when it is seized."""
    try:
        os.close(go)
        os.read(ready, 1)
        if folder:
            os.chdir(folder)
        for number, file in enumerate((stdin, stdout, stderr)):
            if file is not None:
                os.dup2(file, number)
        os.execv(arguments[0], arguments)
    finally:
        os._exit(126)


class Stepper:
    """A process that is followed."""

    def __init__(self, process, point, records):
        self.process, self.point, self.records = process, point, records
        self.numbers = []
        self.calls = -1  # calls that were entered since the program is there
        self.is_inside = self.has_started = self.is_reached = False
        self.fails = None

    def run(self):
        request, passed = SYSCALL, 0
        _, status = os.waitpid(self.process, 0)
        while not (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            request, passed = self.stopped(os.WSTOPSIG(status), status >> 16)
            try:
                ptrace(request, self.process, 0, passed)
            except ProcessLookupError:
                pass  # it was killed at the stop; its end is still to be waited for
            _, status = os.waitpid(self.process, 0)
        code = os.waitstatus_to_exitcode(status)
        return Trace(128 - code if code < 0 else code, self.calls + 1, self.is_reached, self.numbers)

    def stopped(self, number, event):
        """How it goes on after a stop: a request and a signal."""
        going = CONT if self.is_reached and self.fails is None else SYSCALL
        if event == EVENT_EXEC:
            # What comes next is the exit of `execve`.
            self.has_started = self.is_inside = True
            return SYSCALL, 0
        if event == EVENT_STOP:
            if number in STOPS:  # it is stopped as by a terminal; that is ended by SIGCONT
                os.kill(self.process, signal.SIGCONT)
                return LISTEN, 0
            return going, 0
        if number != SYSCALL_STOP:
            return going, number
        if self.has_started:
            self.at_call()
        return CONT if self.is_reached and self.fails is None else SYSCALL, 0

    def at_call(self):
        """Before or after a system call."""
        self.is_inside = not self.is_inside
        if self.fails is not None:
            self.answer(self.fails)
            self.fails = None
        if self.is_inside:
            self.calls += 1
            if self.records:
                self.numbers.append(self.registers()[ORIG_RAX])
        point = self.point
        if point and not self.is_reached and self.calls == point.call \
                and self.is_inside != point.is_exit:
            self.is_reached = True
            self.do(point)

    def do(self, point):
        if point.errno:
            self.skip(point.errno)
        for one in point.signals:
            os.kill(self.process, one)

    # Registers.

    def registers(self):
        found = (ctypes.c_ulonglong * REGISTERS)()
        ptrace(GETREGS, self.process, 0, ctypes.addressof(found))
        return found

    def skip(self, error):
        """Makes a call that was entered into one that does not exist."""
        found = self.registers()
        self.fails = error
        if found[ORIG_RAX] == CLOSE:
            return
        found[ORIG_RAX] = ctypes.c_ulonglong(-1).value
        ptrace(SETREGS, self.process, 0, ctypes.addressof(found))

    def answer(self, error):
        found = self.registers()
        found[RAX] = ctypes.c_ulonglong(-error).value
        ptrace(SETREGS, self.process, 0, ctypes.addressof(found))
