#!/usr/bin/env python3
"""Many small VMs of one host: what `vfioplan check` takes for all of them.

    many.py --binary PATH [--vms N]

Prints the seconds. The host has four devices for each VM, in groups of one and two; no two VMs clash.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import table

VMS, EACH, LIMIT = 1_000, 4, 1.0  # seconds, on two cores
PARTS = 4  # a quarter of the VMs on a quarter of the host takes a quarter of the time
MEMORY = "  - { gpa: 0x0, size: 2GiB }\n  - { gpa: 4GiB, size: 6GiB, hugepages: 2MiB }\n"
UNITS = [(f"dmar{index}", index % 4 != 1) for index in range(8)]  # name, can enforce


def address(index):
    return f"{index >> 16:04x}:{index >> 8 & 255:02x}:{index >> 3 & 31:02x}.{index & 7}"


def host(count):
    lines = ["apiVersion: vfioplan/v1\nkind: Host\nname: rack\n"
             'kernel: { release: "7.3.4", iommufd: true, vfioCdev: true, type1: true, kvm: true }\n'
             "memory: { size: 16TiB, hugepages: [ { size: 2MiB, count: 4000000 } ] }\niommus:\n"]
    lines += [f"  - {{ name: {name}, type: intel-vtd, enforceSnoop: {str(enforces).lower()}, "
              "isolatedMSI: true, addressBits: 48, pageSizes: [4KiB, 2MiB, 1GiB] }\n"
              for name, enforces in UNITS]
    lines.append("devices:\n")
    for index in range(count):
        # Of each VM's four devices the first two are one group.
        group = index - (index % EACH == 1)
        unit, _ = UNITS[index // EACH % len(UNITS)]
        lines.append(
            f'  - {{ address: "{address(index)}", vendor: 0x15b3, device: 0x101e, class: 0x020000, '
            f"iommu: {unit}, group: {group}, driver: vfio-pci, noSnoopCapable: true,\n"
            "      reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ] }\n")
    return "".join(lines)


def vm(number):
    devices = "".join(
        f'  - {{ name: nic{index}, address: "{address(number * EACH + index)}", noSnoop: allowed }}\n'
        for index in range(EACH))
    return (f"apiVersion: vfioplan/v1\nkind: VM\nname: vm{number:05}\nmemory:\n{MEMORY}"
            f"devices:\n{devices}")


def write(folder, count):
    """Writes VMs and their host; the command that checks them."""
    vms = folder / f"vms-{count}"
    shutil.rmtree(vms, ignore_errors=True)
    for number in range(count):
        place = vms / f"rack{number // 100}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"vm{number:05}.yaml").write_text(vm(number))
    path = folder / f"rack-{count}.yaml"
    path.write_text(host(count * EACH))
    return [str(vms), "--host", str(path), "--as", "qemu", "--format", "json"]


def seconds(binary, arguments, rounds):
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        run = subprocess.run([binary, "check", *arguments], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        taken.append(time.perf_counter() - start)
        if run.returncode != 0:
            sys.exit(f"failed: check {' '.join(arguments)}\n{run.stderr.decode()[:2000]}")
    return statistics.median(taken)


def figures(binary, rounds=5, count=VMS):
    """Yields (figure, measured, limit, unit, detail), as run.py has them."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        all_of_them, part = write(folder, count), write(folder, count // PARTS)
        whole = seconds(binary, all_of_them, rounds)
        quarter = seconds(binary, part, rounds)
    yield (f"check {count:,} VMs of {EACH} devices", whole, LIMIT, "s",
           f"on a host of {count * EACH:,} devices, {os.cpu_count()} cores")
    yield (f"  against {count // PARTS:,} VMs on {count // PARTS * EACH:,} devices", whole / quarter,
           PARTS * 1.5, "x", f"{quarter:.3f} s to {whole:.3f} s")


if __name__ == "__main__":
    table.command(figures, "vms", VMS)
