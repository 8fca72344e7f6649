"""Scenarios `drivers`, `plans`: plans are accepted, refusals foreseen, KVM is told the truth."""

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import compiler, descriptions, examples
from .scenario import Bench, Scenario, Verdict


@dataclass
class Attempt:
    """What became of one description on one target."""

    name: str
    target: str
    status: int
    milliseconds: int
    registered: int
    unregistered: int
    view: int  # what KVM expected with the whole plan in force; -1 if no file was taken from it
    codes: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Expectation:
    """What compiling outside the machine says."""

    codes: list[str]
    incoherent_dma: bool | None


class Plans(Scenario):
    """Examples and generated descriptions, applied with --check."""

    def __init__(self, name: str, law: str, share: float, with_examples: bool,
                 needs_host_drivers: bool):
        self.name = name
        self.law = law
        self.share = share
        self.with_examples = with_examples
        self.needs_host_drivers = needs_host_drivers

    def cases(self, bench: Bench) -> list[tuple[str, str, str]]:
        """Name, target and text of every case."""
        cases = []
        if self.with_examples:
            for name, text in examples.examples_on_lab(bench.examples, bench.machine):
                cases += [(name, target, text) for target in bench.targets]
        count = max(1, round(bench.count * self.share))
        seed = bench.seed if self.with_examples else bench.seed + 1
        for index, (name, text) in enumerate(descriptions.generate_descriptions(count, seed)):
            cases.append((name, bench.targets[index % len(bench.targets)], text))
        return cases

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The descriptions and the list of what to try."""
        files, lines = {}, []
        for name, target, text in self.cases(bench):
            files[f"vms/{name}.yaml"] = text.encode()
            lines.append(f"{name} {target} /scenario/{self.name}/vms/{name}.yaml\n")
        files["list"] = "".join(lines).encode()
        files["run.sh"] = f"tryplans /scenario/{self.name}/list /tmp/host.yaml\n".encode()
        return files

    def seconds(self, bench: Bench) -> float:
        """Two seconds each, at the worst."""
        return 30 + 2 * len(self.cases(bench))

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """Compares each case with what the compiler says outside."""
        cases = self.cases(bench)
        attempts = {(attempt.name, attempt.target): attempt for attempt in parse_attempts(text)}
        expectations = compile_cases(bench, cases, host)
        verdicts = []
        for name, target, _ in cases:
            attempt, expected = attempts.get((name, target)), expectations[name, target]
            what = f"{name} on {target}"
            if attempt is None:
                verdicts.append(Verdict(False, f"{what} was not tried"))
            else:
                verdicts.append(judge_attempt(what, attempt, expected))
        verdicts.append(self.time(list(attempts.values())))
        if self.with_examples:
            verdicts += judge_coherency(bench, attempts, expectations)
        return verdicts

    def time(self, attempts: list[Attempt]) -> Verdict:
        """How long an apply takes in there."""
        times = sorted(attempt.milliseconds for attempt in attempts) or [0]
        return Verdict(bool(attempts), f"{len(attempts)} tried, median {times[len(times) // 2]} ms, "
                                       f"at most {times[-1]} ms")


PLANS = Plans("plans", "every plan is accepted, every refusal foreseen, KVM told the truth", 1,
              True, False)
DRIVERS = Plans("drivers", "the same, with devices taken from the host's drivers and given back",
                0.1, False, True)


def parse_attempts(text: str) -> list[Attempt]:
    """Reads what tryplans printed."""
    attempts: list[Attempt] = []
    for line in text.splitlines():
        found = re.match(
            r"plan (\S+) (\S+) (\d+) (\d+) registered=(-?\d+) unregistered=(-?\d+)"
            r" view=(-?\d+)", line)
        if found:
            name, target, *numbers = found.groups()
            attempts.append(Attempt(name, target, *map(int, numbers)))
        elif attempts and line.startswith("  code "):
            attempts[-1].codes.append(line.removeprefix("  code "))
        elif attempts and line.startswith("  say "):
            attempts[-1].said.append(line.removeprefix("  say "))
        elif attempts and line[:4] in ("  - ", "  + "):
            attempts[-1].differences.append(line.strip())
    return attempts


def judge_attempt(what: str, attempt: Attempt, expected: Expectation) -> Verdict:
    """The verdict about one attempt."""
    if attempt.differences:
        return Verdict(False, f"{what} left something behind", tuple(attempt.differences))
    if not expected.codes:
        if attempt.status == 0:
            return Verdict(True, f"{what} was applied")
        return Verdict(False, f"{what} was not applied: status {attempt.status}",
                       tuple(attempt.said or attempt.codes))
    if attempt.status in (1, 69) and attempt.codes == expected.codes:
        return Verdict(True, f"{what} was refused: {' '.join(expected.codes)}")
    return Verdict(False, f"{what} should be refused with {' '.join(expected.codes)}: status "
                          f"{attempt.status}", tuple(attempt.said or attempt.codes))


def judge_coherency(bench: Bench, attempts, expectations) -> list[Verdict]:
    """KVM expects non-coherent DMA under the whole plan iff the plan says so, and not afterwards.

    It looks when a file is given to it or taken away. Up to 6.1 it asks the container then, so that
    it may change its mind while a plan is undone.
    """
    seen = {True: 0, False: 0}
    wrong = []
    for key, attempt in attempts.items():
        wanted = expectations[key].incoherent_dma
        if attempt.status != 0 or wanted is None:
            continue
        if attempt.registered < 0:
            return [Verdict(None, "KVM's view can't be counted: this kernel has no kprobes")]
        seen[wanted] += 1
        is_expecting = attempt.view > 0 if attempt.view >= 0 else attempt.registered > 0
        if is_expecting != wanted or attempt.registered != attempt.unregistered:
            wrong.append(f"{key[0]} on {key[1]}: planned {wanted}, registered {attempt.registered},"
                         f" unregistered {attempt.unregistered}, in force {attempt.view}")
    what = f"KVM's view of {seen[True]} non-coherent and {seen[False]} coherent plans"
    return [Verdict(not wrong and sum(seen.values()) > 0, what, tuple(wrong))] if sum(
        seen.values()) else [Verdict(None, "no plan was applied, KVM was told nothing")]


def compile_cases(bench: Bench, cases, host: str) -> dict[tuple[str, str], Expectation]:
    """Compiles every case outside the machine, for the host that the guest says it is."""
    with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
        folder = Path(scratch)
        (folder / "host.yaml").write_text(host)
        for name, _, text in cases:
            (folder / f"{name}.yaml").write_text(text)
        with ThreadPoolExecutor(2) as pool:
            keys = [(name, target) for name, target, _ in cases]
            return dict(zip(keys, pool.map(lambda key: compile_case(bench, folder, *key), keys)))


def compile_case(bench: Bench, folder: Path, name: str, target: str) -> Expectation:
    """What the compiler says of one case."""
    errors, plan = compiler.compile_outside(
        bench.program, folder / f"{name}.yaml", folder / "host.yaml", target)
    codes = [finding["code"] for finding in errors]
    return Expectation(codes, plan["kvm"]["incoherentDMA"] if plan else None)
