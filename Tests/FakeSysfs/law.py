"""Laws: functions that are named after what they check, tried one after the other."""

import re
import subprocess
import traceback

from world import AS_BEFORE, JOURNALS

LAWS = []
# Every status of the contract that is not a command's own (docs/apply.md, `ExitCode`).
DOCUMENTED = {0, 1, 2, 64, 66, 69, 71, 73, 74, 77, 126, 127}


def law(function):
    """Adds a law; its argument is a world in which nothing has happened yet."""
    LAWS.append(function)
    return function


def hold(world, only=""):
    """Tries every law whose name contains a text; the names of those that do not hold."""
    failed = []
    for function in LAWS:
        if only not in function.__name__:
            continue
        world.renew()
        try:
            function(world)
            reason = None
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
            where = traceback.extract_tb(error.__traceback__)[1]
            reason = str(error) or f"line {where.lineno}: {where.line}"
        world.end_strangers()
        print(f"{'ok  ' if reason is None else 'FAIL'} {function.__name__}"
              + (f": {reason}" if reason else ""), flush=True)
        if reason:
            failed.append(function.__name__)
    return failed


# What laws say of a world.

def as_before(world, **changed):
    """Every device has the driver and the override it had at first; no journal is left."""
    untouched(world, **changed)
    assert not world.journals(), f"left in {JOURNALS}: {[path.name for path in world.journals()]}"


def untouched(world, **changed):
    """Every device has the driver and the override it had at first."""
    wanted = {**AS_BEFORE, **changed}
    found = world.devices()
    assert found == {address: list(wanted[address]) for address in found}, f"devices are {found}"


def nothing_written(world):
    """No attribute of sysfs was written to."""
    assert not world.state()["writes"], f"written: {world.state()['writes']}"
    untouched(world)


def unwrapped(text):
    """A text with each finding on one line again, however wide the screen was."""
    return re.sub(r"\n +", " ", text)


def ended(run, *statuses, saying=()):
    """A run ended with one of some statuses, and said some words."""
    assert run.status in statuses, f"status {run.status} in place of {statuses}: {run.all.strip()}"
    said = run.all + unwrapped(run.all)
    for word in [saying] if isinstance(saying, str) else saying:
        assert word in said, f"'{word}' is not in: {run.all.strip()}"
