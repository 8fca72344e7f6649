"""Scenario `conform`: generated programs of raw calls on the kernel and on the simulator."""

import base64
import functools
import gzip
import re
import subprocess
from dataclasses import dataclass, field

from . import conform_generator
from .conform_exceptions import EXCEPTIONS, SPOILERS, Allowed, Spoiler
from .conform_fixtures import recorded_host, recorded_programs
from .conform_pairs import OTHER_FILE_ERRNOS, known_pairs
from .conform_releases import has_request
from .releases import Release
from .scenario import Bench, Scenario, Verdict

PER_COUNT = 8  # programs for each generated description
AT_A_TIME = 1000  # programs whose answers leave the machine together
UNLISTED = "an answer in no list"  # of conform_pairs
MOST_SHRUNK = 6  # disagreements that are made small at a time
REQUEST = re.compile(r"ioctl \S+ (0x[0-9a-f]+):(\w+)")


@dataclass(frozen=True)
class Disagreement:
    """The first step of a program that kernel and simulator answer differently."""

    program: tuple[str, ...]  # up to that step
    kernel: str
    simulator: str

    @property
    def kind(self) -> tuple:
        """What makes disagreements alike."""
        request = REQUEST.search(self.program[-1])
        return (request[2] if request else self.program[-1].split()[0],
                self.kernel.split()[:1], self.simulator.split()[:1])

    @property
    def lines(self) -> list[str]:
        """The program and both answers."""
        return [*self.program, f"kernel:    {self.kernel}", f"simulator: {self.simulator}"]


@dataclass
class Conform(Scenario):
    """Programs, generated unless they are given."""

    given: dict[str, list[str]] = field(default_factory=dict)
    parents: dict[str, Disagreement] = field(default_factory=dict)  # what is to be made smaller
    name = "conform"
    law = ("every step of a generated program of calls, valid or not, is answered by the simulator"
           " as by the kernel, and so is what is left afterwards")

    def programs(self, bench: Bench) -> dict[str, list[str]]:
        """What is run."""
        if self.given:
            return self.given
        return ({name: list(one.steps) for name, one in recorded_programs(bench.label).items()}
                | generated_programs(bench))

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The programs, in files."""
        programs = list(self.programs(bench).items())
        parts = [dict(programs[start:start + AT_A_TIME])
                 for start in range(0, len(programs), AT_A_TIME)]
        return {"run.sh": GUEST_SCRIPT} | {
            f"programs{number}": programs_text(part).encode() for number, part in enumerate(parts)}

    def seconds(self, bench: Bench) -> float:
        """A generous time limit."""
        return 120 + (len(self.given) or bench.count * PER_COUNT)

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for all programs that agree, one for each that does not, and coverage."""
        programs = self.programs(bench)
        found = self.disagreements(bench, text, host)
        good = len(programs) - len(found)
        kernel = answers_by_program(unpacked_output(text))
        pairs = covered_pairs(programs, kernel)
        there = known_pairs(bench.kernel)
        missing = [f"{name} {errno}" for name, errno in sorted(there - pairs)]
        unknown = [f"{UNLISTED}: {name} {errno}" for name, errno in sorted(pairs - there)
                   if errno not in OTHER_FILE_ERRNOS and has_request(bench.kernel, name)]
        left_out = 0 if self.given else \
            bench.count * PER_COUNT + len(recorded_programs(bench.label)) - len(programs)
        verdicts = [Verdict(False, f"{name}: {one.program[-1]}", tuple(one.lines))
                    for name, one in found.items()]
        verdicts += [Verdict(kernel.get(name) == list(one.answers),
                             f"{name} is answered as it was recorded")
                     for name, one in recorded_programs(bench.label).items() if not self.given]
        verdicts.append(Verdict(
            "  - " not in text and "  + " not in text, "nothing is left on the machine",
            tuple(line for line in text.splitlines() if line.startswith("  "))))
        return [*verdicts, Verdict(
            good > 0, f"{good} of {len(programs)} programs agree, {left_out} not tried, "
            f"seed {bench.seed}; {len(there & pairs)} of {len(there)} pairs of request and answer",
            (*missing, *unknown))]

    def disagreements(self, bench: Bench, text: str, host: str) -> dict[str, Disagreement]:
        """The programs that are answered differently."""
        programs = self.programs(bench)
        kernel, simulator = map(answers_by_program, (
            unpacked_output(text), run_simulator(bench, programs, host)))
        found = {}
        for name, steps in programs.items():
            one = first_disagreement(
                bench.kernel.release, steps, kernel.get(name, []), simulator.get(name, []))
            if one:
                found[name] = one
        return found

    def smaller(self, bench: Bench, text: str, host: str, say) -> "Conform | None":
        """Programs with some steps less of what disagrees; none if there is nothing to try.

        Says what can't be made smaller.
        """
        found = self.disagreements(bench, text, host)
        chosen: dict[str, Disagreement] = {}
        for name, one in sorted(found.items(), key=lambda pair: len(pair[1].program)):
            chosen.setdefault(name.partition("~")[0] if self.given else str(one.kind), one)
        if not self.given:
            chosen = {f"d{index}": one for index, one in enumerate(list(chosen.values()))}
        given = {}
        for key, one in list(chosen.items())[:MOST_SHRUNK]:
            for place, steps in enumerate(shortened_programs(list(one.program))):
                given[f"{key}~{place}"] = steps
        given = harmless_programs(bench, given)
        tried = {name.partition("~")[0] for name in given}
        for key in sorted(self.parents.keys() - tried):
            say(f"{bench.label}: disagrees, and cannot be smaller:",
                *chosen.get(key, self.parents[key]).lines)
        return Conform(given, {key: chosen[key] for key in tried}) if given else None


