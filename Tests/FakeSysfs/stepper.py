"""Runs a program under ptrace(2) and does something to it at its n-th system call.

The process that was started is followed, or one of its children, and nothing else. What is done is
a signal, sent as by `kill`, or a failure of the call, which is then not made (x86-64 only); that of
`close`, which always closes, is made.
"""

import ctypes
import dataclasses
import errno
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from tracing import CONT, EXITKILL, ORIG_RAX, RAX, ptrace, registers, set_registers  # noqa: E402

SYSCALL, SEIZE, LISTEN = 24, 0x4206, 0x4208
DETACH, EVENT_MESSAGE, SYSCALL_INFO = 17, 0x4201, 0x420e
OPTIONS = 1 | 2 | 0x10 | EXITKILL  # TRACESYSGOOD, TRACEFORK, TRACEEXEC
EVENT_FORK, EVENT_EXEC, EVENT_STOP = 1, 4, 128
WALL = 0x40000000
INFO_BYTES, EXIT = 88, 2  # `struct ptrace_syscall_info` and its operation
SYSCALL_STOP = signal.SIGTRAP | 0x80
CAN_FAIL = os.uname().machine == "x86_64"
ERRNOS = {name: number for number, name in errno.errorcode.items()}
# The calls that a system may refuse for reasons of its own (x86-64); memory and what can't fail are
# left out.
FALLIBLE = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 6: "lstat", 7: "poll",
    8: "lseek", 16: "ioctl", 17: "pread64", 18: "pwrite64", 20: "writev", 21: "access", 32: "dup",
    33: "dup2", 41: "socket", 42: "connect", 46: "sendmsg", 47: "recvmsg", 49: "bind", 50: "listen",
    56: "clone", 57: "fork", 58: "vfork", 72: "fcntl", 73: "flock", 74: "fsync",
    75: "fdatasync", 77: "ftruncate", 82: "rename", 83: "mkdir", 86: "link", 87: "unlink",
    89: "readlink", 90: "chmod", 91: "fchmod", 93: "fchown", 101: "ptrace", 157: "prctl",
    193: "fgetxattr", 217: "getdents64", 257: "openat", 258: "mkdirat",
    262: "newfstatat", 263: "unlinkat", 264: "renameat", 265: "linkat", 267: "readlinkat",
    268: "fchmodat", 269: "faccessat", 281: "epoll_pwait", 285: "fallocate", 288: "accept4",
    289: "signalfd4", 292: "dup3", 293: "pipe2", 319: "memfd_create", 332: "statx", 435: "clone3",
    437: "openat2", 439: "faccessat2"}
CLOSE, READLINK, SIGACTION, FORK, FLOCK = 3, 89, 13, 56, 73
STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}

def resume(request, process, passed=0):
    """Lets a process go on that may be killed at any time; its end is still to be waited for."""
    try:
        ptrace(request, process, 0, passed)
    except ProcessLookupError:
        pass


def is_traced(process):
    """Whether we follow a process."""
    try:
        with open(f"/proc/{process}/status") as file:
            return f"TracerPid:\t{os.getpid()}\n" in file.read()
    except OSError:
        return False


@dataclasses.dataclass(frozen=True)
class Point:
    """Where in a run something is done, and what."""

    call: int  # from 0, counted from the start of the program
    is_exit: bool = False
    signals: tuple = ()
    errno: int = 0
    number: int = -1  # of the call that fails; another one in its place, a matter of time, does not

    def __str__(self):
        what = "+".join(one.name for one in self.signals) or f"{os.strerror(self.errno)} instead"
        name = FALLIBLE.get(self.number, "")
        return f"{what} at the {'exit' if self.is_exit else 'entry'} of call {self.call} {name}"


@dataclasses.dataclass
class Trace:
    """What came of a run."""

    status: int  # as a shell has it
    calls: int  # how many were made, up to the point if it was reached
    is_reached: bool
    forks: int  # how many children the started process made
    numbers: list  # of the calls, if they were recorded


def run(arguments, point=None, child=0, seconds=20, records=False, **files):
    """Runs a program; it is disturbed itself, or the child that it forks as the first, second ...

    `files` says what its descriptors `stdin`, `stdout`, `stderr` are, and in which `folder` it is.
    """
    ready, go = os.pipe()
    process = os.fork()
    if process == 0:
        become(arguments, ready, go, **files)
    os.close(ready)
    stepper = Stepper(process, point, child, records)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        ptrace(SEIZE, process, 0, OPTIONS)
        os.write(go, b"x")
        return stepper.run()
    except TimeoutError:
        stepper.kill()
        raise AssertionError(f"it did not end within {seconds} seconds") from None
    finally:
        signal.alarm(0)
        os.close(go)


