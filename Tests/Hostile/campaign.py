"""What is tried, and what has to be true of everything that is tried."""

import dataclasses
import typing

from law import DOCUMENTED, as_before, untouched

HELP = ("USAGE:", "OVERVIEW:")
SIGKILLED = 137


@dataclasses.dataclass
class Case:
    """One attempt; it raises AssertionError when a law is broken."""

    name: str
    attempt: typing.Callable


def documented(status, text, signals=()):
    """A status is promised, or that of a signal which was sent; no help where there is an error."""
    wanted = DOCUMENTED | {128 + one for one in signals}
    assert status in wanted, f"status {status}: {text.strip()[-300:]}"
    assert status != 0 or not any(word in text for word in HELP), "help, and status 0"


def judge(world, status, text, signals=()):
    """Nothing is lost and nothing is left: drivers are as before, or a journal leads there."""
    documented(status, text, signals)
    if world.journals():
        found = world.devices()
        again = world.run("restore")
        assert again.status == 0, (
            f"status {status}, then {again.status} of restore with {found}: "
            f"{text.strip()[-300:]} {again.all.strip()}")
    else:
        untouched(world)
    as_before(world)
    nothing_left(world)


def nothing_left(world):
    """No files and no processes."""
    found = [path.name for path in world.scratch.iterdir()]
    assert not found, f"files are left: {found}"
    assert not world.strangers(), "processes are left"
