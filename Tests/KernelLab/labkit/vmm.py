"""Scenario `vmm`: devices are handed over to a real QEMU, which makes of them what was planned."""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import compiler, sections, watch
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict
from .sections import Section
from .watch import Seen, Table

# Names and places, on host drivers of three kinds and on none: who can't be enforced on the mixed
# machine comes first, in the order of which QEMU would make something else.
DEVICES = {"nic": "0000:00:04.0", "test": "0000:00:03.0", "net": "0000:00:05.0",
           "disk": "0000:00:06.0"}
# How QEMU ends, and the status that the command gives for it.
STATUS_OF_END = {"quits": 0, "killed": 137, "broken": 1}
# Vendor and device of each.
DEVICE_IDS = [(0x8086, 0x10D3), (0x1234, 0x11E8), (0x1AF4, 0x1041), (0x1B36, 0x10)]
GUEST_BYTES = 64 << 20
# On iommufd pages are accounted as vfioplan says to it, on type1 always as locked ones.
ACCOUNTS = {"iommufd": "VmPin", "type1": "VmLck"}


@dataclass(frozen=True)
class Case:
    """One QEMU."""

    target: str
    objective: str
    end: str

    @property
    def words(self) -> tuple[str, ...]:
        """As the script has them."""
        return self.target, self.objective, self.end


def qemu_runs(bench: Bench) -> list[Case]:
    """Every end where all devices are alike; where they differ, every plan."""
    if bench.machine.is_mixed:
        return [Case("iommufd", "coherency", "quits"), Case("iommufd", "page-tables", "quits"),
                Case("type1", "coherency", "quits")]
    return [Case(target, "coherency", end) for target in bench.targets for end in STATUS_OF_END]


class VMM(Scenario):
    """`apply --hand-over` with the arguments that `compile --format qemu` gives."""

    name = "vmm"
    law = ("a QEMU that is handed the devices has them, on the page tables that were planned, tells"
           " KVM what was planned, and leaves nothing when it quits, is killed or does not start")
    needs_host_drivers = True
    uses_qemu = True
    most_seconds = 240

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where all devices are alike, and where they differ."""
        return kernel.is_newest and machine.name in ("intel-snoop", "intel-mixed")

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The descriptions and the script."""
        lines = [". /scenario/vmm/vmm.sh", "watch",
                 *(f"hand {' '.join(case.words)}" for case in qemu_runs(bench)), "unwatch"]
        files = {f"{case.objective}.yaml": description(case.objective).encode()
                 for case in qemu_runs(bench)}
        return files | {"run.sh": ("\n".join(lines) + "\n").encode(),
                        "vmm.sh": sections.guest_script("vmm")}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each case."""
        found = {group["case"].words[1:]: group
                 for group in sections.grouped_sections(sections.read_sections(text), "case")}
        return [judge_run(bench, host, case, found[case.words]) for case in qemu_runs(bench)]


def description(objective: str) -> str:
    """A description of all devices."""
    lines = ["apiVersion: vfioplan/v1", "kind: VM", "name: handed", f"objective: {objective}",
             "memory: [ { gpa: 0x0, size: 64MiB } ]", "devices:"]
    lines += [f'  - {{ name: {name}, address: "{address}", noSnoop: allowed }}'
              for name, address in DEVICES.items()]
    return "\n".join(lines) + "\n"


def judge_run(bench: Bench, host: str, case: Case, group: dict[str, Section]) -> Verdict:
    """What is wrong with one run."""
    problems = [f"left behind: {line}" for line in group["end"].lines]
    if group["end"].words[1] != str(STATUS_OF_END[case.end]):
        problems.append(f"status {group['end'].words[1]}, not {STATUS_OF_END[case.end]}")
    if case.end != "broken":
        problems += lacking(group["said"].lines, case.target)
        problems += misled(group["process"].text, case.target)
        problems += otherwise(bench, host, case, group["kernel"].lines)
    if case.words[1:] == ("coherency", "quits") and case.target == "type1":
        problems += unforeseen(group["said"].text)
    lines = [line for section in group.values() for line in section.lines]
    return Verdict(not problems, f"{case.target} {case.objective}: QEMU {case.end}",
                   (*problems, *lines) if problems else ())


def lacking(lines: tuple[str, ...], target: str) -> list[str]:
    """What QEMU does not say of its devices."""
    answers = [json.loads(line) for line in lines if line.startswith('{"return": [')]
    if len(answers) != 1:
        return ["QEMU does not answer"]
    devices = [device for bus in answers[0]["return"] for device in bus["devices"]]
    ids = [device["qdev_id"] for device in devices]
    kinds = [(device["id"]["vendor"], device["id"]["device"]) for device in devices]
    # What QEMU opens by itself has no name.
    problems = [f"QEMU has no {name}" for name in DEVICES
                if target == "iommufd" and name not in ids]
    return problems + [f"QEMU has no device {vendor:#x}:{kind:#x}" for vendor, kind in DEVICE_IDS
                       if (vendor, kind) not in kinds]


def misled(process: str, target: str) -> list[str]:
    """How the drivers and the charges of a running QEMU are wrong."""
    problems = [f"{address} is not on vfio-pci" for address in DEVICES.values()
                if f"driver {address} vfio-pci" not in process]
    found = re.search(rf"^{ACCOUNTS[target]}:\s+(\d+) kB$", process, re.M)
    if not found or int(found[1]) << 10 < GUEST_BYTES:
        problems.append(f"{ACCOUNTS[target]} does not count the guest's memory")
    return problems


def otherwise(bench: Bench, host: str, case: Case, events: tuple[str, ...]) -> list[str]:
    """How the kernel's tables differ from the plan's."""
    seen = watch.read_events(list(events), list(DEVICES.values()))
    plan = planned_tables(bench, host, case)
    return [] if is_alike(seen, plan) else [f"kernel: {seen}", f"plan: {plan}"]


def unforeseen(said: str) -> list[str]:
    """What QEMU can't reset and vfioplan did not name, or the other way round."""
    missed = set(re.findall(r"Cannot reset device (\S+),", said))
    named = set(re.findall(r"VP4035.*\((\S+)\)", sections.unwrapped(said)))
    return [f"QEMU can't reset {sorted(missed)}, VP4035 names {sorted(named)}"] \
        if missed != named else []


def is_alike(one: Seen, other: Seen) -> bool:
    """Whether both have the same tables, in any order, and KVM the same word."""
    return set(one.tables) == set(other.tables) and one.is_incoherent == other.is_incoherent


def planned_tables(bench: Bench, host: str, case: Case) -> Seen:
    """The plan's tables."""
    with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
        Path(scratch, "host.yaml").write_text(host)
        Path(scratch, "vm.yaml").write_text(description(case.objective))
        _, plan = compiler.compile_outside(
            bench.program, Path(scratch, "vm.yaml"), Path(scratch, "host.yaml"), case.target)
    return Seen(tuple(
        Table(table["enforceSnoop"], tuple(sorted(DEVICES[name] for name in table["devices"])))
        for table in plan["ioasids"]), plan["kvm"]["incoherentDMA"])
