"""Journals that nobody has written so."""

import os

from campaign import Case, documented
from law import untouched
from mutation import mutated
from signals import TAKEN
from world import AS_BEFORE, JOURNALS

COUNT = 400
ATTRIBUTES = {"bind", "unbind", "driver_override", "drivers_probe"}
NAMES = ["1.journal"] * 6 + [
    "0.journal", "-1.journal", "x.journal", ".journal", "9" * 200 + ".journal", "\x1b[2J.journal"]


def cases(world, random):
    """Changed journals of a run that was killed, given to `restore`."""
    world.killed_apply()
    path, = world.journals()
    whole = path.read_bytes()
    for number in range(COUNT):
        yield case(world, number, random.choice(NAMES), whole, mutated(whole, random))


def case(world, number, name, whole, text):
    def attempt():
        JOURNALS.mkdir(mode=0o700)
        path = JOURNALS / name
        path.write_bytes(text)
        os.chmod(path, 0o600)
        world.control(set=TAKEN)
        run = world.run("restore", seconds=10)
        try:
            documented(run.status, run.all)
            judge(world, run, path, whole, text)
        except AssertionError as error:
            raise AssertionError(f"{error}; the journal: {text}") from None
    return Case(f"journal {number} as {name}", attempt)


def judge(world, run, path, whole, text):
    """What can't be read is left with all that it may be about; the rest is given back."""
    for written, _ in world.state()["writes"]:
        attribute = written.rsplit("/", 1)[1]
        assert attribute in ATTRIBUTES, f"{written} was written to"
    bystander = list(AS_BEFORE)[2]
    if bystander.encode() not in text:
        assert world.devices()[bystander] == AS_BEFORE[bystander], "a bystander was changed"
    if run.status == 0:
        assert not path.exists(), f"status 0, and {path} stays: {run.all.strip()}"
        if whole.startswith(text) and text != whole:
            untouched(world, **TAKEN)
    else:
        assert path.exists() and path.read_bytes() == text, f"status {run.status}, journal is lost"
        # One with other devices is read, and what it says can't be done is said.
        assert run.err.strip(), "nothing is said"
