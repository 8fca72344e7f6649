"""The calls of a virtual machine monitor that plans nothing, for guest/byhand.c, and the answers."""

import re
from dataclasses import dataclass

from .descriptions import MATES, parsed_number

# More is not mapped whole: the last page of it shows what there is to show.
MOST_BYTES = 64 << 20
PAGE = 4096
DEVICE = re.compile(r'  - name: (\S+)\n    address: "(\S+)"\n    noSnoop: \S+\n'
                    r"(?:    addressSpace: (\S+)\n)?")
MEMORY = re.compile(r"^  - \{ gpa: (\w+), size: (\w+)", re.M)
SPACE = re.compile(r"^  - name: (dma\d)\n    memory: (.*)$", re.M)
WINDOW = re.compile(r"iova: (\w+), gpa: \w+, size: (\w+)")


@dataclass(frozen=True)
class Assigned:
    """A device of a description."""

    name: str
    address: str
    space: str

    @property
    def group(self) -> str:
        """Its IOMMU group, named by the first member."""
        return min(self.address, MATES.get(self.address, self.address))


@dataclass(frozen=True)
class Naive:
    """What a description says, without what it intends."""

    name: str
    devices: tuple[Assigned, ...]
    ranges: tuple[tuple[str, int, int], ...]  # space, first I/O virtual address, length

    @property
    def spaces(self) -> list[str]:
        """The address spaces in use, in the order of their first device."""
        return list(dict.fromkeys(device.space for device in self.devices))


def read_description(name: str, text: str) -> Naive:
    """The facts of a description in the form that descriptions.py writes."""
    devices = tuple(Assigned(found[1], found[2], found[3] or "gpa")
                    for found in DEVICE.finditer(text))
    ranges = [("gpa", parsed_number(start), parsed_number(size))
              for start, size in MEMORY.findall(text)]
    for space, windows in SPACE.findall(text):
        ranges += [(space, parsed_number(start), parsed_number(size))
                   for start, size in WINDOW.findall(windows)]
    used = {device.space for device in devices}
    return Naive(name, devices, tuple(piece for piece in ranges if piece[0] in used))


def description_calls(naive: Naive, target: str, are_tables_late: bool) -> list[str]:
    """Everything that is called for one description, and for each device alone.

    Tables that the kernel completes at the first attach take no map if they are made before.
    """
    attaches = iommufd_calls(naive, are_tables_late) if target == "iommufd" else type1_calls(naive)
    return [f"case {naive.name} {target}", "vm", *attaches, *map_calls(naive)]


def iommufd_calls(naive: Naive, are_tables_late: bool) -> list[str]:
    """Tables of their own to ask about, then the devices' tables; mates go to the first one's."""
    addresses = [device.address for device in naive.devices]
    lines = [f"device {address}" for address in addresses]
    for address in addresses:
        lines += [f"add {address}", f"remove {address}"]
    lines += ["iommufd", *(f"bind {address}" for address in addresses)]
    for address in addresses:
        alone = f"alone.{address}"
        lines += [f"space {alone}", f"table {alone}.table {address} {alone}", f"enforced {alone}"]
    lines += [f"space {space}" for space in naive.spaces]
    first: dict[tuple[str, str], str] = {}
    for device in naive.devices:
        table = first.setdefault((device.group, device.space), f"{device.space}.{device.address}")
        if are_tables_late:
            table = device.space
        elif table.endswith(device.address):
            lines.append(f"table {table} {device.address} {device.space}")
        lines.append(f"attach {device.address} {table}")
    return lines


def type1_calls(naive: Naive) -> list[str]:
    """A container for each group to ask about, then one for each address space.

    KVM is told inside: 6.1 takes a group without a container for a coherent one.
    """
    groups = list(dict.fromkeys(device.group for device in naive.devices))
    lines = [f"group {group}" for group in groups]
    for group in groups:
        alone = f"alone.{group}"
        lines += [f"container {alone}", f"join {group} {alone}", f"type1 {alone}",
                  f"enforced {alone}", f"add {group}", f"remove {group}", f"leave {group}"]
    for space in naive.spaces:
        lines.append(f"container {space}")
        joining = dict.fromkeys(device.group for device in naive.devices if device.space == space)
        for position, group in enumerate(joining):
            lines.append(f"join {group} {space}")
            lines += [f"type1 {space}"] if position == 0 else []
    return lines


def map_calls(naive: Naive) -> list[str]:
    """The memory of the spaces, or the last page of what is too large."""
    lines = []
    for space, start, length in naive.ranges:
        if length > MOST_BYTES:
            start, length = start + length - PAGE, PAGE
        lines.append(f"map {space} {start:#x} {length}")
    return lines


@dataclass(frozen=True)
class Answer:
    """One call and what the kernel said."""

    words: tuple[str, ...]
    result: str
    remark: str

    @property
    def text(self) -> str:
        """As byhand printed it."""
        return f"{' '.join(self.words)} = {self.result} {self.remark}".rstrip()


def read_answers(text: str) -> dict[str, list[Answer]]:
    """The answers of every case, by its words."""
    cases: dict[str, list[Answer]] = {}
    current: list[Answer] = []
    for line in text.splitlines():
        call, _, rest = line.partition(" = ")
        if not rest:
            continue
        words, (result, *remark) = tuple(call.split()), rest.split()
        if words[0] == "case":
            current = cases.setdefault(" ".join(words[1:]), [])
        else:
            current.append(Answer(words, result, " ".join(remark)))
    return cases
