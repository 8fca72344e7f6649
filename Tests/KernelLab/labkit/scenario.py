"""What a scenario is: a law about vfioplan, tried inside a machine and judged outside it."""

from dataclasses import dataclass
from pathlib import Path

from .kernels import Kernel
from .machines import Machine

GUEST = Path(__file__).resolve().parent.parent / "guest"
FULL_COUNT = 200  # of generated descriptions, in a full run


@dataclass(frozen=True)
class Bench:
    """One kernel on one machine, and what every scenario on it uses."""

    kernel: Kernel
    machine: Machine
    program: Path  # the static vfioplan; runs outside, too
    tools: Path  # the directory of the lab's own static programs
    examples: Path
    count: int  # generated descriptions
    seed: int
    qemu: Path | None = None  # an archive with a QEMU for the guest, if some scenario runs it

    @property
    def targets(self) -> list[str]:
        """The interfaces the kernel has."""
        return self.kernel.targets

    @property
    def stride(self) -> int:
        """Each how manieth place of many like ones is tried; all of them in a full run."""
        return max(1, FULL_COUNT // self.count)

    @property
    def label(self) -> str:
        """Kernel and machine, as filters match them."""
        return f"{self.kernel.name} {self.machine.name}"


@dataclass(frozen=True)
class Verdict:
    """One line of the outcome."""

    is_good: bool | None  # None: skipped, `what` says why
    what: str
    details: tuple[str, ...] = ()


class Scenario:
    """A law and how it is tried."""

    name: str
    law: str
    needs_host_drivers = False  # whether it wants to find devices on the host's drivers
    is_about_more = False  # whether it is for machines with more devices, and for no others
    is_alone = False  # whether it measures time, so that nothing else may run
    uses_qemu = False  # whether it runs a QEMU in the guest
    most_seconds: float = 120  # for `seconds`

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Whether it has anything to show there: everywhere."""
        return True

    def files(self, bench: Bench) -> dict[str, bytes]:
        """What the guest finds in /scenario/NAME; `run.sh` is what runs."""
        raise NotImplementedError

    def seconds(self, bench: Bench) -> float:
        """A generous limit for its run."""
        return self.most_seconds

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """What its output says; `host` is the guest's own host description."""
        raise NotImplementedError

    def smaller(self, bench: Bench, text: str, host: str, say) -> "Scenario | None":
        """A scenario that shows the same failure with less; none if there is nothing to try."""
        return None
