"""Scenario `others`: what VMMs make of devices that they attach by themselves, in every order."""

import itertools
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import compiler, sections, watch
from .descriptions import MATES
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict
from .watch import Seen, Table

# On the mixed machine: C can be enforced, N can't; 2 and 3 are in one group. None can be reset, for
# which the kernel would wait longer than for everything else.
DEVICES = {"C1": "0000:00:03.0", "C2": "0000:00:1f.2", "C3": "0000:00:1f.3",
           "N1": "0000:00:07.0", "N2": "0000:00:0a.0", "N3": "0000:00:0a.1"}
TARGETS = {"qemu": "iommufd", "cloud-hypervisor": "iommufd", "type1": "type1"}
DEVICE_POOLS = [(4, ["C1", "C2", "N1", "N2"]), (3, ["C1", "N1", "C2", "C3"]),
                (3, ["C1", "N1", "N2", "N3"])]


@dataclass(frozen=True)
class Case:
    """A rule and devices in the order they are attached."""

    rule: str
    names: tuple[str, ...]

    @property
    def addresses(self) -> list[str]:
        """Where the devices are."""
        return [DEVICES[name] for name in self.names]

    @property
    def label(self) -> str:
        """As byhand's cases are called."""
        return f"{'-'.join(self.names)} {self.rule}"


# What a real QEMU does in seconds and byhand in milliseconds.
QEMU_CASES = [*(Case("qemu", names) for names in itertools.permutations(["C1", "N1", "C2"])),
              Case("qemu", ("C1", "N1", "N3", "N2")), Case("type1", ("C1", "N1", "C2")),
              Case("type1", ("N1", "C1", "C2")), Case("type1", ("N2", "C1", "N3"))]


def can_enforce(name: str) -> bool:
    """Whether a device's IOMMU can enforce snoop."""
    return name[0] == "C"


def model_of(case: Case) -> Seen:
    """What becomes of devices that are attached one after another.

    A device goes where its group is, or else to a table that takes it, or else to one of its own,
    which enforces if the device can be enforced. Such a table takes no other; one that does not
    enforce takes both, but for type1, which keeps the kinds apart. Of two, QEMU takes the newest,
    and the kernel, when it is given an address space, the oldest.
    """
    tables: list[tuple[bool, list[str]]] = []
    for name, address in zip(case.names, case.addresses):
        mates = [table for table in tables if MATES.get(address) in table[1]]
        taking = mates or [
            table for table in tables
            if table[0] == can_enforce(name) or (can_enforce(name) and case.rule != "type1")]
        if not taking:
            taking = [(can_enforce(name), [])]
            tables += taking
        taking[-1 if case.rule == "qemu" else 0][1].append(address)
    found = (Table(is_enforced, tuple(sorted(devices))) for is_enforced, devices in tables)
    return Seen(tuple(found), not all(map(can_enforce, case.names)))


def attach_orders(bench: Bench) -> list[Case]:
    """Every order of up to four devices of both kinds, and of up to three with a group."""
    orders = {names: None for most, pool in DEVICE_POOLS for count in range(1, most + 1)
              for names in itertools.permutations(pool, count)}
    return [Case(rule, names) for rule, target in TARGETS.items() if target in bench.targets
            for names in orders]


class Others(Scenario):
    """The kernel's own tables, next to `compile --as` and to a model of its own."""

    name = "others"
    law = ("what `compile --as` says that QEMU, cloud-hypervisor and type1 make of devices is what"
           " the kernel's page tables show, in every order of up to four, and in a real QEMU")
    uses_qemu = True
    most_seconds = 240

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where devices differ."""
        return machine.is_mixed

    def files(self, bench: Bench) -> dict[str, bytes]:
        """All calls, then QEMU with some of them."""
        lines = [". /scenario/watch.sh", ". /scenario/qemu.sh", "watch", "forget",
                 "byhand /scenario/others/calls > /tmp/answers || cat /tmp/answers",
                 "echo '== calls'", "seen"]
        for case in qemu_cases(bench):
            lines += ["forget", f"start $qemu {' '.join(qemu_arguments(case))}",
                      f"echo '== {case.label}'", "seen", "quit", "finish",
                      "echo \"== ended $status\"", "cat /tmp/said"]
        calls = [line for case in attach_orders(bench) for line in case_calls(case)]
        return {"run.sh": ("\n".join([*lines, "unwatch"]) + "\n").encode(),
                "calls": ("\n".join(calls) + "\n").encode()}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each order and rule, and for each QEMU."""
        parts = sections.read_sections(text)
        by_hand = next(section for section in parts if section.words[0] == "calls")
        events = watch.events_by_case(list(by_hand.lines))
        with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
            Path(scratch, "host.yaml").write_text(host)
            with ThreadPoolExecutor() as pool:
                asked = [*attach_orders(bench), *qemu_cases(bench)]
                said = dict(zip(asked, pool.map(
                    lambda case: said_outside(bench.program, Path(scratch), case), asked)))
        verdicts = []
        for case in attach_orders(bench):
            seen = watch.read_events(events.get(case.label, []), case.addresses)
            verdicts.append(judge_case(case, said[case], seen))
        return verdicts + [judge_qemu(case, said[case], parts) for case in qemu_cases(bench)]


