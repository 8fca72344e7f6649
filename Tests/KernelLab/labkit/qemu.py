"""A QEMU that guests run: Debian 13's, which knows iommufd, with nothing beside what it loads.

The host's own boots the machines and may be as old as 7.2. This one comes as an archive for the
kernel to unpack before the guest's own, and is made once: its version is what Debian had that day.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from . import debian, initramfs

SUITES = ["trixie"]
PACKAGE = "qemu-system-x86"
PROGRAM = "usr/bin/qemu-system-x86_64"
LOADER = "lib64/ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
# The firmware of a machine; devices are given no ROMs.
FILES = ["usr/share/seabios/bios-256k.bin", "usr/share/qemu/kvmvapic.bin",
         "usr/share/qemu/linuxboot_dma.bin"]
NEEDED_LIBRARY = re.compile(r"\(NEEDED\).*\[(.*)\]")


def obtain_qemu(directory: Path, say=print) -> Path:
    """The archive, from a directory that keeps it."""
    recipe = "\0".join([*SUITES, PACKAGE, PROGRAM, LOADER, LIBRARIES, *FILES])
    home = directory / "qemu" / hashlib.sha256(recipe.encode()).hexdigest()[:12]
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        say("fetching a QEMU for the guests, about 40 MB")
        archive = debian.Archive(home / "debian", SUITES)
        archive.update()
        root = home / "root"
        for package in archive.download_with_dependencies(PACKAGE):
            debian.unpack_package(package, root)
        (home / "archive").write_bytes(pack_qemu(root))
        shutil.rmtree(root)
        shutil.rmtree(home / "debian")
        (home / "done").touch()
    return home / "archive"


def pack_qemu(root: Path) -> bytes:
    """What QEMU needs of an unpacked system."""
    archive = initramfs.Archive()
    archive.add_program(PROGRAM, root / PROGRAM)
    for name, path in sorted(loaded_libraries(root).items()):
        # Its path is in every program; the others are found where Debian puts them.
        place = LOADER if name == Path(LOADER).name else f"{LIBRARIES}/{name}"
        archive.add_program(place, path)
    for name in FILES:
        archive.add(name, (root / name).read_bytes())
    return archive.bytes()


def loaded_libraries(root: Path) -> dict[str, Path]:
    """Name and file of every library that QEMU loads, and those load."""
    there = {path.name: path for path in (root / LIBRARIES).glob("*.so*")}
    found: dict[str, Path] = {}
    waiting = [root / PROGRAM]
    while waiting:
        for name in needed_libraries(waiting.pop()):
            if name not in found:
                found[name] = there[name]
                waiting.append(there[name])
    return found


def needed_libraries(path: Path) -> list[str]:
    """The libraries that a program or a library asks for."""
    run = subprocess.run(["readelf", "-d", path], check=True, text=True, capture_output=True)
    return NEEDED_LIBRARY.findall(run.stdout)
