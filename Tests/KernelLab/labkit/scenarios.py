"""What runs inside a machine, and how its initial RAM file system is put together."""

from pathlib import Path

from .descriptions import DEVICES
from .initramfs import Archive
from .kernels import Kernel
from .machines import IOMMU_TYPES, Machine
from .scenario import GUEST, Bench, Scenario

# Which devices may emit no-snoop requests: a fact the emulated hardware does not have, so the lab
# lays it down, one of each kind in each position.
NO_SNOOP = {
    "0000:00:03.0": "true", "0000:00:04.0": "true", "0000:00:05.0": "false",
    "0000:00:06.0": "unknown", "0000:00:07.0": "false", "0000:01:00.0": "true",
    "0000:00:0a.0": "false", "0000:00:0a.1": "true", "0000:00:1f.2": "true",
    "0000:00:1f.3": "false",
}


def machine_facts(machine: Machine) -> str:
    """What the guest's sysfs does not say of its hardware."""
    lines = [
        f"type {machine.type}", f"isolated {str(machine.is_msi_isolated).lower()}",
        f"unsafe {str(machine.allows_unsafe_interrupts).lower()}", f"bits {machine.address_bits}",
        "pages " + ("4KiB,2MiB,1GiB" if machine.type == IOMMU_TYPES["intel"] else "4KiB"),
    ]
    can_enforce = machine.type != IOMMU_TYPES["virtio"] and machine.name != "intel-nosnoop"
    lines.append(f"enforce * {str(can_enforce).lower()}")
    for word in machine.command_line.split():
        if word.startswith("lab_incoherent="):
            lines += [f"enforce {address} false" for address in word.split("=")[1].split(",")]
    lines += [f"nosnoop {address} {fact}" for address, fact in NO_SNOOP.items()]
    return "\n".join(lines) + "\n"


def shared_files(scenarios: list[Scenario]) -> dict[str, bytes]:
    """What every guest finds in /scenario: the list of scenarios and what they share."""
    names = {True: "", False: ""}
    for scenario in scenarios:
        names[scenario.needs_host_drivers] += scenario.name + "\n"
    files = {f"{name}.sh": (GUEST / f"{name}.sh").read_bytes()
             for name in ("all", "common", "describe", "watch", "qemu")}
    files |= {"before": names[True].encode(), "after": names[False].encode(),
              "devices": "".join(f"{device}\n" for device in DEVICES).encode()}
    return files


def fits(scenario: Scenario, kernel: Kernel, machine: Machine) -> bool:
    """Whether a scenario has anything to show there; machines with more devices are for those that
    are about them."""
    return scenario.is_about_more == machine.has_more and scenario.fits(kernel, machine)


def pack_initramfs(bench: Bench, busybox: Path, scenarios: list[Scenario]) -> bytes:
    """The initial RAM file system of one boot, after what only some scenarios need."""
    is_with_qemu = bench.qemu is not None and any(scenario.uses_qemu for scenario in scenarios)
    first = bench.qemu.read_bytes() if is_with_qemu else b""
    return first + lab_archive(bench, busybox, scenarios)


def lab_archive(bench: Bench, busybox: Path, scenarios: list[Scenario]) -> bytes:
    """The lab's own programs and what the scenarios bring."""
    archive = Archive()
    archive.add_console()
    archive.add_program("bin/busybox", busybox)
    for name in ("sh", "mount", "mkdir", "insmod", "poweroff"):
        archive.add_link(f"bin/{name}", "busybox")
    for name in ("proc", "sys", "tmp", "sbin", "usr/bin", "usr/sbin"):
        archive.add_directory(name)
    archive.add("init", (GUEST / "init").read_bytes(), 0o100755)
    kernel = bench.kernel
    modules = kernel.modules + (kernel.more_modules if bench.machine.has_more else ())
    archive.add("modules/list", "".join(f"{path.name}\n" for path in modules).encode())
    for path in modules:
        archive.add(f"modules/{path.name}", path.read_bytes())
    archive.add_program("bin/vfioplan", bench.program)
    for tool in sorted(bench.tools.iterdir()):
        archive.add_program(f"bin/{tool.name}", tool)
    files = shared_files(scenarios) | {"facts": machine_facts(bench.machine).encode()}
    for scenario in scenarios:
        for name, content in scenario.files(bench).items():
            files[f"{scenario.name}/{name}"] = content
    for name, content in files.items():
        archive.add(f"scenario/{name}", content)
    return archive.bytes()
