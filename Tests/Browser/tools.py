"""Where the programs and files are that reviews are tested with; what can't be had is None."""

import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "KernelLab"))

from labkit import debian  # noqa: E402
from labkit.cache import cache_directory  # noqa: E402

# axe-core 4.12 is in this release of a package of PyPI.
AXE = "axe-playwright-python==0.1.8"


def chromium() -> str | None:
    """Debian's Chromium."""
    return shutil.which("chromium")


def cmark() -> str | None:
    """GitHub's Markdown, as Debian has it."""
    return shutil.which("cmark-gfm")


def mermaid() -> pathlib.Path | None:
    """Mermaid for browsers, from Debian's newest suite."""
    try:
        archive = debian.Archive(cache_directory() / "debian-sid", ["sid"])
        archive.update()
        version = archive.candidate("node-mermaid")
        place = cache_directory() / "mermaid" / version.replace(":", "_")
        if not place.exists():
            debian.unpack_package(archive.download("node-mermaid", version), place)
    except debian.Unavailable:
        return None
    return next(place.rglob("dist/mermaid.min.js"), None)


def axe() -> str | None:
    """The text of axe-core."""
    place = cache_directory() / "axe" / AXE.partition("==")[2] / "axe.min.js"
    if not place.exists():
        with tempfile.TemporaryDirectory() as folder:
            for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
                if shutil.which(pip[0]):
                    subprocess.run([*pip, "download", "-q", "--no-deps", "-d", folder, AXE],
                                   capture_output=True)
            wheels = list(pathlib.Path(folder).glob("*.whl"))
            if not wheels:
                return None
            with zipfile.ZipFile(io.BytesIO(wheels[0].read_bytes())) as wheel:
                text = wheel.read("axe_playwright_python/axe.min.js")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
    return place.read_text()
