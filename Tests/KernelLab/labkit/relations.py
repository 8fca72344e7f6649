"""Scenario `relations`: a physical function and its virtual functions, for real."""

from . import sections
from .scenario import Bench, Scenario, Verdict

DESCRIPTION_HEAD = """\
apiVersion: vfioplan/v1
kind: VM
name: relations
memory: [ { gpa: 0x0, size: 4MiB } ]
devices:
"""
TOKEN, OTHER_TOKEN = (f"{digit * 8}-1111-4222-8333-444444444444" for digit in "ab")
PARENT_DEVICE = '  - { name: parent, address: "0000:04:00.0" }\n'
CHILD_DEVICE = '  - {{ name: child, address: "0000:04:00.1"{} }}\n'
DEVICES_OF = {
    "parent": PARENT_DEVICE, "child": CHILD_DEVICE.format(""),
    "family": PARENT_DEVICE + CHILD_DEVICE.format(""),
    "token": CHILD_DEVICE.format(f', vfToken: "{TOKEN}"'),
    "other": CHILD_DEVICE.format(f', vfToken: "{OTHER_TOKEN}"'),
}
ACCEPTED = (0, [r"^accepted: "])
# Case -> the status it ends with, and what it must have said, on every target.
EXPECTED: dict[str, tuple[int, list[str]]] = {
    "alone": ACCEPTED,
    "has-functions": (69, [r"0000:04:00\.1"]),
    "function": ACCEPTED,
    "both": (69, [r"0000:04:00\.0"]),
    "no-token": (69, [r"vfToken"]),
    "token": ACCEPTED,
    "other-token": (71, [r"EACCES"]),
    "alone-again": ACCEPTED,
}
# What the kernel does without a plan.
EXPECTED_OF_KERNEL: dict[str, tuple[int, list[str]]] = {
    "kernel": (0, [r"^parent on none, 2 functions$"]),
    "kernel-no-token": (1, [r"Permission denied"]),
}


class Relations(Scenario):
    """An NVMe controller with SR-IOV, on the host's driver and on vfio-pci."""

    name = "relations"
    law = ("a physical function with virtual functions is refused before it loses its driver; a"
           " virtual function of one on vfio-pci wants its token, and opens with it")
    needs_host_drivers = True
    is_about_more = True
    most_seconds = 300

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The descriptions, the token, the targets and the script."""
        files = {f"{name}.yaml": (DESCRIPTION_HEAD + devices).encode()
                 for name, devices in DEVICES_OF.items()}
        return files | {
            "token": TOKEN.encode(), "run.sh": sections.guest_script("relations"),
            "targets": "".join(f"{target}\n" for target in bench.targets).encode()}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each case and target, and for what the kernel does by itself."""
        cases = {f"{case}-{target}": wanted for target in bench.targets
                 for case, wanted in EXPECTED.items()} | EXPECTED_OF_KERNEL
        return sections.judge_sections(text, cases)
