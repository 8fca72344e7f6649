"""Scenario `speed`: as fast as C by hand, and memory is mapped once whatever the page tables."""

import re
from statistics import median

from . import sections, trace
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict

MEBIBYTES = 512
ROUNDS = 3
DEVICES = ["0000:00:03.0", "0000:00:05.0"]
# One that can't be enforced next to one that can: one page table or two, as the objective says.
MIXED_DEVICES = ["0000:00:03.0", "0000:00:04.0"]
DESCRIPTION = """\
apiVersion: vfioplan/v1
kind: VM
name: speed
objective: {objective}
memory: [ {{ gpa: 0x0, size: {size}MiB }} ]
devices:
"""
MOST_TO_C = 1.1
MOST_TO_ONE = 1.2
APPLY = "vfioplan apply --check /scenario/speed/{} --host /tmp/host.yaml --target {}"


class Speed(Scenario):
    """Two commands in turn, three times each; and the calls that each of them makes."""

    name = "speed"
    law = (f"a check of {MEBIBYTES} MiB takes at most {MOST_TO_C} times a C program that makes the"
           f" same calls, and with two page tables at most {MOST_TO_ONE} times one")

    is_alone = True
    most_seconds = 240

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """C once for each kernel, tables where devices differ on the newest."""
        return kernel.is_thorough and (
            machine.name == "intel-snoop" or (kernel.is_mixed and kernel.is_newest))

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The descriptions, and for each target the two commands."""
        devices = MIXED_DEVICES if bench.machine.is_mixed else DEVICES
        files = {f"{name}.yaml": description(objective, devices) for name, objective in
                 (("one", "page-tables"), ("two", "coherency"))}
        files["run.sh"] = sections.guest_script(self.name)
        target = bench.targets[0]
        files[f"{target}.race"] = "".join(
            f"{command}\n" for command in self.commands(bench, target)).encode()
        return files | {"targets": f"{target}\n".encode()}

    def commands(self, bench: Bench, target: str) -> list[str]:
        """What races: the first may take a little longer than the second."""
        if bench.machine.is_mixed:
            return [APPLY.format("two.yaml", target), APPLY.format("one.yaml", target)]
        is_by_file = target == "iommufd" and bench.kernel.is_newest
        return [APPLY.format("one.yaml", target),
                f"twin {target}{'-file' if is_by_file else ''} {MEBIBYTES} {' '.join(DEVICES)}"]

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """The ratios, and whether the calls are the same."""
        verdicts = []
        for part in sections.grouped_sections(sections.read_sections(text), "race"):
            target = part["race"].words[1]
            calls = [trace.read_trace(part[name].lines).calls for name in ("first", "second")]
            if bench.machine.is_mixed:
                verdicts.append(judge_tables(target, *calls))
            else:
                verdicts.append(judge_calls(target, *calls))
            verdicts.append(judge_race(target, part["race"].lines, bench.machine.is_mixed))
        return verdicts or [Verdict(False, "nothing was timed")]


def description(objective: str, devices: list[str]) -> bytes:
    """A VM with some memory and a few devices."""
    text = DESCRIPTION.format(objective=objective, size=MEBIBYTES)
    text += "".join(f'  - {{ name: d{index}, address: "{address}", noSnoop: allowed }}\n'
                    for index, address in enumerate(devices))
    return text.encode()


def judge_race(target: str, lines: tuple[str, ...], is_mixed: bool) -> Verdict:
    """Medians, the median of each round's ratio, and its limit.

    The ratio of the shortest runs may keep the limit instead: whatever else runs on the machine only
    makes a run longer.
    """
    times: dict[str, list[int]] = {"1": [], "2": []}
    for line in lines:
        found = re.fullmatch(r"took (\d) (\d+)", line)
        if found:
            times[found[1]].append(int(found[2]))
    if any(len(taken) != ROUNDS for taken in times.values()):
        return Verdict(False, f"{target}: not every run succeeded", lines)
    first, second = (median(taken) / 1000 for taken in times.values())
    ratio = median(one / other for one, other in zip(*times.values()))
    shortest = min(times["1"]) / min(times["2"])
    most, other = (MOST_TO_ONE, "one page table") if is_mixed else (MOST_TO_C, "C")
    return Verdict(min(ratio, shortest) <= most,
                   f"{target}: {first:.0f} ms to {second:.0f} ms of {other}, "
                   f"{ratio:.2f} times (shortest runs {shortest:.2f}), at most {most}")


def described_call(call: trace.Call) -> str:
    """A call without what differs from run to run."""
    request = f" {call.arguments[1]:#x}" if call.name == "ioctl" else ""
    return f"{call.name} {call.path or 'memory'}{request}"


def judge_calls(target: str, ours: tuple[trace.Call, ...],
                theirs: tuple[trace.Call, ...]) -> Verdict:
    """The same calls in the same order."""
    one, other = ([described_call(call) for call in calls] for calls in (ours, theirs))
    differing = next((index for index, pair in enumerate(zip(one, other)) if pair[0] != pair[1]),
                     min(len(one), len(other)))
    details = () if one == other else (
        f"call {differing + 1}: {one[differing:differing + 1]}, C has "
        f"{other[differing:differing + 1]}",)
    return Verdict(bool(one) and one == other, f"{target}: {len(one)} calls, C makes {len(other)}",
                   details)


def judge_tables(target: str, two: tuple[trace.Call, ...], one: tuple[trace.Call, ...]) -> Verdict:
    """Memory is mapped by one call, with two page tables as with one."""
    maps = {0x3b85, 0x3b8f, 0x3b71}
    counts = [sum(call.name == "ioctl" and call.arguments[1] in maps for call in calls)
              for calls in (two, one)]
    return Verdict(counts == [1, 1], f"{target}: memory is mapped {counts[0]} times for two page "
                                     f"tables, {counts[1]} times for one")
