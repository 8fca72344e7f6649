"""Scenario `refusals`: what vfioplan refuses, the kernel refuses or does otherwise than asked."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import by_hand, compiler, descriptions
from .by_hand import Answer, Assigned, Naive
from .machines import IOMMU_TYPES
from .scenario import Bench, Scenario, Verdict

MOST_DESCRIPTIONS = 60
# What chance rarely asks for: memory beyond every width, one group in two spaces, requests of KVM.
EXTRAS = {
    "beyond": ("  - { gpa: 0x0, size: 1MiB }\n  - { gpa: 0x100000000000000, size: 1MiB }\n",
               "auto", [("0000:00:03.0", "allowed", "gpa")]),
    "window": ("  - { gpa: 0xfee00000, size: 64KiB }\n", "auto",
               [("0000:00:05.0", "allowed", "gpa")]),
    "split": ("  - { gpa: 0x0, size: 1MiB }\n", "auto",
              [("0000:00:1f.2", "allowed", "gpa"), ("0000:00:1f.3", "allowed", "dma0")]),
    "required": ("  - { gpa: 0x0, size: 1MiB }\n", "auto", [("0000:00:03.0", "required", "gpa")]),
    "forbidden": ("  - { gpa: 0x0, size: 1MiB }\n", "auto",
                  [("0000:00:04.0", "forbidden", "gpa")]),
    "never": ("  - { gpa: 0x0, size: 1MiB }\n", "never", [("0000:00:04.0", "allowed", "gpa")]),
    "always": ("  - { gpa: 0x0, size: 1MiB }\n", "always", [("0000:00:05.0", "allowed", "gpa")]),
}
# The kernel is never asked: the description contradicts itself or what the host says of a device.
CONTRADICTIONS = {"VP2009", "VP3002", "VP3003", "VP3004"}


@dataclass(frozen=True)
class Case:
    """A refused description: its facts, one of its errors, and what the kernel answered."""

    naive: Naive
    code: str
    named: tuple[Assigned, ...]  # the devices that the message is about
    answers: list[Answer]

    def results(self, *words: str) -> list[str]:
        """What the calls that begin with these words gave."""
        return [answer.result for answer in self.answers if answer.words[:len(words)] == words]

    def enforced(self, device: Assigned) -> list[str]:
        """Whether the kernel enforces snooping for a device alone."""
        return (self.results("enforced", f"alone.{device.address}") or
                self.results("enforced", f"alone.{device.group}"))

    def began(self) -> dict[str, bool | None]:
        """Whether KVM began to expect non-coherent DMA, for each device or group alone."""
        return {answer.words[1]: None if answer.remark == "unwatched" else
                not answer.remark.startswith("began 0 ")
                for answer in self.answers if answer.words[0] == "add" and answer.result == "0"}


def is_map_refused(case: Case) -> bool:
    """A map gives EINVAL."""
    return "EINVAL" in case.results("map")


def is_split_refused(case: Case) -> bool:
    """A group that is in one space already does not go to another."""
    return "EINVAL" in case.results("attach") + case.results("join")


def is_untrusted(case: Case) -> bool:
    """The kernel gives no device away whose interrupts are not isolated."""
    answers = case.results("bind") or [answer.result for answer in case.answers
                                       if answer.words[:1] == ("type1",)]
    return bool(answers) and set(answers) <= {"EPERM", "-"} and "EPERM" in answers


def is_busy(case: Case) -> bool:
    """The group is not free."""
    return "0" in case.results("group") or "EBUSY" in case.results("bind") + case.results("type1")


def is_not_enforced(case: Case) -> bool:
    """A device named, or a mate of it, has a page table that does not enforce."""
    groups = {device.group for device in case.named}
    return any(case.enforced(device) == ["0"] for device in case.naive.devices
               if device.group in groups)


def is_enforced(case: Case) -> bool:
    """Every device named has a page table that enforces."""
    return bool(case.named) and all(case.enforced(device) == ["1"] for device in case.named)


def is_proof(case: Case) -> bool:
    """KVM expects non-coherent DMA because of a device named, or of a mate of it."""
    began = case.began()
    return any(began.get(name) for device in case.named for name in (device.address, device.group))


def is_no_proof(case: Case) -> bool:
    """KVM was told of every device and expects non-coherent DMA because of none."""
    began = case.began()
    return bool(began) and not any(began.values())


EVIDENCE: dict[str, Callable[[Case], bool]] = {
    "VP2010": is_split_refused, "VP2012": is_map_refused, "VP2013": is_map_refused,
    "VP2014": is_map_refused, "VP3005": is_not_enforced, "VP3006": is_not_enforced,
    "VP3007": is_enforced, "VP3008": is_no_proof, "VP3009": is_proof, "VP4005": is_busy,
    "VP4006": is_untrusted,
}
# These ask how often a probe was hit.
WATCHED_CODES = {"VP3008", "VP3009"}


def extra_description(name: str) -> str:
    """The text of one of EXTRAS."""
    memory, incoherent, devices = EXTRAS[name]
    lines = ["apiVersion: vfioplan/v1", "kind: VM", f"name: {name}", "memory:",
             memory.rstrip("\n"), f"kvm: {{ incoherentDMA: {incoherent} }}", "devices:"]
    for position, (address, intent, space) in enumerate(devices):
        lines += [f"  - name: d{position}", f'    address: "{address}"', f"    noSnoop: {intent}"]
        lines += [f"    addressSpace: {space}"] if space != "gpa" else []
    if any(space == "dma0" for _, _, space in devices):
        lines += ["addressSpaces:", "  - name: dma0",
                  "    memory: [ { iova: 0x10000, gpa: 0x0, size: 64KiB } ]"]
    return "\n".join(lines) + "\n"


def subjects(bench: Bench) -> list[tuple[Naive, str, str]]:
    """Facts, text and target of every description; the extra ones on every target."""
    made = descriptions.generate_descriptions(min(bench.count, MOST_DESCRIPTIONS), bench.seed)
    found = [(by_hand.read_description(name, text), text, bench.targets[index % len(bench.targets)])
             for index, (name, text) in enumerate(made)]
    texts = {name: extra_description(name) for name in EXTRAS}
    return found + [(by_hand.read_description(name, text), text, target)
                    for name, text in texts.items() for target in bench.targets]


class Refusals(Scenario):
    """Generated descriptions, and the calls that carry them out without a plan."""

    name = "refusals"
    law = ("for every description that is refused, the kernel, called by hand, refuses it, too, or"
           " does otherwise than asked; for every other, each call succeeds")
    most_seconds = 90

    def files(self, bench: Bench) -> dict[str, bytes]:
        """All calls of all descriptions."""
        are_tables_late = (bench.machine.type == IOMMU_TYPES["virtio"]
                           and bench.kernel.release < (6, 16))
        lines = [line for naive, _, target in subjects(bench)
                 for line in by_hand.description_calls(naive, target, are_tables_late)]
        return {"run.sh": b"byhand /scenario/refusals/calls\n",
                "calls": ("\n".join(lines) + "\n").encode()}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """A verdict for each code and target, and one for what is accepted."""
        answers = by_hand.read_answers(text)
        tally = Tally(bench.machine.is_msi_isolated or bench.machine.allows_unsafe_interrupts)
        with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
            Path(scratch, "host.yaml").write_text(host)
            for naive, source, target in subjects(bench):
                Path(scratch, "vm.yaml").write_text(source)
                findings, _ = compiler.compile_outside(bench.program, Path(scratch, "vm.yaml"),
                                                       Path(scratch, "host.yaml"), target)
                made = answers.get(f"{naive.name} {target}", [])
                tally.add(target, naive, refused_cases(naive, source, findings, made), made)
        return tally.verdicts()


def refused_cases(naive: Naive, source: str, findings: list[dict],
                  answers: list[Answer]) -> list[Case]:
    """The errors of a description, each with the devices that it is about."""
    found = []
    for finding in findings:
        above = source.splitlines()[:finding["line"]]
        names = re.findall(r"'(d\d+)'", finding["message"]) or \
            re.findall(r"- name: (d\d+)$", "\n".join(above), re.M)[-1:]
        named = tuple(device for device in naive.devices if device.name in names)
        found.append(Case(naive, finding["code"], named, answers))
    return found


class Tally:
    """Counts, and what is not as it should be, for each target and code."""

    def __init__(self, is_given: bool):
        self._is_given = is_given  # whether the kernel gives devices to anybody
        self._shown: dict[tuple[str, str], int] = defaultdict(int)
        self._missing: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._unasked: dict[tuple[str, str, str], int] = defaultdict(int)

    def add(self, target: str, naive: Naive, refused: list[Case], answers: list[Answer]):
        """One description."""
        if not refused:
            self._accept(target, naive, answers)
        for case in refused:
            self._refuse(target, case)

    def _accept(self, target: str, naive: Naive, answers: list[Answer]):
        key = (target, "accepted")
        failed = [answer.text for answer in answers if not answer.result.isdigit()]
        if answers and not failed:
            self._shown[key] += 1
        else:
            self._missing[key].append(f"{naive.name}: {'; '.join(failed) or 'no call was made'}")

    def _refuse(self, target: str, case: Case):
        key = (target, case.code)
        if case.code in CONTRADICTIONS:
            self._unasked[*key, "a contradiction, which no call shows"] += 1
        elif case.code in WATCHED_CODES and None in case.began().values():
            self._unasked[*key, "this kernel's KVM can't be watched"] += 1
        elif case.code in EVIDENCE and EVIDENCE[case.code](case):
            self._shown[key] += 1
        elif case.code in EVIDENCE and not self._is_given and is_untrusted(case):
            self._unasked[*key, "the kernel gives none of its devices"] += 1
        else:
            self._missing[key].append(f"{case.naive.name}: " + "; ".join(
                answer.text for answer in case.answers))

    def verdicts(self) -> list[Verdict]:
        """One for each target and code, and for what was left unasked."""
        found = []
        for key in sorted({*self._shown, *self._missing}):
            shown, missing = self._shown[key], self._missing[key]
            what = f"{' '.join(key)}: {shown} of {shown + len(missing)} "
            what += "carried out by hand" if key[1] == "accepted" else "shown by the kernel"
            found.append(Verdict(not missing, what, tuple(missing)))
        for (target, code, why), count in sorted(self._unasked.items()):
            found.append(Verdict(None, f"{target} {code}: {count} not asked, {why}"))
        if not any(code != "accepted" for _, code in self._shown):
            found.append(Verdict(False, "no refusal was shown by the kernel"))
        return found