def late(*_):
    raise TimeoutError


def become(arguments, ready, go, folder=None, stdin=None, stdout=None, stderr=None):
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
    """A process that is followed, with one of its children, or with none."""

    def __init__(self, process, point, child, records):
        self.first, self.point, self.child, self.records = process, point, child, records
        self.subject = process if child == 0 else None  # whose calls are counted
        self.alive = {process}
        self.unwanted, self.early = set(), set()  # children to be let go; known before their fork
        self.status, self.forks, self.numbers = None, 0, []
        self.calls = -1  # the last one that was entered since the program is there
        self.has_started = self.is_reached = self.is_replaced = False
        self.fails = None

    def run(self):
        while self.alive:
            process, status = os.waitpid(-1, WALL)
            if os.WIFSTOPPED(status):
                self.stopped(process, os.WSTOPSIG(status), status >> 16)
            else:
                self.ended(process, os.waitstatus_to_exitcode(status))
        self.let_go()
        return Trace(self.status, self.calls + 1, self.is_reached, self.forks, self.numbers)

    def let_go(self):
        """Lets children go on that were made by a process which could not say so any more."""
        for process in self.early:
            resume(DETACH, process)
        while any(is_traced(process) for process in os.listdir("/proc") if process.isdigit()):
            process, status = os.waitpid(-1, WALL)
            if os.WIFSTOPPED(status):
                resume(DETACH, process)

    def kill(self):
        for process in self.alive:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, WALL)

    def ended(self, process, code):
        self.alive.discard(process)
        if process == self.first:
            self.status = 128 - code if code < 0 else code

    def stopped(self, process, number, event):
        """Does what is to be done at a stop, and lets the process go on."""
        if process in self.unwanted:
            self.unwanted.discard(process)
            resume(DETACH, process)
        elif process not in self.alive:
            self.early.add(process)
        elif event == EVENT_STOP and number in STOPS:
            # It is stopped as by a terminal; SIGCONT ends that.
            os.kill(process, signal.SIGCONT)
            resume(LISTEN, process)
        else:
            try:
                self.happened(process, number, event)
            except ProcessLookupError:
                pass  # it was killed at the stop
            self.go_on(process, 0 if event or number == SYSCALL_STOP else number)

    def happened(self, process, number, event):
        if event == EVENT_FORK:
            self.forked(process)
        elif event == EVENT_EXEC:
            self.has_started = True
            self.is_replaced = process == self.subject != self.first
        elif number == SYSCALL_STOP and process == self.subject and self.has_started:
            self.at_call()

    def go_on(self, process, passed=0):
        """To its next system call, if something may still be done there."""
        is_over = self.is_replaced or self.is_reached and self.fails is None
        resume(CONT if is_over or process != self.subject else SYSCALL, process, passed)

    def forked(self, process):
        """A process has made another one, which is stopped or will be at once."""
        found = ctypes.c_ulong()
        ptrace(EVENT_MESSAGE, process, 0, ctypes.addressof(found))
        made = found.value
        if process == self.first:
            self.forks += 1
            if self.forks == self.child:
                self.subject = made
                self.alive.add(made)
        if made != self.subject:
            self.unwanted.add(made)
        if made in self.early:
            self.early.discard(made)
            self.stopped(made, signal.SIGTRAP, EVENT_STOP)

    def at_call(self):
        """Before or after a system call."""
        info = (ctypes.c_ubyte * INFO_BYTES)()
        ptrace(SYSCALL_INFO, self.subject, INFO_BYTES, ctypes.addressof(info))
        is_exit = info[0] == EXIT
        if self.fails is not None:
            self.answer(self.fails)
            self.fails = None
        if not is_exit:
            self.calls += 1
            if self.records:
                self.numbers.append(int.from_bytes(info[24:32], "little"))
        point = self.point
        if point and not self.is_reached and (self.calls, is_exit) == (point.call, point.is_exit):
            self.is_reached = True
            if point.errno:
                self.skip(point)
            for one in point.signals:
                os.kill(self.subject, one)

    def skip(self, point):
        """Makes a call that was entered into one that does not exist."""
        found = registers(self.subject)
        if found[ORIG_RAX] != point.number:
            return
        self.fails = point.errno
        if point.number == CLOSE:
            return
        found[ORIG_RAX] = ctypes.c_ulonglong(-1).value
        set_registers(self.subject, found)

    def answer(self, error):
        found = registers(self.subject)
        found[RAX] = ctypes.c_ulonglong(-error).value
        set_registers(self.subject, found)
