"""QEMUs of Debian's suites, to run side by side on one machine: each with its own libraries."""

import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "KernelLab"))

from labkit import debian  # noqa: E402
from labkit.cache import cache_directory  # noqa: E402
from labkit.qemu import LIBRARIES, LOADER, PACKAGE, PROGRAM, loaded_libraries  # noqa: E402

CACHE = cache_directory()
SUITES = ["trixie", "sid"]
# The firmware of a machine whose devices have no ROMs of their own.
DATA = ["usr/share/seabios", "usr/share/qemu"]


@dataclasses.dataclass
class QEMU:
    """One QEMU: its version, and the words that start it."""

    version: str
    words: list

    @property
    def number(self):
        return tuple(map(int, re.findall(r"\d+", self.version)[:2]))

    @property
    def knows_iommufd(self):
        """Whether it has `-object iommufd` (9.0, docs/devel/vfio-iommufd.rst)."""
        return self.number >= (9, 0)


def version(words):
    """What a QEMU says it is; None if it does not run here."""
    try:
        said = subprocess.run([*words, "--version"], capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    found = re.match(r"QEMU emulator version (\d+\.\d+\.\d+)", said.stdout)
    return found and found[1]


def available(say=print):
    """The machine's own, and those of the suites that can be had; says which can't."""
    own = shutil.which("qemu-system-x86_64")
    found = [QEMU(version([own]), [own])] if own else []
    for suite in SUITES:
        try:
            words = unpacked(suite, say)
        except (debian.Unavailable, OSError, KeyError, subprocess.CalledProcessError) as error:
            say(f"no QEMU of {suite}: {error}")
            continue
        number = version(words)
        if number is None:
            say(f"the QEMU of {suite} does not start here")
        else:
            found.append(QEMU(number, words))
    return found


def unpacked(suite, say):
    """Fetches the QEMU of a suite unless it is there; the words that start it."""
    home = CACHE / f"qemu-{suite}"
    root = home / "root"
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        say(f"fetching the QEMU of {suite}, about 40 MB")
        archive = debian.Archive(home / "debian", [suite])
        archive.update()
        whole = home / "whole"
        for package in archive.download_with_dependencies(PACKAGE):
            debian.unpack_package(package, whole)
        keep(whole, root)
        shutil.rmtree(whole)
        shutil.rmtree(home / "debian")
        (home / "done").touch()
    return [str(root / LOADER), "--library-path", str(root / LIBRARIES), str(root / PROGRAM),
            "-L", str(root / "usr/share/seabios"), "-L", str(root / "usr/share/qemu")]


def keep(whole, root):
    """Copies what QEMU needs of an unpacked system."""
    files = {PROGRAM: whole / PROGRAM}
    for name, path in loaded_libraries(whole).items():
        files[LOADER if name == pathlib.Path(LOADER).name else f"{LIBRARIES}/{name}"] = path
    for place, path in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / place)
    for folder in DATA:
        if (whole / folder).exists():
            shutil.copytree(whole / folder, root / folder, symlinks=False,
                            ignore_dangling_symlinks=True)


if __name__ == "__main__":
    for one in available():
        print(one.version, " ".join(one.words))
