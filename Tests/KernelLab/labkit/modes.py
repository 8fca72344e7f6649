"""Scenario `modes`: plans held, handed to a command, run by a user, and where something is missing."""

from . import sections
from .kernels import Kernel
from .machines import Machine
from .scenario import GUEST, Bench, Scenario, Verdict
from .sections import Section

FIRST_DEVICE = {"vm": '  - { name: nic, address: "0000:00:05.0" }\n', "plain": ""}
DESCRIPTION = """\
apiVersion: vfioplan/v1
kind: VM
name: modes
memory: [ {{ gpa: 0x0, size: 4MiB }} ]
devices:
{}  - {{ name: test, address: "0000:00:07.0" }}
"""
# Case -> the status it ends with, and what it must have said. The account that iommufd and type1
# charge a process's pages to differs.
HELD_LINES = [r"^holding: ", r"^driver vfio-pci$"]
EXPECTED: dict[str, tuple[int, list[str]]] = {
    "hold-INT": (0, [*HELD_LINES, r"VP5008", r"^second 69$", r"^restore 0$"]),
    "hold-TERM": (0, HELD_LINES),
    "hold-KILL": (0, [r"^killed 137$", r"VP5009", r"^again 69$"]),
    "command": (7, [r"^for this process$", r"^words \d+ \d+ \d+ \{literal\}$",
                    r"^driver vfio-pci$", r"^file /memfd:vfioplan-guest-memory"]),
    "command-signal": (143, []),
    "command-passed": (5, []),
    "command-missing": (127, [r"/no/such/program"]),
    "command-unknown": (64, [r"nonsense"]),
    "route": (69, [r"VP4031"]),
    "user-denied": (77, [r"VP5012"]),
    "user": (0, [r"^accepted: "]),
    "accountant": (0, [r"^accepted: "]),
    "accountant-limit": (69, [r"VP4034", r"locks 4 MiB, RLIMIT_MEMLOCK is 1 MiB"]),
    "huge-pages": (69, [r"VP4033", r"needs 512 huge pages of 2 MiB, 64 can be had"]),
    "few-files": (71, [r"EMFILE"]),
    "held-elsewhere": (69, [r"VP4036", r"is open in process \d+ \(vfioplan\)"]),
    "tested-driven": (69, [r"VP4037", r"driver 'vfio-pci' has 0000:00:07\.0"]),
    "tested": (0, [r"noSnoopCapable: (true|false)  # Enable No Snoop can"]),
    "no-interface": (69, [r"VP5011", r"CONFIG_"]),
}
# Only who has CAP_SYS_RESOURCE may say how iommufd accounts.
EXPECTED_BY_TARGET = {("user", "iommufd"): (77, [r"EPERM, .*CAP_SYS_RESOURCE"])}
NODE_LINES = {"iommufd": [r"^file /dev/iommu$", r"^file /dev/vfio/devices/vfio\d+$",
                          r"^files 4 iommufd:nic:test:ram0$"],
              "type1": [r"^file /dev/vfio/vfio$", r"^file anon_inode:\[vfio-device\]$",
                        r"^files 6 gpa\.container:group\d+:group\d+:nic:test:ram0$"]}
# What a page table needs of 4 MiB that are mapped: the pages are pinned, and accounted.
ACCOUNT_LINES = {"iommufd": r"^VmPin:\s+4096 kB$", "type1": r"^VmLck:\s+4096 kB$"}


class Modes(Scenario):
    """One plan on every target, in every way that a plan is in force or is not."""

    name = "modes"
    law = ("a plan is held until a signal or a command's end, with its files handed on and its pages"
           " accounted; what can't be is refused with its reason, and nothing is left")
    needs_host_drivers = True

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Once for each kernel that is looked at closely."""
        return machine.name == "intel-snoop" and kernel.is_thorough

    def files(self, bench: Bench) -> dict[str, bytes]:
        """Two descriptions, the script, and the command that is handed the files."""
        run = "".join(f"sh /scenario/modes/modes.sh {target}\n" for target in bench.targets)
        files = descriptions()
        files["huge.yaml"] = files["plain.yaml"].replace(
            b"size: 4MiB", b"size: 1GiB, hugepages: 2MiB")
        return files | {"run.sh": run.encode(), "modes.sh": sections.guest_script("modes"),
                        "command.sh": (GUEST / "command.sh").read_bytes()}

    def seconds(self, bench: Bench) -> float:
        """A generous time limit."""
        return 120 * len(bench.targets)

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each case and target."""
        found = {(*section.words,): section for section in sections.read_sections(text)}
        cases = [case for case in EXPECTED if case != "route" or not bench.kernel.is_stock]
        verdicts = [judge_case(case, target, found.get((case, target)))
                    for target in bench.targets for case in cases]
        if len(cases) < len(EXPECTED):
            verdicts.append(Verdict(None, "route: this kernel's network driver is a module that "
                                          "the lab does not load"))
        return verdicts


def descriptions() -> dict[str, bytes]:
    """A description of two devices and one of the second alone."""
    return {f"{name}.yaml": DESCRIPTION.format(first).encode()
            for name, first in FIRST_DEVICE.items()}


def judge_case(case: str, target: str, section: Section | None) -> Verdict:
    """What a case should have said, ended with and left behind: nothing."""
    status, wanted = EXPECTED_BY_TARGET.get((case, target), EXPECTED[case])
    wanted = wanted + (NODE_LINES[target] if case == "command" else [])
    wanted += [ACCOUNT_LINES[target]] if case.startswith("hold-") and case != "hold-KILL" else []
    return sections.judge_section(f"{target} {case}", section, status, wanted)
