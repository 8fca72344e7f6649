"""Where kernels, and what else of Debian the tests use, are kept from run to run."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """In the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "vfioplan-lab"
