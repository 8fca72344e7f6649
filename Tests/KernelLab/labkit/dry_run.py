"""Scenario `dryrun`: what is announced is what is done, seen from outside the program."""

import json
import re

from . import examples, sections, steps, trace, uapi
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict
from .sections import Section

# A refusal, before anything is touched.
REFUSED_STATUSES = {"1", "69"}


class DryRun(Scenario):
    """Every example on every target: a dry run's steps, and the calls that a check makes."""

    name = "dryrun"
    law = ("the calls of apply --check are the steps of --dry-run, byte by byte, then their undo in"
           " reverse order, and nothing else")

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where plans are applied, and where they have two page tables."""
        return machine.is_mixed or (machine.name == "intel-snoop" and kernel.is_thorough)

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The examples, for the lab's devices."""
        files = {"run.sh": sections.guest_script(self.name),
                 "targets": "".join(f"{name}\n" for name in bench.targets).encode()}
        for name, text in examples.examples_on_lab(bench.examples, bench.machine):
            files[f"vms/{name}.yaml"] = text.encode()
        return files

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each example and target."""
        interface = uapi.read_interface(uapi.headers_of(bench.kernel.image))
        cases = sections.grouped_sections(sections.read_sections(text), "case")
        verdicts = [judge_example(case, interface) for case in cases]
        if not any(verdict.is_good and "steps" in verdict.what for verdict in verdicts):
            verdicts.append(Verdict(False, "no example was applied"))
        return verdicts


def judge_example(case: dict[str, Section], interface: uapi.Interface) -> Verdict:
    """One example on one target."""
    vm, target = case["case"].words[1:]
    label = f"{target} {vm.removeprefix('vms/').removesuffix('.yaml')}"
    log = trace.read_trace(case["log"].lines)
    status = case["plan"].words[1]
    if status in REFUSED_STATUSES:
        is_good = not log.calls and case["check"].words[1] == status
        return Verdict(is_good, f"{label}: refused, nothing was touched" if is_good else
                       f"{label}: the dry run was refused ({status}), but the check was not",
                       case["check"].lines)
    if status != "0":
        return Verdict(False, f"{label}: the dry run ended with {status}", case["plan"].lines)
    plan = json.loads(case["plan"].text)
    problem = steps.Match(plan["steps"], log, interface, device_nodes(case["case"])).problem()
    problem = problem or ("left behind" if case["same"].lines else None)
    if problem:
        return Verdict(False, f"{label}: {problem}", case["check"].lines + case["same"].lines)
    return Verdict(True, f"{label}: {len(plan['steps'])} steps, {len(log.calls)} calls")


def device_nodes(section: Section) -> dict[str, str]:
    """Which node each device on a VFIO driver has."""
    return dict(re.findall(r"/devices/([0-9a-f:.]+)/vfio-dev/(vfio\d+)", section.text))
