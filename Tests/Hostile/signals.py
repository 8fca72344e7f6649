"""Signals at every system call of a run, and calls that fail."""

import os
import signal
from random import Random

import stepper
from campaign import Case, judge
from law import as_before
from stepper import Point
from world import AS_BEFORE, HAND_OVER, JOURNALS, until

GENTLE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
# Failures only: that something is not there is an answer.
ERRNOS = ("EIO", "ENOSPC", "EMFILE", "EACCES", "EPERM", "ENOMEM", "EINTR", "ENODEV", "EROFS")
TAKEN = {address: ["vfio-pci", "vfio-pci"] for address in list(AS_BEFORE)[:2]}


class Kind:
    """A run that is disturbed, from the same state each time."""

    def __init__(
            self, world, name, arguments, gentle, is_after_kill=False, child=0, since=None):
        self.world, self.name, self.is_after_kill = world, name, is_after_kill
        self.child = child  # which of its children is disturbed; 0 for none
        self.since = since  # the call from which on it differs from other kinds
        self.gentle = gentle  # how many signals that are not SIGKILL are sent at each call
        self.arguments = [world.program, *map(str, arguments)]
        self.output = os.memfd_create("output")
        self.journal = None

    def first(self, numbers):
        """Where it is first disturbed; numbers of calls are those of x86-64."""
        return numbers.index(self.since) if self.since and stepper.CAN_FAIL else 0

    def prepare(self):
        """Brings the world to where the run begins; a journal is written once and then copied."""
        self.world.renew()
        if not self.is_after_kill:
            return
        if self.journal is None:
            self.world.killed_apply()
            path, = self.world.journals()
            self.journal = path.name, path.read_bytes()
            return
        JOURNALS.mkdir(mode=0o700)
        path = JOURNALS / self.journal[0]
        path.write_bytes(self.journal[1])
        path.chmod(0o600)
        self.world.control(set=TAKEN)

    def step(self, point=None, records=False):
        """Runs it to its end, disturbed at a point; what came of it and what it wrote."""
        self.prepare()
        os.ftruncate(self.output, 0)
        os.lseek(self.output, 0, os.SEEK_SET)
        trace = stepper.run(
            self.arguments, point, self.child, records=records, folder=self.world.scratch,
            stdout=self.output, stderr=self.output)
        size = os.lseek(self.output, 0, os.SEEK_CUR)
        return trace, os.pread(self.output, size, 0).decode(errors="replace")

    def disturbed(self, point):
        """A case of the campaign."""
        def attempt():
            trace, text = self.step(point)
            until(lambda: not self.world.strangers(), "the end of what it has started", 2)
            self.settle(point)
            judge(self.world, trace.status, text, point.signals)
        return Case(f"{self.name}: {point}", attempt)

    def settle(self, point):
        """Looks at what such a run may leave, and takes it away."""


class Output(Kind):
    """A compilation whose plan replaces an older file."""

    OLD = b"what was there before\n"

    def __init__(self, world):
        host = world.folder / "host.json"
        host.write_text(world.run("host", "--format", "json").out)
        super().__init__(
            world, "output", ("compile", world.vm, "--host", host, "-o", "plan.json"), 2)
        self.new = None

    def prepare(self):
        super().prepare()
        (self.world.scratch / "plan.json").write_bytes(self.OLD)

    def settle(self, point):
        """It has its old contents or all of the new ones; only SIGKILL leaves another beside it."""
        path = self.world.scratch / "plan.json"
        found = path.read_bytes()
        path.unlink()
        if self.new is None:
            self.new = found
        assert found in (self.OLD, self.new), f"{len(found)} of {len(self.new)} bytes"
        if signal.SIGKILL in point.signals:
            for other in self.world.scratch.glob(".vfioplan.*"):
                other.unlink()


def kinds(world):
    """A run of drivers alone, one that makes every call, a restore of a killed one, an output; one
    with a command, where the process that is started and the one that makes the run are two."""
    command = ("apply", world.vm, *HAND_OVER, "--", "true")
    keeper = Kind(world, "command", command, 1).step()[0].forks
    return [
        Kind(world, "apply", ("apply", world.vm, *HAND_OVER, "--check"), 1),
        Kind(world, "check", ("apply", world.vm, "--target", "iommufd", "--check"), 1,
             since=stepper.FLOCK),
        Kind(world, "restore", ("restore",), 2, is_after_kill=True),
        Output(world),
        Kind(world, "command", command, 1, since=stepper.FORK),
        Kind(world, "keeper", command, 2, child=keeper)]


def signal_cases(world, random):
    """At each call SIGKILL, which knows no difference between the end of a call and the next one's
    start, and some of the others, at one or the other. What is drawn does not depend on how many
    calls there are, which differs a little from time to time."""
    seed = random.getrandbits(32)
    for kind in kinds(world):
        numbers = undisturbed(kind)
        for call in range(kind.first(numbers), len(numbers)):
            yield kind.disturbed(Point(call, False, (signal.SIGKILL,)))
            drawn = Random(f"{seed} {kind.name} {call}")
            for one in drawn.sample(GENTLE, kind.gentle):
                yield kind.disturbed(Point(call, drawn.random() < 0.5, (one,)))


def fault_cases(world, random):
    """Each call that a system may refuse fails in one of the ways it may."""
    if not stepper.CAN_FAIL:
        return
    seed = random.getrandbits(32)
    for kind in kinds(world):
        numbers = undisturbed(kind)
        # SIGPIPE's is the first thing that is ours.
        start = 0 if kind.child else numbers.index(stepper.SIGACTION)
        for call in range(kind.first(numbers), len(numbers)):
            number = numbers[call]
            # Swift's own start gives up when it can't look at /proc/self/exe.
            if number in stepper.FALLIBLE and (number != stepper.READLINK or call > start):
                drawn = Random(f"{seed} {kind.name} {call}")
                errno = stepper.ERRNOS[drawn.choice(ERRNOS)]
                yield kind.disturbed(Point(call, errno=errno, number=number))


def undisturbed(kind):
    """The numbers of the calls of a run, which has to go well."""
    trace, text = kind.step(records=True)
    assert trace.status == 0, f"{kind.name} alone ends with {trace.status}: {text}"
    kind.settle(Point(0))
    as_before(kind.world)
    return trace.numbers