def qemu_cases(bench: Bench) -> list[Case]:
    """QEMU's way does not depend on the kernel: on the others the first shows that it works."""
    possible = [case for case in QEMU_CASES if TARGETS[case.rule] in bench.targets]
    return possible if bench.kernel.is_newest else possible[:1]


def case_calls(case: Case) -> list[str]:
    """The calls of a VMM."""
    addresses = case.addresses
    lines = [f"case {case.label}", "vm"]
    if case.rule == "type1":
        groups = list(dict.fromkeys(min(address, MATES.get(address, address))
                                    for address in addresses))
        lines += [*(f"group {group}" for group in groups), "container box",
                  f"join {groups[0]} box", "type1 box",
                  *(f"join {group} box" for group in groups[1:])]
        return lines + [f"add {group}" for group in groups]
    call = {"qemu": "newest", "cloud-hypervisor": "attach"}[case.rule]
    lines += [*(f"device {address}" for address in addresses), "iommufd", "space space"]
    for address in addresses:
        lines += [f"add {address}", f"bind {address}", f"{call} {address} space"]
    return lines


def qemu_arguments(case: Case) -> list[str]:
    """QEMU's arguments for devices that it opens by itself."""
    if case.rule == "type1":
        return [f"-device vfio-pci,host={address}" for address in case.addresses]
    return ["-object iommufd,id=iommufd0",
            *(f"-device vfio-pci,host={address},iommufd=iommufd0" for address in case.addresses)]


def said_outside(program: Path, scratch: Path, case: Case) -> Seen | None:
    """What vfioplan says of a case."""
    lines = ["apiVersion: vfioplan/v1", "kind: VM", "name: others",
             "memory: [ { gpa: 0x0, size: 1MiB } ]", "devices:"]
    lines += [f'  - {{ name: {name}, address: "{DEVICES[name]}", noSnoop: allowed }}'
              for name in case.names]
    vm = scratch / f"{case.label}.yaml"
    vm.write_text("\n".join(lines) + "\n")
    _, found = compiler.compile_outside(program, vm, scratch / "host.yaml", TARGETS[case.rule],
                                        "--as", case.rule)
    return found and Seen(tuple(
        Table(table["enforceSnoop"], tuple(sorted(DEVICES[name] for name in table["devices"])))
        for table in found["ioasids"]), found["kvm"]["incoherentDMA"])


def judge_case(case: Case, said: Seen | None, seen: Seen) -> Verdict:
    """Compares what was said, what was seen, and the model."""
    model = model_of(case)
    return verdict_with_details(
        said == seen == model, f"{case.label}: {with_names(seen)}", f"kernel: {with_names(seen)}",
        f"vfioplan: {with_names(said)}", f"model: {with_names(model)}")


def verdict_with_details(is_good: bool, what: str, *details: str) -> Verdict:
    """With details only if they are wanted."""
    return Verdict(is_good, what, () if is_good else details)


def with_names(seen: Seen | None) -> str:
    """With names in place of addresses."""
    text = str(seen)
    for name, address in DEVICES.items():
        text = text.replace(address, name)
    return text


def judge_qemu(case: Case, said: Seen | None, parts: list[sections.Section]) -> Verdict:
    """The same for a QEMU."""
    place = next(index for index, part in enumerate(parts)
                 if part.words == tuple(case.label.split()))
    events, ended = parts[place:place + 2]
    version = re.search(r'"package": "([^"]*)"', ended.text)
    found = judge_case(case, said, watch.read_events(list(events.lines), case.addresses))
    return verdict_with_details(found.is_good and ended.words == ("ended", "0"),
                                f"QEMU {version and version[1]}: {found.what}",
                                *found.details, " ".join(ended.words), *ended.lines)
