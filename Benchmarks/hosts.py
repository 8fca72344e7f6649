#!/usr/bin/env python3
"""Many hosts and one VM: what `vfioplan compile --hosts` takes for all of them.

    hosts.py --binary PATH [--hosts N]

Prints the seconds. Each host has fifty devices behind four units, in other places and of other kinds than
the next; the VM names what it needs by what it is, so that every third host can run it.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import table

HOSTS, DEVICES, LIMIT = 1_000, 50, 1.0  # seconds, on two cores
VM = """\
apiVersion: vfioplan/v1
kind: VM
name: anywhere
memory: [ { gpa: 0x0, size: 2GiB } ]
devices:
  - { name: gpu, match: { vendor: 0x10de, class: 0x030000, index: 0 } }
  - { name: nic, match: { vendor: 0x15b3, class: 0x020000, index: 0 }, noSnoop: allowed }
"""
KINDS = [(0x8086, 0x15F3, 0x020000, "igc"), (0x144D, 0xA808, 0x010802, "nvme"), (0x15B3, 0x101E, 0x020000, "mlx5_core")]
GPU = (0x10DE, 0x2684, 0x030000, "nouveau")


def host(number):
    lines = [f"apiVersion: vfioplan/v1\nkind: Host\nname: node{number:04}\n"
             'kernel: { release: "7.3.4", iommufd: true, vfioCdev: true, type1: true, kvm: true }\niommus:\n']
    lines += [f"  - {{ name: dmar{unit}, type: intel-vtd, enforceSnoop: {str((unit + number) % 4 > 0).lower()}, "
              "isolatedMSI: true, addressBits: 48, pageSizes: [4KiB, 2MiB, 1GiB] }\n" for unit in range(4)]
    lines.append("devices:\n")
    for index in range(DEVICES):
        has_gpu = number % 3 == 0 and index == number % DEVICES
        vendor, device, kind, driver = GPU if has_gpu else KINDS[(index + number) % len(KINDS)]
        lines.append(
            f'  - {{ address: "0000:{index + 1:02x}:00.0", vendor: {vendor:#06x}, device: {device:#06x}, '
            f"class: {kind:#08x}, iommu: dmar{index % 4}, group: {index}, driver: {driver}, "
            "noSnoopCapable: true,\n      reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ] }\n")
    return "".join(lines)


def write(folder, count):
    """Writes the VM and its hosts; the command that asks them."""
    (folder / "vm.yaml").write_text(VM)
    rack = folder / "rack"
    rack.mkdir()
    for number in range(count):
        (rack / f"node{number:04}.yaml").write_text(host(number))
    return ["compile", str(folder / "vm.yaml"), "--hosts", str(rack), "--format", "json"]


def seconds(binary, arguments, rounds):
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        run = subprocess.run([binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        taken.append(time.perf_counter() - start)
        if run.returncode != 0:
            sys.exit(f"failed: {' '.join(arguments)}\n{run.stderr.decode()[:2000]}")
    return statistics.median(taken)


def figures(binary, rounds=5, count=HOSTS):
    """Yields (figure, measured, limit, unit, detail), as run.py has them."""
    with tempfile.TemporaryDirectory() as folder:
        taken = seconds(binary, write(pathlib.Path(folder), count), rounds)
    yield (f"ask {count:,} hosts of {DEVICES} devices", taken, LIMIT, "s",
           f"which can run a VM, {os.cpu_count()} cores")


if __name__ == "__main__":
    table.command(figures, "hosts", HOSTS)
