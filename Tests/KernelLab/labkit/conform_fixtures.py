"""The programs that once showed a disagreement, and what the kernel said to them."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "Fixtures" / "conform"
# Each machine as `vfioplan host` found it inside; a new one needs its own.
HOSTS = FOLDER / "hosts"


@dataclass(frozen=True)
class Fixture:
    """One program of Tests/Fixtures/conform."""

    steps: tuple[str, ...]
    answers: tuple[str, ...]


def recorded(machine: str) -> dict[str, Fixture]:
    """The programs of one kernel on one machine, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.txt")):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        if lines[0] == f"host: {machine.replace(' ', '-')}":
            end = lines.index("---")
            found[path.stem] = Fixture(tuple(lines[1:end]), tuple(lines[end + 1:]))
    return found
