"""Scenario `layouts`: numbers, sizes and offsets, as a C compiler has them from the headers."""

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import releases, uapi
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict

# The interface that was only ever proposed.
PROPOSED = "never merged"


@dataclass(frozen=True)
class Struct:
    """A struct as vfioplan has it."""

    name: str
    size: int
    sent: int
    members: dict[str, tuple[int, int]]


class Layouts(Scenario):
    """Every request that vfioplan knows, against this kernel's headers."""

    name = "layouts"
    law = ("every request's number, and its structs' sizes and members, are what a C compiler takes"
           " from the kernel's headers; nothing longer is sent than that kernel has")
    most_seconds = 20

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Once for each kernel's headers: the machine's own are as old as 6.1."""
        return machine.name == "intel-snoop" and (not kernel.is_stock or kernel.is_chosen_stock)

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The program in the guest says what it knows."""
        return {"run.sh": b"vfioplan explain --requests --format json\n"}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each request, and one for the sum."""
        requests = [request for request in json.loads(text)
                    if PROPOSED not in request["source"]]
        known = Headers(uapi.headers_of(bench.kernel.image), requests)
        verdicts = [judge_request(request, known, bench.kernel) for request in requests]
        found = sum(request["request"] in known.numbers for request in requests)
        return [*verdicts, Verdict(found > 10, f"{found} of {len(requests)} requests are in the "
                                               f"headers, {len(known.offsets)} members compared")]


class Headers:
    """What a C compiler says of the names that vfioplan uses."""

    def __init__(self, include: Path | None, requests: list[dict]):
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.offsets: dict[tuple[str, str], tuple[int, int]] = {}
        absent: set[tuple[str, str]] = set()
        options = ["-isystem", str(include)] if include else []
        with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
            complaints = compile_questions(requests, absent, options, Path(scratch))
            absent |= set(re.findall(r"'struct (\w+)' has no member named '(\w+)'", complaints))
            complaints = complaints and compile_questions(requests, absent, options, Path(scratch))
            if complaints:
                raise RuntimeError(complaints)
            text = subprocess.run([Path(scratch, "probe")], text=True, capture_output=True,
                                  check=True).stdout
        for kind, *words, value in (line.split() for line in text.splitlines()):
            if kind == "number":
                self.numbers[words[0]] = int(value)
            elif kind == "size":
                self.sizes[words[0]] = int(value)
            else:
                self.offsets[words[0], words[1]] = (int(words[2]), int(value))


def compile_questions(requests: list[dict], absent, options: list[str], scratch: Path) -> str:
    """Compiles the questions; what the compiler complains of."""
    lines = [uapi.PREAMBLE, "int main(void) {"]
    for request in requests:
        name = request["request"]
        lines += [f"#ifdef {name}", uapi.print_statement(f"number {name}", name)]
        for struct in structs_of(request):
            lines.append(uapi.print_statement(
                f"size {struct.name}", f"sizeof(struct {struct.name})"))
            lines += [uapi.print_statement(f"member {struct.name} {member}",
                                           f"offsetof(struct {struct.name}, {member})",
                                           f"sizeof(((struct {struct.name} *)0)->{member})")
                      for member in struct.members if (struct.name, member) not in absent]
        lines.append("#endif")
    source = scratch / "probe.c"
    source.write_text("\n".join([*lines, "return 0; }", ""]))
    return subprocess.run(
        ["gcc", "-std=gnu11", *options, source, "-o", scratch / "probe"], text=True,
        capture_output=True, env={**os.environ, "LC_ALL": "C"}).stderr


def structs_of(request: dict) -> list[Struct]:
    """The struct that a request points to, and those that it points to in turn."""
    found, waiting = [], [request["argument"]] if "argument" in request else []
    for one in waiting:
        members = {member["name"]: (member["offset"], member["width"])
                   for member in one["members"]}
        if one["struct"] != "int":
            found.append(Struct(one["struct"], one["size"], one["sent"], members))
        waiting += [member["pointsTo"] for member in one["members"] if "pointsTo" in member]
    return found


def judge_request(request: dict, headers: Headers, kernel: Kernel) -> Verdict:
    """Compares one request."""
    name = request["request"]
    what = f"{name} as in {releases.dotted(kernel.release)}"
    since = releases.parsed(re.search(r"\d+\.\d+", request["source"])[0])
    if name not in headers.numbers:
        is_right = kernel.release < since
        return Verdict(is_right, f"{what}: not there yet" if is_right else
                       f"{what}: missing from the headers, although of {request['source']}")
    problems = [] if headers.numbers[name] == int(request["number"], 0) else [
        f"number {request['number']}, not {headers.numbers[name]:#x}"]
    for struct in structs_of(request):
        problems += differences(struct, headers, kernel.is_newest)
    return Verdict(not problems, what, tuple(problems))


def differences(struct: Struct, headers: Headers, is_newest: bool) -> list[str]:
    """Where a struct differs; an older kernel's may end earlier, but not before what is sent.

    What an older one has not, it may also have as padding.
    """
    size = headers.sizes[struct.name]
    problems = []
    if size > struct.size or size < struct.sent or (is_newest and size != struct.size):
        problems.append(f"{struct.name}: {struct.size} bytes, {struct.sent} sent, not {size}")
    end = max(offset + width for (name, _), (offset, width) in headers.offsets.items()
              if name == struct.name)
    for member, place in struct.members.items():
        real = headers.offsets.get((struct.name, member))
        is_later = real is None and not is_newest and place[0] >= end
        if real != place and not is_later:
            problems.append(f"{struct.name}.{member}: offset and width {place}, not {real}")
    return problems