@functools.lru_cache(maxsize=3)  # as many as there are machines at a time
def generated_programs(bench: Bench) -> dict[str, list[str]]:
    """Programs, made up once."""
    return harmless_programs(bench, conform_generator.generate_programs(
        f"{bench.seed} {bench.label}", bench.count * PER_COUNT, bench.kernel))


def harmless_programs(bench: Bench, programs: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without those by which the kernel loses something for good."""
    spoilers = [one for one in SPOILERS if one.since <= bench.kernel.release < one.before]
    expected = answers_by_program(
        run_simulator(bench, programs, recorded_host(bench))) if spoilers else {}
    return {name: steps for name, steps in programs.items()
            if not any(spoils(one, steps, expected[name]) for one in spoilers)}


def spoils(one: Spoiler, steps: list[str], expected: list[str]) -> bool:
    """Whether a program has such a step, and what the simulator says at its end is as it has to."""
    return (any(re.search(one.step, step) for step in steps)
            and bool(expected and re.fullmatch(one.end, expected[-1])))


# A serial port takes longer for a byte than the kernel for a call, so answers are packed.
GUEST_SCRIPT = b"""echo 0 > /proc/sys/kernel/randomize_va_space
state save /tmp/conform-before
for programs in /scenario/conform/programs*; do
  conform $programs > /tmp/conform-answers || echo "  + conform ended with $?"
  echo "answers begin"; gzip -1c /tmp/conform-answers | base64; echo "answers end"
done
rm /tmp/conform-answers
state same /tmp/conform-before
"""


def programs_text(programs: dict[str, list[str]]) -> str:
    """Programs as a file."""
    return "".join(f"program {name}\n" + "".join(f"{step}\n" for step in steps)
                   for name, steps in programs.items())


def unpacked_output(text: str) -> str:
    """What the programs printed, of what the machine did."""
    return "".join(gzip.decompress(base64.b64decode(part)).decode()
                   for part in re.findall("answers begin\n(.*?)answers end\n", text, re.DOTALL))


def answers_by_program(text: str) -> dict[str, list[str]]:
    """What was said of every step of every program."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("program "):
            current = found.setdefault(line.split()[1], [])
        elif not line.startswith("  "):
            current.append(line)
    return found


def run_simulator(bench: Bench, programs: dict[str, list[str]], host: str) -> str:
    """What the simulator says."""
    return subprocess.run(
        [bench.program.parent / "Conform"], input=host + programs_text(programs), text=True,
        capture_output=True, check=True).stdout


def first_disagreement(release: Release, steps: list[str], kernel: list[str],
                       simulator: list[str]) -> Disagreement | None:
    """The first step whose answers differ without a reason."""
    for index in range(max(len(steps), len(kernel), len(simulator))):
        ours = simulator[index] if index < len(simulator) else "nothing"
        theirs = kernel[index] if index < len(kernel) else "nothing"
        if index >= len(steps):
            if ours != theirs:
                return Disagreement((*steps, "the end"), theirs, ours)
        elif ours != theirs:
            reason = allowed_difference(release, steps[index], theirs, ours)
            if reason is None:
                return Disagreement(tuple(steps[:index + 1]), theirs, ours)
            if reason.is_end:
                return None
    return None


def allowed_difference(release: Release, step: str, kernel: str, simulator: str) -> Allowed | None:
    """The reason for a difference, if one is written down."""
    return next((one for one in EXCEPTIONS if one.since <= release < one.before
                 and re.search(one.step, step) and re.fullmatch(one.kernel, kernel)
                 and re.fullmatch(one.simulator, simulator)), None)


def shortened_programs(steps: list[str]) -> list[list[str]]:
    """Every program with some steps less, the last one kept."""
    found = []
    width = max(1, (len(steps) - 1) // 2)
    while width >= 1:
        found += [steps[:start] + steps[start + width:]
                  for start in range(0, len(steps) - width, max(1, width // 2))]
        width = 0 if width == 1 else max(1, width // 2)
    return found


def covered_pairs(programs: dict[str, list[str]], kernel: dict[str, list[str]]) -> set:
    """Which answers each request was seen to give."""
    pairs = set()
    for name, steps in programs.items():
        for step, answer in zip(steps, kernel.get(name, [])):
            request = REQUEST.search(step)
            if request and answer:
                word = answer.split()[0]
                pairs.add((request[2], word if word.startswith("E") else "0"))
    return pairs
