"""What `follow` has written down of a process: the calls that matter, and how it ended."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One call; `before` and `after` are the struct an ioctl's argument points to, or the data."""

    number: int
    name: str
    arguments: tuple[int, ...]
    path: str
    result: int
    before: bytes = b""
    after: bytes = b""
    pointee: bytes = b""

    def __str__(self) -> str:
        arguments = ", ".join(hex(value) if value > 4095 else str(value)
                              for value in self.arguments)
        return f"call {self.number}, {self.name}({arguments}) on {self.path or 'memory'}"


@dataclass(frozen=True)
class Trace:
    """A process from its start to its end."""

    calls: tuple[Call, ...]
    end: tuple[str, int] | None = None  # `exited` or `signalled`, and the number
    open_at_exit: tuple[str, ...] = ()
    has_threads: bool = False


def read_trace(lines: list[str]) -> Trace:
    """Reads a log."""
    calls, end, open_at_exit, has_threads = [], None, (), False
    for entry in map(json.loads, lines):
        if "k" in entry:
            calls.append(read_call(entry))
        elif "open" in entry:
            open_at_exit = tuple(f"{number} {link}" for number, link in entry["open"].items())
        elif "end" in entry:
            end = (entry["end"], entry["number"])
        has_threads = has_threads or "thread" in entry
    return Trace(tuple(calls), end, open_at_exit, has_threads)


def read_call(entry: dict) -> Call:
    """One line of a log."""
    data = {key: bytes.fromhex(entry.get(key, "")) for key in ("in", "out", "pointee")}
    return Call(entry["k"], entry["call"], tuple(entry["args"]), entry["path"], entry["ret"],
                data["in"], data["out"], data["pointee"])
