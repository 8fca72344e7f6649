"""Scenarios `groupings`, `tables`: every combination of intents, and the kernel's rules beneath."""

import itertools
import re
from dataclasses import dataclass

from . import by_hand
from .by_hand import Answer
from .kernels import Kernel
from .machines import Machine
from .plans import Plans
from .descriptions import INTENTS
from .scenario import Bench, Scenario, Verdict

# On the mixed machine: C can be enforced, N can't.
DEVICE_ADDRESSES = {"C1": "0000:00:03.0", "C2": "0000:00:05.0", "C3": "0000:00:06.0",
                    "N1": "0000:00:04.0", "N2": "0000:00:07.0"}
OBJECTIVES = ["coherency", "page-tables", "device-performance"]


class Groupings(Plans):
    """Three devices, one of which can't be enforced, with every combination of intents."""

    def __init__(self):
        super().__init__("groupings", "every combination of intents over three devices is grouped"
                         " as planned, or refused as foreseen", 1, False, False)

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where devices differ."""
        return machine.is_mixed

    def cases(self, bench: Bench) -> list[tuple[str, str, str]]:
        """Every combination on every target, the objectives in turn."""
        return [(f"{'-'.join(intents)}", target, description(intents, OBJECTIVES[index % 3]))
                for index, intents in enumerate(itertools.product(INTENTS, repeat=3))
                for target in bench.targets]


def description(intents: tuple[str, ...], objective: str) -> str:
    """A description that gives C1, N1 and C2 these intents."""
    lines = ["apiVersion: vfioplan/v1", "kind: VM", "name: grouped", f"objective: {objective}",
             "memory: [ { gpa: 0x0, size: 1MiB } ]", "devices:"]
    for name, intent in zip(("C1", "N1", "C2"), intents):
        address = DEVICE_ADDRESSES[name]
        lines.append(f'  - {{ name: {name}, address: "{address}", noSnoop: {intent} }}')
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Rule:
    """Calls, and which page table each attach gives: tables are numbered as they appear."""

    what: str
    calls: str  # who attaches, and with a minus who detaches
    tables: str  # one word for each attach
    is_enforced: bool  # whether every table of the space enforces in the end


RULES = [
    Rule("the order trap: who can be enforced joins who can't", "N1 C1 C2", "1 1 1", False),
    Rule("who can't be enforced second", "C1 N1 C2", "1 2 1", False),
    Rule("who can't be enforced last", "C1 C2 N1", "1 1 2", False),
    Rule("all can", "C1 C2 C3", "1 1 1", True),
    Rule("none can", "N1 N2", "1 1", False),
    Rule("alternating", "C1 N1 C2 N2", "1 2 1 2", False),
    Rule("a table stays as it was made", "N1 C1 -N1 C1", "1 1 1", False),
    Rule("a new table is made by who comes back", "N1 C1 -N1 -C1 C1", "1 1 *", True),
    Rule("coming back loses enforcement", "C1 N1 -C1 C1", "1 2 2", False),
]


@dataclass(frozen=True)
class Told:
    """Calls of a container, and how often KVM began to expect non-coherent DMA at the last one."""

    what: str
    calls: tuple[str, ...]
    began: int
    began_before: int  # up to 6.1, where KVM asks the container and not the group

    @property
    def groups(self) -> list[str]:
        """Those that the calls are about."""
        return list(dict.fromkeys(call.split()[1] for call in self.calls if " " in call))

    def wanted(self, kernel: Kernel) -> int:
        """What a kernel does."""
        return self.began_before if kernel.release < (6, 2) else self.began


TOLD_CASES = [
    Told("a group that can't be enforced, in no container yet", ("add N1",), 1, 0),
    Told("a group that can, with one that can't in its container",
         ("join N1", "type1", "join C1", "add C1"), 0, 1),
    Told("a second group that can, after one that can't has joined the first",
         ("join C1", "type1", "add C1", "join N1", "join C2", "add C2"), 0, 1),
]


class Tables(Scenario):
    """Raw calls on the mixed machine, none of them vfioplan's."""

    name = "tables"
    law = ("an explicit table takes a device iff the table does not enforce or the device can be"
           " enforced; by address space the order decides; a container enforces iff all groups can;"
           " KVM asks a group when it is told of it, up to 6.1 its container")
    most_seconds = 60

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where devices differ."""
        return machine.is_mixed

    def files(self, bench: Bench) -> dict[str, bytes]:
        """All calls."""
        return {"run.sh": b"byhand /scenario/tables/calls\n",
                "calls": ("\n".join(all_calls(bench.targets)) + "\n").encode()}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each rule, pair and container."""
        answers, verdicts = by_hand.read_answers(text), []
        if "iommufd" in bench.targets:
            verdicts += [judge_rule(rule, answers.get(f"order{index} iommufd", []))
                         for index, rule in enumerate(RULES)]
            verdicts += [judge_pair(*pair, answers.get(f"{'-'.join(pair)} iommufd", []))
                         for pair in device_pairs()]
        verdicts += [judge_container(names, answers.get(f"{'-'.join(names)} type1", []))
                     for names in containers()]
        return verdicts + [judge_told(told, answers.get(f"told{index} type1", []), bench.kernel)
                           for index, told in enumerate(TOLD_CASES)]


