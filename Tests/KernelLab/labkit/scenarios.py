"""What runs inside a machine, and how its initial RAM file system is put together."""

from pathlib import Path

from .initramfs import Archive
from .kernels import Kernel
from .machines import Machine

GUEST = Path(__file__).resolve().parent.parent / "guest"
# Which devices may emit no-snoop requests: a fact the emulated hardware does not have, so the lab
# lays it down, one of each kind in each position.
NO_SNOOP = {
    "0000:00:03.0": "true", "0000:00:04.0": "true", "0000:00:05.0": "false",
    "0000:00:06.0": "unknown", "0000:00:07.0": "false", "0000:01:00.0": "true",
    "0000:00:0a.0": "false", "0000:00:0a.1": "true", "0000:00:1f.2": "true",
    "0000:00:1f.3": "false",
}


def facts(machine: Machine) -> str:
    """What the guest's sysfs does not say of its hardware."""
    kind = machine.name.split("-")[0]
    types = {"intel": "intel-vtd", "amd": "amd-vi", "virtio": "virtio-iommu"}
    lines = [
        f"type {types[kind]}", f"isolated {str(machine.isMSIIsolated).lower()}",
        f"unsafe {str(machine.allowsUnsafeInterrupts).lower()}",
        f"bits {39 if kind == 'intel' else 48}",
        "pages " + ("4KiB,2MiB,1GiB" if kind == "intel" else "4KiB"),
    ]
    canEnforce = kind == "amd" or (kind == "intel" and machine.name != "intel-nosnoop")
    lines.append(f"enforce * {str(canEnforce).lower()}")
    for word in machine.commandLine.split():
        if word.startswith("lab_incoherent="):
            lines += [f"enforce {address} false" for address in word.split("=")[1].split(",")]
    lines += [f"nosnoop {address} {fact}" for address, fact in NO_SNOOP.items()]
    return "\n".join(lines) + "\n"


def pack(kernel: Kernel, machine: Machine, busybox: Path, program: Path | None,
         files: dict[str, bytes]) -> bytes:
    """The initial RAM file system of one run; `files` go to /scenario."""
    archive = Archive()
    archive.addConsole()
    archive.addProgram("bin/busybox", busybox)
    for name in ("sh", "mount", "mkdir", "insmod", "poweroff"):
        archive.addLink(f"bin/{name}", "busybox")
    for name in ("proc", "sys", "tmp", "sbin", "usr/bin", "usr/sbin"):
        archive.addDirectory(name)
    archive.add("init", (GUEST / "init").read_bytes(), 0o100755)
    archive.add("modules/list", "".join(f"{path.name}\n" for path in kernel.modules).encode())
    for path in kernel.modules:
        archive.add(f"modules/{path.name}", path.read_bytes())
    if program:
        archive.addProgram("bin/vfioplan", program)
    archive.add("scenario/describe.sh", (GUEST / "describe.sh").read_bytes(), 0o100755)
    archive.add("scenario/facts", facts(machine).encode())
    for name, content in files.items():
        archive.add(f"scenario/{name}", content)
    return archive.bytes()
