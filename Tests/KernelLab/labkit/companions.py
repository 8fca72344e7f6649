"""Scenario `companions`: a group with devices on several drivers of the host, of which a VM gets one."""

from . import sections
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict

DESCRIPTION = """\
apiVersion: vfioplan/v1
kind: VM
name: companions
memory: [ {{ gpa: 0x0, size: 4MiB }} ]
companions: {}
devices:
  - {{ name: smbus, path: "0000:00:1f.3", expect: {{ class: 0x0c0500 }} }}
"""
# Case -> the status it ends with, and what it must have said.
EXPECTED: dict[str, tuple[int, list[str]]] = {
    "before": (0, [r"^0000:00:1f\.2 ahci$", r"^0000:00:1f\.3 i801_smbus$"]),
    "refused": (69, [r"VP4005", r"'0000:00:1f\.2', which driver 'ahci' of the host uses"]),
    "planned": (0, [r"0000:00:1f\.2 +group \d+ +from ahci +because of smbus"]),
    "checked": (0, [r"^accepted: "]),
    "held": (0, [r"^0000:00:1f\.0 none$", r"^0000:00:1f\.2 vfio-pci$", r"^0000:00:1f\.3 vfio-pci$"]),
    "killed": (0, [r"^0000:00:1f\.2 vfio-pci$"]),
}


class Companions(Scenario):
    """The south bridge: its SMBus goes to a VM, so the SATA controller has to leave its driver."""

    name = "companions"
    law = ("members of a device's group are kept by vfio-pci while a plan is in force, and go back to"
           " their drivers, after SIGKILL by restore")
    needs_host_drivers = True

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where the kernel has drivers for the south bridge."""
        return kernel.is_chosen_stock and machine.name == "intel-snoop"

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The description with and without companions, and the script."""
        files = {f"{word}.yaml": DESCRIPTION.format(word).encode() for word in ("bind", "refuse")}
        return files | {"run.sh": sections.guest_script("companions")}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each case."""
        return sections.judge_sections(text, EXPECTED)
