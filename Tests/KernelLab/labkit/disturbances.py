"""Scenarios `signals`, `faults`, `injection`: whatever ends a run, nothing is left behind.

Every place is tried in a full run, else one in so many.
"""

import re
from collections import Counter

from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict

# One device from a driver of the host, one without a driver that some machines can't enforce: two
# page tables there.
DESCRIPTION = """\
apiVersion: vfioplan/v1
kind: VM
name: disturbed
memory:
  - { gpa: 0x0, size: 1MiB }
  - { gpa: 1GiB, size: 2MiB, hugepages: 2MiB, populate: eager }
devices:
  - { name: nic, address: "0000:00:05.0" }
  - { name: test, address: "0000:00:07.0" }
"""
SETUP = """\
# What the kernel's own fault injection fails: every allocation, whether it may wait or not.
for part in failslab fail_page_alloc; do
  test -d /sys/kernel/debug/$part || continue
  echo N > /sys/kernel/debug/$part/ignore-gfp-wait
  echo 0 > /sys/kernel/debug/$part/verbose
done
test -d /sys/kernel/debug/fail_usercopy && echo 0 > /sys/kernel/debug/fail_usercopy/verbose
echo N > /sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem 2>/dev/null
"""
INTERRUPTED = {"Interrupt": 130, "Terminated": 143, "Killed": 137}


class Disturbances(Scenario):
    """One plan on every target, ended at every call in some way."""

    def __init__(self, name: str, law: str, needs_host_drivers: bool = True):
        self.name = name
        self.law = law
        self.needs_host_drivers = needs_host_drivers

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where there are two page tables on the newest, and type1 of the stock kernel, which has
        no fault injection; the other kernels only undo failures of ours."""
        if self.name == "faults" and machine.is_mixed:
            return True
        return (kernel.is_mixed and kernel.is_newest) or (
            kernel.is_chosen_stock and machine.name == "intel-snoop" and self.name != "injection")

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The plan, and one run of `disturb` for each target."""
        places = f"{bench.stride} {bench.seed % bench.stride}"
        lines = [f"disturb {self.name} /tmp/host.yaml {target} /scenario/{self.name}/vm.yaml"
                 f" {places}\n" for target in bench.targets]
        return {"vm.yaml": DESCRIPTION.encode(), "run.sh": (SETUP + "".join(lines)).encode()}

    def seconds(self, bench: Bench) -> float:
        """A generous limit."""
        return 400 * len(bench.targets)

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each target and kind of disturbance."""
        verdicts = []
        for part in re.split(r"(?m)^disturbed ", text)[1:]:
            verdicts += judge_target(part, bench.stride)
        if len(re.findall(r"(?m)^disturbed ", text)) != len(bench.targets):
            verdicts.append(Verdict(False, "not every target was tried"))
        return verdicts


SIGNALS = Disturbances("signals", "SIGINT, SIGTERM and SIGKILL at every call leave nothing behind")
FAULTS = Disturbances("faults", "a failure of every step is undone")
# On vfio-pci already, and last: other drivers and ACPI do not survive all of it (an oops of 7.3).
INJECTION = Disturbances(
    "injection", "allocations and copies that fail inside every call are undone", False)


def judge_target(part: str, stride: int) -> list[Verdict]:
    """The verdicts about one target, of which some places were tried."""
    head, _, body = part.partition("\n")
    name, target = head.split()[:2]
    if "status=0" not in head:
        return [Verdict(False, f"{target}: the plan does not run undisturbed",
                        tuple(body.splitlines()))]
    counts, wrong = Counter(), {}
    for entry in re.split(r"(?m)^trial ", body)[1:]:
        line, _, details = entry.partition("\n")
        kind, call, nth, fired, status, outcome = line.split()
        if fired == "0":
            continue
        counts[kind] += 1
        if outcome == "left" or not is_fitting(kind, int(status)):
            wrong.setdefault(kind, []).append(
                f"at {call}.{nth}: status {status}, {outcome}; " + "; ".join(details.splitlines()))
    part = f", 1 place in {stride}" if stride > 1 else ""
    verdicts = [Verdict(kind not in wrong, f"{target}: {count} of kind '{kind}'{part}",
                        tuple(wrong.get(kind, ()))) for kind, count in counts.items()]
    return verdicts or [Verdict(False, f"{target}: nothing was tried")]


def is_fitting(kind: str, status: int) -> bool:
    """Whether a status is one that a disturbance may lead to.

    The kernel copes with some failures by itself, and some hit an undo: then the run says what is
    left (74), and `restore` had to give it back.
    """
    if kind in INTERRUPTED:
        return status == INTERRUPTED[kind]
    return status == 71 if kind == "own" else status in (0, 69, 71, 74, 77)
