"""Requests of ptrace(2) to a process that is traced; registers are those of x86-64."""

import ctypes
import os

# linux/ptrace.h
CONT, GETREGS, SETREGS = 7, 12, 13
EXITKILL = 0x100000  # an option: it ends when we do
# `struct user_regs_struct` (sys/user.h): how many there are, and where.
REGISTERS, RAX, ORIG_RAX, RIP = 27, 10, 15, 16

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long] * 4


def ptrace(request, process, address=0, data=0):
    """Fails like a dead process when there is none any more."""
    answer = libc.ptrace(request, process, address, data)
    if answer < 0:
        raise ProcessLookupError(ctypes.get_errno(), f"ptrace({request})")
    return answer


def registers(process):
    """Of a process that is stopped."""
    found = (ctypes.c_ulonglong * REGISTERS)()
    ptrace(GETREGS, process, 0, ctypes.addressof(found))
    return found


def set_registers(process, found):
    """Has a stopped process go on with other registers."""
    ptrace(SETREGS, process, 0, ctypes.addressof(found))
