"""The programs that once showed a disagreement, and what the kernel said to them."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import releases
from .releases import Release
from .scenario import Bench

FIXTURES = Path(__file__).resolve().parents[2] / "Fixtures" / "conform"
# Machines as the lab found them inside. One that is not there is like that of the nearest release.
HOSTS = FIXTURES / "hosts"


@dataclass(frozen=True)
class Fixture:
    """One program of Tests/Fixtures/conform."""

    steps: tuple[str, ...]
    answers: tuple[str, ...]


def recorded_host(bench: Bench) -> str:
    """The host description of a machine that is not running."""
    path = HOSTS / f"{bench.label.replace(' ', '-')}.yaml"
    if path.exists():
        return path.read_text()
    known = {path.stem: path for path in HOSTS.glob(f"*-{bench.machine.name}.yaml")}
    nearest = min(known, key=lambda name: release_distance(bench.kernel.release, name))
    facts = {"release": f'"{releases.dotted((*bench.kernel.release, 0)[:3])}"'}
    facts |= dict.fromkeys(("iommufd", "vfioCdev"), str("iommufd" in bench.targets).lower())
    text = known[nearest].read_text()
    for key, value in facts.items():
        text = re.sub(rf"\b{key}: [^,]*", f"{key}: {value}", text, count=1)
    return text


def release_distance(release: Release, name: str) -> Release:
    """How far a release is from that of a file's name."""
    return tuple(abs(mine - its) for mine, its in zip(release, releases.parsed(name)))


def recorded_programs(machine: str) -> dict[str, Fixture]:
    """The programs of one kernel on one machine, by name."""
    found = {}
    for path in sorted(FIXTURES.glob("*.txt")):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        if lines[0] == f"host: {machine.replace(' ', '-')}":
            end = lines.index("---")
            found[path.stem] = Fixture(tuple(lines[1:end]), tuple(lines[end + 1:]))
    return found
