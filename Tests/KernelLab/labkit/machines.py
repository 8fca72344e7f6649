"""The emulated machines: which IOMMU, which devices, which kernel command line."""

import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .kernels import Kernel

# Own groups: 03 to 07 and the card behind the root port. Several devices in one group: the two
# functions of 0a (a multifunction device without ACS), and the south bridge 1f.
DEVICES = [
    "-device", "edu,addr=3", "-device", "e1000e,addr=4",
    "-device", "virtio-net-pci,addr=5,iommu_platform=on,disable-legacy=on",
    "-drive", "driver=null-co,if=none,id=disk,size=1M,read-zeroes=on",
    "-device", "nvme,addr=6,drive=disk,serial=lab", "-device", "edu,addr=7",
    "-device", "pcie-root-port,id=lane,addr=9,chassis=1", "-device", "e1000e,bus=lane",
    "-device", "edu,addr=a.0,multifunction=on", "-device", "edu,addr=a.1",
]

# A disk of two paths, a controller with virtual functions, and a keyboard, for machines about use
# and relations; buses are numbered in the order of their ports.
MORE_DEVICES = [
    "-device", "pcie-root-port,id=twin0,addr=b,chassis=2",
    "-device", "pcie-root-port,id=twin1,addr=c,chassis=3",
    "-device", "pcie-root-port,id=parent,addr=d,chassis=4",
    "-drive", "file={disk},format=raw,if=none,id=shared",
    "-device", "nvme-subsys,id=twins", "-device", "nvme,bus=twin0,serial=twin,subsys=twins",
    "-device", "nvme,bus=twin1,serial=twin,subsys=twins",
    "-device", "nvme-ns,drive=shared,nsid=1",
    "-device", "nvme-subsys,id=family",
    "-device", "nvme,bus=parent,serial=parent,subsys=family,max_ioqpairs=6,msix_qsize=7,"
    "sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=4",
    "-device", "virtio-keyboard-pci,addr=e,iommu_platform=on",
]
DISK_SIZE = 8 << 20

IOMMU_TYPES = {"intel": "intel-vtd", "amd": "amd-vi", "virtio": "virtio-iommu"}


@dataclass(frozen=True)
class Machine:
    """One configuration of the emulated hardware."""

    name: str
    iommu: tuple[str, ...]
    command_line: str
    is_mixed: bool = False
    address_bits: int = 39
    is_msi_isolated: bool = True
    allows_unsafe_interrupts: bool = False
    has_more: bool = False  # devices, for the scenarios that are about them

    @property
    def type(self) -> str:
        """The kind of its IOMMU, as host descriptions name it."""
        return IOMMU_TYPES[self.name.split("-")[0]]

    def fits(self, kernel: Kernel) -> bool:
        """Whether the kernel can show what the machine is for."""
        if self.is_mixed != kernel.is_mixed:
            return False
        if self.has_more:
            return kernel.is_chosen_stock or kernel.is_newest
        return self.name.startswith("intel") or not kernel.is_stock

    def is_telling(self, kernel: Kernel) -> bool:
        """Whether it is the one that shows most of a kernel: both kinds of units, or what a kernel
        does where nothing can be enforced."""
        return self.is_mixed or (kernel.is_stock and self.name == "intel-nosnoop")


def intel_machine(name: str, snoop_control: bool, incoherent: str = "") -> Machine:
    """A machine with an Intel IOMMU; `incoherent` lists devices it cannot enforce snoop for."""
    control = "on" if snoop_control else "off"
    return Machine(
        name, ("-device", f"intel-iommu,intremap=on,snoop-control={control}"),
        "intel_iommu=on" + (f" lab_incoherent={incoherent}" if incoherent else ""),
        is_mixed=bool(incoherent))


def machines_without_isolation(name: str, iommu: tuple[str, ...], command_line: str,
                               bits: int) -> list[Machine]:
    """A machine whose interrupts are not isolated, as it is and with the kernel told not to mind."""
    strict = Machine(name, iommu, command_line, address_bits=bits, is_msi_isolated=False)
    return [strict, replace(
        strict, name=f"{name}-unsafe", command_line=f"{command_line} lab_unsafe",
        allows_unsafe_interrupts=True)]


MACHINES = [
    intel_machine("intel-snoop", True),
    intel_machine("intel-nosnoop", False),
    replace(intel_machine("intel-more", True), has_more=True),
    # Whole groups: on real hardware a group sits behind one unit.
    intel_machine("intel-mixed", True, "0000:00:04.0,0000:00:07.0,0000:00:0a.0,0000:00:0a.1"),
    *machines_without_isolation("amd", ("-device", "amd-iommu,intremap=on"), "amd_iommu=on", 48),
    *machines_without_isolation("virtio", ("-device", "virtio-iommu-pci,addr=2"), "", 64),
]


def seen_by(kernel: Kernel) -> list[Machine]:
    """The machines that a kernel is tried on, as it has them.

    Before 7.3 interrupts are isolated with QEMU's AMD IOMMU, so that there is nothing to allow; up
    to 6.16 page tables there are as wide as can be.
    """
    fitting = [machine for machine in MACHINES if machine.fits(kernel)]
    if kernel.release >= (7, 3):
        return fitting
    bits = 64 if kernel.release < (6, 17) else 48
    return [replace(machine, address_bits=bits, is_msi_isolated=True)
            if machine.type == IOMMU_TYPES["amd"] else machine
            for machine in fitting if machine.name != "amd-unsafe"]


@dataclass(frozen=True)
class Boot:
    """What a machine left: its results, its console, how long it ran."""

    results: str
    console: str
    seconds: float
    is_complete: bool


def boot_machine(machine: Machine, kernel: Kernel, initramfs: Path, work: Path,
                 timeout: float) -> Boot:
    """Runs a machine until it switches itself off."""
    results, console = work / "results", work / "console"
    command = [
        "nice", "qemu-system-x86_64", "-M", "q35,kernel-irqchip=split", "-accel", "tcg",
        "-cpu", "EPYC,+svm,check=off", "-smp", "1", "-m", "1G", "-nodefaults", "-display", "none",
        "-no-reboot", "-vga", "none", "-net", "none", "-serial", f"file:{console}",
        "-serial", f"file:{results}", "-kernel", str(kernel.image), "-initrd", str(initramfs),
        # Nothing waits for a processor that is not there.
        "-append", "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off"
        f" rcupdate.rcu_expedited=1 {machine.command_line}",
        *machine.iommu, *DEVICES, *extra_arguments(machine, work),
    ]
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=open(work / "qemu", "wb"))
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    text = results.read_text(errors="replace") if results.exists() else ""
    log = console.read_text(errors="replace") if console.exists() else ""
    return Boot(text.replace("\r", ""), log, time.monotonic() - started, "lab: end" in text)


def extra_arguments(machine: Machine, work: Path) -> list[str]:
    """QEMU's arguments for what only some machines have; the disk has an empty file system."""
    if not machine.has_more:
        return []
    disk = work / "disk"
    disk.write_bytes(bytes(DISK_SIZE))
    subprocess.run(["mkfs.minix", disk], check=True, stdout=subprocess.DEVNULL)
    return [argument.format(disk=disk) for argument in MORE_DEVICES]
