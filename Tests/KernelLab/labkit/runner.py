"""Boots the machines and runs every scenario that fits."""

import re
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import machines, scenarios
from .scenario import Bench, Scenario, Verdict

SCENARIO_BEGIN = "lab: scenario {} begin\n"
MOST_BOOTS = 12  # to make one machine's failures small


@dataclass(frozen=True)
class Outcome:
    """What one scenario showed on one bench."""

    bench: Bench
    scenario: str
    verdicts: list[Verdict]
    seconds: float

    def count(self, is_good: bool | None) -> int:
        """How many verdicts of a kind there are."""
        return sum(verdict.is_good is is_good for verdict in self.verdicts)


def time_limit(bench: Bench, wanted: list[Scenario]) -> float:
    """A generous time limit for a machine, in seconds."""
    return 60 + sum(scenario.seconds(bench) for scenario in wanted)


def run_bench(bench: Bench, wanted: list[Scenario], busybox: Path, keep: Path | None,
              say) -> list[Outcome]:
    """One boot, and another try if the kernel crashed or did not get as far as its scenarios."""
    with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
        work = keep / bench.label.replace(" ", "-") if keep else Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        image = work / "initramfs"
        image.write_bytes(scenarios.pack_initramfs(bench, busybox, wanted))
        most = time_limit(bench, wanted)
        boot = machines.boot_machine(bench.machine, bench.kernel, image, work, most)
        if is_crashed(boot, most):
            say(f"{bench.label}: the machine crashed or did not come up, trying again")
            say(*boot.console.splitlines()[-40:])
            boot = machines.boot_machine(bench.machine, bench.kernel, image, work, most)
    say(f"{bench.label}: {boot.seconds:.0f} s")
    for scenario in wanted:
        shrink_failure(bench, scenario, boot, busybox, say)
    return judge_boot(bench, wanted, boot)


def is_crashed(boot: machines.Boot, limit: float) -> bool:
    """Whether a machine ended by itself too early, or showed nothing in all of its time."""
    return not boot.is_complete and (boot.seconds < limit or "lab: host end" not in boot.results)


def shrink_failure(bench: Bench, scenario: Scenario, boot: machines.Boot, busybox: Path, say):
    """Boots again for less, as long as a scenario that failed wants to know how little it takes."""
    for _ in range(MOST_BOOTS):
        part = scenario_output(scenario, boot)
        try:
            scenario = scenario.smaller(bench, *part, say) if part else None
        except Exception:  # what can't be judged is said where the scenario is judged
            return
        if scenario is None:
            return
        with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
            image = Path(scratch) / "initramfs"
            image.write_bytes(scenarios.pack_initramfs(bench, busybox, [scenario]))
            boot = machines.boot_machine(bench.machine, bench.kernel, image, Path(scratch),
                                         time_limit(bench, [scenario]))


def scenario_output(scenario: Scenario, boot: machines.Boot) -> tuple[str, str] | None:
    """What a scenario printed, and the host as it found it."""
    hosts = re.findall(r"lab: host begin\n(.*?)lab: host end\n", boot.results, re.DOTALL)
    found = re.search(re.escape(SCENARIO_BEGIN.format(scenario.name)) + r"(.*?)lab: scenario "
                      + scenario.name + r" end ", boot.results, re.DOTALL)
    return (found[1], hosts[-1]) if found and hosts else None


def judge_boot(bench: Bench, wanted: list[Scenario], boot: machines.Boot) -> list[Outcome]:
    """Cuts the results into scenarios and lets each judge its part."""
    hosts = re.findall(r"lab: host begin\n(.*?)lab: host end\n", boot.results, re.DOTALL)
    outcomes = []
    for scenario in wanted:
        found = re.search(
            re.escape(SCENARIO_BEGIN.format(scenario.name)) + r"(.*?)lab: scenario " + scenario.name
            + r" end (\d+) (\S+) (\S+)\n", boot.results, re.DOTALL)
        if not found or not hosts:
            detail = tuple(boot.console.splitlines()[-12:])
            outcomes.append(Outcome(bench, scenario.name, [
                Verdict(False, "the machine ended before the scenario did", detail)], 0))
            continue
        text, status, start, end = found.groups()
        host = hosts[0 if scenario.needs_host_drivers else -1]
        try:
            verdicts = scenario.judge(bench, text, host)
        except Exception:  # output that nobody foresaw must not hide what the others have shown
            verdicts = [Verdict(False, "its output can't be judged",
                                tuple(traceback.format_exc().splitlines()[-6:]))]
        if status != "0":
            verdicts.append(Verdict(False, f"its script ended with status {status}"))
        outcomes.append(Outcome(bench, scenario.name, verdicts, float(end) - float(start)))
    return outcomes


def run_timed_bench(bench: Bench, wanted: list[Scenario], busybox: Path, keep: Path | None,
                    say) -> list[Outcome]:
    """What measures time; once more if a limit was not kept, because the machine may be busy."""
    outcomes = run_bench(bench, wanted, busybox, keep, say)
    if any(outcome.count(False) for outcome in outcomes):
        for outcome in outcomes:
            say(*(verdict.what for verdict in outcome.verdicts if verdict.is_good is False))
        say(f"{bench.label}: that was over a limit, trying again")
        outcomes = run_bench(bench, wanted, busybox, keep, say)
    return outcomes


def run_benches(work: list[tuple[Bench, list[Scenario]]], busybox: Path, jobs: int,
                keep: Path | None, say):
    """Every bench, a few at a time, then one by one what measures time; outcomes in that order."""
    for width, alone, one in ((jobs, False, run_bench), (1, True, run_timed_bench)):
        parts = [(bench, [scenario for scenario in wanted if scenario.is_alone == alone])
                 for bench, wanted in work]
        with ThreadPoolExecutor(width) as pool:
            yield from pool.map(lambda part: one(*part, busybox, keep, say),
                                [part for part in parts if part[1]])
