#!/usr/bin/env python3
"""Adds to a list the names of functions that small jobs call, in the order of their first calls.

  order.py PROGRAM LIST    a static x86-64 program at a fixed address, with its symbols

The linker lays them side by side (`make release`), so that a start touches few pages. Each function's
first byte is a breakpoint until it is reached (ptrace), so a job costs one stop a function. The list is
written only if it lacks a function: which ones are called depends a little on where they lie.
"""

import os
import pathlib
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator

from tracing import CONT, EXITKILL, RIP, ptrace, registers, set_registers

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
GIVEN = [str(EXAMPLES / "igd-and-nic.yaml"), "--host", str(EXAMPLES / "hosts" / "z790.yaml")]
# What scripts call first: one process each, for a breakpoint would end another.
JOBS = [["compile", *GIVEN, "--format", "json"], ["compile", *GIVEN], ["check", *GIVEN], ["apply", *GIVEN, "--dry-run"],
        ["apply", *GIVEN, "--simulate"], ["--version"]]
# Else tables of the standard library grow in another way each time.
ENVIRONMENT = {"SWIFT_DETERMINISTIC_HASHING": "1"}
SECONDS = 60  # for one job, at most
BREAKPOINT = 0xCC
# linux/ptrace.h
TRACEME, SETOPTIONS = 0, 0x4200


def functions(program: str) -> dict[int, list[str]]:
    """The names of each function, by its address."""
    listed = subprocess.run(["nm", "--defined-only", program], check=True, capture_output=True, text=True)
    found: dict[int, list[str]] = {}
    for line in listed.stdout.splitlines():
        address, kind, name = line.split(maxsplit=2)
        if kind in "tTwWi":
            found.setdefault(int(address, 16), []).append(name)
    return found


def started(program: str, arguments: list[str]) -> int:
    """A process stopped at its first instruction, which ends when this one does."""
    process = os.fork()
    if process == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        ptrace(TRACEME, 0)
        os.execve(program, [program, *arguments], ENVIRONMENT)
    _, status = os.waitpid(process, 0)
    if not os.WIFSTOPPED(status):
        sys.exit(f"order.py: {program} can't be started, or be traced here")
    ptrace(SETOPTIONS, process, 0, EXITKILL)
    return process


def called(program: str, arguments: list[str], addresses: list[int]) -> Iterator[int]:
    """The functions that a run calls, each once."""
    process = started(program, arguments)
    first, last = min(addresses), max(addresses) + 1
    with open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:
        memory.seek(first)
        code = memory.read(last - first)
        changed = bytearray(code)
        for address in addresses:
            changed[address - first] = BREAKPOINT
        memory.seek(first)
        memory.write(changed)
        number = 0
        while True:
            ptrace(CONT, process, 0, number)
            _, status = os.waitpid(process, 0)
            if not os.WIFSTOPPED(status):
                return
            number = os.WSTOPSIG(status)
            if number == signal.SIGTRAP:
                number = 0
                found = registers(process)
                found[RIP] -= 1
                set_registers(process, found)
                memory.seek(found[RIP])
                memory.write(bytes([code[found[RIP] - first]]))
                yield found[RIP]


def missing(program: str, known: set[str]) -> list[str]:
    """The names of called functions that are not known, in the order of their first calls."""
    names = functions(program)
    found: dict[str, None] = {}
    for job in JOBS:
        signal.alarm(SECONDS)
        for address in called(program, job, list(names)):
            found.update(dict.fromkeys(sorted(names[address])))
    return [name for name in found if name not in known]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if platform.machine() != "x86_64":
        sys.exit("order.py: only on x86-64: functions stay where the linker puts them")
    program, listed = sys.argv[1], pathlib.Path(sys.argv[2])
    known = listed.read_text().split()
    new = missing(program, set(known))
    if new:
        listed.write_text("\n".join(known + new) + "\n")
        print(f"{len(known) + len(new)} functions that small jobs call lie side by side, {len(new)} of them new")


if __name__ == "__main__":
    main()
