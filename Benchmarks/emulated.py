#!/usr/bin/env python3
"""What `emulate` costs against a bare supervisor that answers at once, and QEMU's start under it.

    emulated.py --binary PATH
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import table

HERE = pathlib.Path(__file__).resolve().parent
COUNT = 5000
KINDS = ["a caught request", "an open that is not ours", "a stat that is not ours", "any other call"]
QEMU = "qemu-system-x86_64"


def supervisor(folder):
    program = str(folder / "bare_supervisor")
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-Werror", "-static", "-o", program,
         str(HERE / "bare_supervisor.c")], check=True)
    return program


def nanoseconds(command):
    """What a program under a supervisor measures: a median for each kind of call."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(map(int, done.stdout.split()))


def host(path, count):
    """A host of so many devices, each in a group of its own."""
    lines = ["apiVersion: vfioplan/v1", "kind: Host", "name: bench",
             'kernel: { release: "6.12", iommufd: true, vfioCdev: true, type1: true, kvm: true }',
             "iommus:", "  - { name: dmar0, type: intel-vtd, enforceSnoop: true, isolatedMSI: true }",
             "devices:"]
    lines += [
        f'  - {{ address: "0000:{index + 1:02x}:00.0", vendor: 0x8086, device: 0x1572, '
        f"class: 0x020000, iommu: dmar0, group: {index}, driver: vfio-pci }}"
        for index in range(count)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def seconds(command, expected=0):
    start = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != expected:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - start


def qemu(*devices):
    """QEMU's start to the point where its machine is complete, and its end."""
    words = [QEMU, "-M", "q35", "-m", "64", "-S", "-display", "none", "-nodefaults", "-monitor",
             "stdio", "-accel", "tcg"]
    for device in devices:
        words += ["-device", f"vfio-pci,host={device}"]
    return ["sh", "-c", f"echo quit | {' '.join(words)}"]


def calls(emulate, program, rounds):
    """Each kind of call against the bare supervisor, in turn; nanoseconds for the table's details."""
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(nanoseconds([program, program, "--only", str(COUNT)]))
        ours.append(nanoseconds([*emulate, program, "--only", str(COUNT)]))
    bare, ours = ([statistics.median(column) for column in zip(*one)] for one in (bare, ours))
    for kind, theirs, mine in zip(KINDS, bare, ours):
        limit = 1.2 if kind == KINDS[-1] else 1.8
        yield (kind, mine / theirs, limit, "x",
               f"{mine / 1000:.2f} µs against {theirs / 1000:.2f} µs")
    yield (KINDS[0], ours[0] / 1000, 25, "µs", "")


def figures(binary, rounds=15):
    """Yields (figure, measured, limit, unit, detail); the program as it is once installed."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        binary = shutil.copy(binary, folder)
        few, many = host(folder / "few.yaml", 3), host(folder / "many.yaml", 100)
        emulate = [binary, "emulate", "--host", few, "-o", "/dev/null", "--"]
        yield from calls(emulate, supervisor(folder), rounds)
        if shutil.which(QEMU):
            devices = [f"0000:0{index + 1}:00.0" for index in range(3)]
            without, within = [], []
            for _ in range(rounds):
                without.append(seconds(qemu()))
                within.append(seconds([*emulate, *qemu(*devices)]))
            base, full = statistics.median(without), statistics.median(within)
            yield ("QEMU's start with three devices", full / base, 1.5, "x",
                   f"{full:.3f} s against {base:.3f} s without emulate and without devices")
        else:
            print(f"skipped: QEMU's start under emulate: there is no {QEMU}")
        small, large = [], []
        for _ in range(rounds):
            small.append(seconds([*emulate, "true"]))
            large.append(seconds([binary, "emulate", "--host", many, "-o", "/dev/null", "--", "true"]))
        less, more = statistics.median(small), statistics.median(large)
        yield ("a host of 100 devices, later by", more - less, 0.3, "s",
               f"{more:.3f} s against {less:.3f} s with 3")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    for figure, value, limit, unit, detail in figures(options.binary):
        print(table.row(figure, value, limit, unit, detail, table.verdict(value, limit)))


if __name__ == "__main__":
    main()