def device_pairs() -> list[tuple[str, str]]:
    """Whose table it is, and who attaches to it."""
    return list(itertools.permutations(["C1", "C2", "N1", "N2"], 2))


def containers() -> list[tuple[str, ...]]:
    """Groups in the order they join a container."""
    return [names for count in (1, 2, 3)
            for names in itertools.permutations(["C1", "C2", "N1"], count)]


def all_calls(targets: list[str]) -> list[str]:
    """Every call of every case."""
    lines = iommufd_calls() if "iommufd" in targets else []
    for names in containers():
        groups = [DEVICE_ADDRESSES[name] for name in names]
        lines += [f"case {'-'.join(names)} type1", *(f"group {group}" for group in groups),
                  "container box", f"join {groups[0]} box", "type1 box",
                  *(f"join {group} box" for group in groups[1:]), "enforced box"]
    for index, told in enumerate(TOLD_CASES):
        groups = [DEVICE_ADDRESSES[name] for name in told.groups]
        lines += [f"case told{index} type1", "vm", *(f"group {group}" for group in groups),
                  "container box", *map(spelled_call, told.calls)]
    return lines


def spelled_call(call: str) -> str:
    """A call with addresses in place of names."""
    word, *names = call.split()
    if word == "type1":
        return "type1 box"
    return f"{word} {DEVICE_ADDRESSES[names[0]]}{' box' if word == 'join' else ''}"


def iommufd_calls() -> list[str]:
    """The orders, and whose table takes whom."""
    lines = []
    for index, rule in enumerate(RULES):
        lines += opening_calls(f"order{index}", rule.calls.split())
        lines += [f"detach {DEVICE_ADDRESSES[word[1:]]}" if word[0] == "-" else
                  f"attach {DEVICE_ADDRESSES[word]} space" for word in rule.calls.split()]
        lines.append("enforced space")
    for leader, follower in device_pairs():
        lines += [*opening_calls(f"{leader}-{follower}", [leader, follower]),
                  f"table made {DEVICE_ADDRESSES[leader]} space",
                  f"attach {DEVICE_ADDRESSES[follower]} made"]
    return lines


def opening_calls(name: str, words: list[str]) -> list[str]:
    """The calls up to an address space with every device bound."""
    addresses = [DEVICE_ADDRESSES[word] for word in dict.fromkeys(words) if word[0] != "-"]
    return [f"case {name} iommufd", *(f"device {address}" for address in addresses), "iommufd",
            *(f"bind {address}" for address in addresses), "space space"]


def judge_rule(rule: Rule, answers: list[Answer]) -> Verdict:
    """Compares the tables that the kernel chose, and what it says of all of them."""
    given = [answer.remark.removeprefix("table ") or answer.result for answer in answers
             if answer.words[0] == "attach"]
    order = list(dict.fromkeys(given))
    tables = [str(order.index(table) + 1) if table.isdigit() else table for table in given]
    wanted = rule.tables.split()
    is_right = len(tables) == len(wanted) and all(
        one in ("*", other) for one, other in zip(wanted, tables))
    enforced = [answer.result for answer in answers if answer.words[0] == "enforced"]
    return verdict_with_answers(f"{rule.what}: {rule.calls}", answers,
                                is_right and enforced == [str(int(rule.is_enforced))])


def judge_pair(leader: str, follower: str, answers: list[Answer]) -> Verdict:
    """Whether a table made for one device takes another."""
    wanted = r"\d+" if leader[0] == "N" or follower[0] == "C" else "EINVAL"
    is_right = bool(answers) and re.fullmatch(wanted, answers[-1].result) is not None
    outcome = "is refused" if wanted == "EINVAL" else "attaches"
    return verdict_with_answers(
        f"{follower} {outcome} to the table made for {leader}", answers, is_right)


def judge_container(names: tuple[str, ...], answers: list[Answer]) -> Verdict:
    """Whether a container says that it enforces."""
    wanted = str(int("N1" not in names))
    is_right = bool(answers) and answers[-1].result == wanted
    return verdict_with_answers(
        f"a container of {' '.join(names)} says {wanted}", answers, is_right)


def judge_told(told: Told, answers: list[Answer], kernel: Kernel) -> Verdict:
    """Whether KVM began to expect non-coherent DMA where it should."""
    wanted = told.wanted(kernel)
    remark = answers[-1].remark if answers else ""
    if remark == "unwatched":
        return Verdict(None, f"{told.what}: this kernel's KVM can't be watched")
    return verdict_with_answers(
        f"{told.what}: KVM {'expects' if wanted else 'excludes'} non-coherent DMA",
        answers, remark.startswith(f"began {wanted} "))


def verdict_with_answers(what: str, answers: list[Answer], is_right: bool) -> Verdict:
    """With the kernel's answers if they are wrong."""
    return Verdict(is_right, what, () if is_right else tuple(answer.text for answer in answers))
