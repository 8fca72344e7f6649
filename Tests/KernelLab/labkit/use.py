"""Scenario `use`: a disk of two paths and a keyboard, in use in every way and free."""

from . import sections
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict

DESCRIPTION = """\
apiVersion: vfioplan/v1
kind: VM
name: use
memory: [ {{ gpa: 0x0, size: 4MiB }} ]
devices:
  - {{ name: device, address: "{}" }}
"""
DEVICES = {"twin0": "0000:02:00.0", "twin1": "0000:03:00.0", "keyboard": "0000:00:0e.0"}
EXPECTED_FREE = (0, [r"^accepted: "], (r"VP4030", r"VP4038"))
# What is done -> the status of a check, what it must have said, and what it must not.
USES: dict[str, tuple[int, list[str], tuple[str, ...]]] = {
    "free": EXPECTED_FREE,
    "mounted": (69, [r"VP4030", r"/mnt"], ()),
    "elsewhere": (69, [r"VP4030"], (r"/mnt",)),
    "open": (69, [r"VP4030", r"process \d+.*sleep|sleep.*process \d+"], ()),
    "again": EXPECTED_FREE,
}
EXPECTED = {f"{use}-{path}": wanted for use, wanted in USES.items() for path in ("one", "other")} | {
    "free-keyboard": EXPECTED_FREE,
    "typed": (0, [r"^accepted: ", r"VP4038.*", r"sleep"], ()),
    "again-keyboard": EXPECTED_FREE,
}


class Use(Scenario):
    """Namespaces of NVMe with multipath, mounts in another namespace, nodes held open."""

    name = "use"
    law = ("a disk in use, by whichever path and in whichever mount namespace, is refused before"
           " anything is touched, an open node is said, and what is free is not refused")
    needs_host_drivers = True
    is_about_more = True
    most_seconds = 240

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where the kernel has multipath and drivers for it."""
        return kernel.is_chosen_stock

    def files(self, bench: Bench) -> dict[str, bytes]:
        """A description for each device, and the script."""
        files = {f"{name}.yaml": DESCRIPTION.format(address).encode()
                 for name, address in DEVICES.items()}
        return files | {"run.sh": sections.guest_script("use")}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each case."""
        return sections.judge_sections(text, EXPECTED)
