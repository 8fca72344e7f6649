"""What the lab loads of a stock kernel's modules, in the order in which that is possible."""

import re
import shutil
import subprocess
from pathlib import Path

# The last ones are drivers of the south bridge's functions, which share an IOMMU group.
WANTED = ["kvm-amd", "vfio_iommu_type1", "vfio-pci", "ahci", "i2c-i801"]
# Drivers of what only some machines have, and a file system.
MORE = ["nvme", "virtio-pci", "virtio-input", "evdev", "minix"]
NEEDED = re.compile(rb"\0depends=([^\0]*)\0")


def copy(tree: Path, home: Path):
    """Copies those that an unpacked package has, with what they need, and writes `order` and, for
    machines with more devices, `more`."""
    home.mkdir()
    there = {plain(path.name): path for path in tree.rglob("*.ko*")}
    order: list[str] = []
    for file, wanted in (("order", WANTED), ("more", MORE)):
        before = len(order)
        for name in wanted:
            add(name.replace("-", "_"), there, home, order)
        (home / file).write_text("".join(f"{name}.ko\n" for name in order[before:]))


def add(name: str, there: dict[str, Path], home: Path, order: list[str]):
    """One module after those it needs; what a kernel has built in is not there."""
    if name in order or name not in there:
        return
    target = home / f"{name}.ko"
    compressed = home / f"{name}.ko{''.join(there[name].suffixes[1:])}"
    shutil.copy(there[name], compressed)
    if compressed.suffix == ".xz":
        subprocess.run(["xz", "-d", "-f", compressed], check=True)
    found = NEEDED.search(target.read_bytes())
    for other in found[1].decode().split(",") if found else []:
        add(plain(other), there, home, order)
    order.append(name)


def plain(name: str) -> str:
    """A module's name as the kernel says it."""
    return name.partition(".")[0].replace("-", "_")
