"""The lab's own programs for guests: C, compiled once for each state of their sources."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from .scenario import GUEST

COMPILER = ["gcc", "-std=gnu11", "-static", "-O2", "-Wall", "-Wextra", "-Werror"]


def build_programs(directory: Path) -> Path:
    """Compiles every guest/*.c; returns the directory of programs."""
    sources = sorted(GUEST.glob("*.c"))
    content = b"\0".join(path.read_bytes() for path in sources + sorted(GUEST.glob("*.h")))
    home = directory / "tools" / hashlib.sha256(content).hexdigest()[:12]
    if home.exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        programs = Path(scratch) / "programs"
        programs.mkdir()
        for source in sources:
            subprocess.run([*COMPILER, "-o", programs / source.stem, source], check=True)
        programs.rename(home)
    return home
