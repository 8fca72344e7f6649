"""Scenario `handover`: files that go to a process that runs already, and an iommufd that comes from one."""

from . import sections
from .kernels import Kernel
from .machines import Machine
from .modes import descriptions
from .scenario import Bench, Scenario, Verdict

# More files than one message of Linux carries.
REGIONS = 300
HELD_LINES = [r"^holding: "]
# Case -> the status it ends with, and what it must have said.
EXPECTED_OF_SENDING: dict[str, tuple[int, list[str]]] = {
    "all": (0, HELD_LINES),
    "all-many": (0, [*HELD_LINES, r"^files \d+ names \d+ messages 2$"]),
    "all-INT": (0, [*HELD_LINES, r"^closed$", r"^no socket$"]),
    "all-TERM": (0, [*HELD_LINES, r"^closed$", r"^no socket$"]),
    "all-nobody": (0, [*HELD_LINES, r"^mode 600$"]),
    "all-mute": (71, [*HELD_LINES, r"error\[VP5907\]: .*: it closed the connection$"]),
    "all-stall": (0, HELD_LINES),
    "all-strangers": (0, [*HELD_LINES, r"^takefds: /tmp/socket: Permission denied$",
                          r"^takefds: turned away$", r"^files "]),
    "exists": (73, [r"error\[VP5906\]: ", r"^precious$"]),
}
FETCHED_LINES = [r"^byte 0 of 1$", r"^file iommufd /dev/iommu$", r"^files 1 names 1 messages 1$",
                 r"^iommufd works$"]
# The same with what only one of the targets does.
FILE_LINES = {"iommufd": [r"^file iommufd /dev/iommu$", r"^file nic /dev/vfio/devices/vfio\d+$",
                          r"^file ram0 /memfd:vfioplan-guest-memory",
                          r"^files 4 names 4 messages 1$", r"^iommufd works$"],
              "type1": [r"^file gpa\.container /dev/vfio/vfio$", r"^files 6 names 6 messages 1$"]}
EXPECTED_OF_IOMMUFD: dict[str, tuple[int, list[str]]] = {
    "one": (0, [*HELD_LINES, *FETCHED_LINES, r"^mode 666$"]),
    "one-mute": (0, [*HELD_LINES, *FETCHED_LINES, r"warning\[VP5908\]: "]),
    "one-nobody": (71, [*HELD_LINES, r"error\[VP5907\]: .*: it took too long$"]),
    "one-signal": (0, HELD_LINES),
    "from": (0, [r"^accepted: ", r"^answer 1 0$"]),
    "from-command": (0, [r"^iommufd:nic:test:ram0 /dev/iommu$", r"^answer 1 0$"]),
    "from-hold": (0, [*HELD_LINES, r"^files 4 ", r"^iommufd works$", r"^answer 1 0$"]),
    "from-fail": (71, [r"EIO", r"^answer 1 0$"]),
    "from-null-1": (69, [r"error\[VP5909\]: .*: the file it sent is another one$",
                         r"^answer 0 1$"]),
    "from-vfio-1": (69, [r"error\[VP5909\]: .*: the file it sent is another one$",
                         r"^answer 0 1$"]),
    "from-iommu-0": (69, [r"error\[VP5909\]: .*: it sent 0 files, not one$", r"^answer 0 1$"]),
    "from-iommu-2": (69, [r"error\[VP5909\]: .*: it sent 2 files, not one$", r"^answer 0 1$"]),
    "from-nobody": (69, [r"error\[VP5909\]: .*: no such file or directory \(ENOENT\)$"]),
    "from-user": (0, [r"^accepted: ", r"^answer 1 0$"]),
    "from-no-node": (0, [r"^accepted: ", r"^answer 1 0$"]),
}
EXPECTED_OF_TYPE1: dict[str, tuple[int, list[str]]] = {"refused": (69, [r"VP5905"])}


class Handover(Scenario):
    """Sockets: both ends, each against a program that shares no code with vfioplan."""

    name = "handover"
    law = ("open files go to a process that connects, and an iommufd comes from one; whatever the other"
           " end does, and whenever a signal comes, nothing is left")
    needs_host_drivers = True

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Once: a minute of it is a deadline, and sockets are the same on all kernels."""
        return machine.name == "intel-snoop" and kernel.is_newest

    def files(self, bench: Bench) -> dict[str, bytes]:
        """Descriptions and the script."""
        run = "".join(f"sh /scenario/handover/handover.sh {target}\n" for target in bench.targets)
        files = descriptions()
        regions = ", ".join(f"{{ gpa: {index << 16:#x}, size: 4KiB }}" for index in range(REGIONS))
        files["many.yaml"] = files["vm.yaml"].replace(
            b"{ gpa: 0x0, size: 4MiB }", regions.encode())
        return files | {"run.sh": run.encode(), "handover.sh": sections.guest_script("handover")}

    def seconds(self, bench: Bench) -> float:
        """A generous time limit."""
        return 240 * len(bench.targets)

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for each case and target."""
        found = {(*section.words,): section for section in sections.read_sections(text)}
        verdicts = []
        for target in bench.targets:
            cases = EXPECTED_OF_SENDING | (
                EXPECTED_OF_IOMMUFD if target == "iommufd" else EXPECTED_OF_TYPE1)
            for case, (status, wanted) in cases.items():
                more = FILE_LINES[target] if case == "all" else []
                verdicts.append(sections.judge_section(
                    f"{target} {case}", found.get((case, target)), status, wanted + more))
        return verdicts
