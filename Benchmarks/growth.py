#!/usr/bin/env python3
"""Inputs of every shape, large and four times as large: what they cost must grow with their size.

    growth.py --binary PATH [--only WORDS]

Prints processor time for both sizes, and how much is written. `run.py` holds the ratios against a limit.
"""

import argparse
import os
import pathlib
import sys
import tempfile

SMALL, TIMES = 2_000, 4
LIMIT, FLOOR = 8, 0.2  # a ratio, and the seconds below which it does not matter
LIMIT_BYTES = 1_000_000  # of findings


def address(index):
    return f"{index >> 16:04x}:{index >> 8 & 255:02x}:{index >> 3 & 31:02x}.{index & 7}"


def vm(devices, extra="", memory="[ { gpa: 0x0, size: 64MiB } ]"):
    return f"apiVersion: vfioplan/v1\nkind: VM\nname: v\nmemory: {memory}\ndevices:\n{devices}{extra}"


def host(count, device, units=("u",), unit=""):
    kernel = "kernel: { iommufd: true, vfioCdev: true, type1: true, kvm: true }\n"
    listed = "".join(
        f"  - {{ name: {name}, type: intel-vtd, enforceSnoop: {'false' if unit == 'no' else 'true'}, "
        f"isolatedMSI: true }}\n" if not callable(unit) else unit(name) for name in units)
    return (f"apiVersion: vfioplan/v1\nkind: Host\nname: h\n{kernel}iommus:\n{listed}devices:\n"
            + "".join(device(index) for index in range(count)))


def fact(index, unit="u", group=None, extra=""):
    group = index if group is None else group
    return (f'  - {{ address: "{address(index)}", vendor: {index % 65536}, device: {index % 65536}, '
            f"iommu: {unit}, group: {group}{extra} }}\n")


def given(index, extra=""):
    return f'  - {{ name: d{index}, address: "{address(index)}"{extra} }}\n'


def every(count, line):
    return "".join(line(index) for index in range(count))


def regions(count):
    return "\n" + every(
        count, lambda i: f"  - {{ gpa: {0x100000 * i:#x}, size: 0x100000 }}\n")


def spaces(count, windows=1):
    return "addressSpaces:\n" + every(count, lambda i: f"  - name: s{i}\n    memory:\n" + every(
        windows, lambda j: f"      - {{ iova: {4096 * j}, gpa: {4096 * j}, size: 4096 }}\n"))


ONE = given(0)

# What is compiled: for a number the VM description and the host description.
SHAPES = {
    "devices": lambda n: (vm(every(n, given)), host(n, fact)),
    "devices of one group": lambda n: (
        vm(every(n, given)), host(n, lambda i: fact(i, group=1))),
    "devices of one group, one given": lambda n: (
        vm(ONE), host(n, lambda i: fact(i, group=1, extra=", driver: e1000"))),
    "companions": lambda n: (
        vm(ONE, "companions: bind\n"),
        host(n, lambda i: fact(i, group=1, extra=", driver: e1000"))),
    "devices at odds": lambda n: (
        vm(every(n, lambda i: given(i, f", noSnoop: {'required' if i % 2 else 'forbidden'}"))),
        host(n, lambda i: fact(i, group=i // 2))),
    "devices that can't be blocked": lambda n: (
        vm(every(n, lambda i: given(i, ", noSnoop: forbidden"))), host(n, fact, unit="no")),
    "units": lambda n: (
        vm(every(n, given)), host(n, lambda i: fact(i, f"u{i}"), [f"u{i}" for i in range(n)])),
    "units of a type each": lambda n: (
        vm(every(n, given), memory=regions(n)),
        host(n, lambda i: fact(i, f"u{i}"), [f"u{i}" for i in range(n)],
             lambda u: f"  - {{ name: {u}, type: {u}, isolatedMSI: true, addressBits: 48 }}\n")),
    "units too narrow": lambda n: (
        vm(every(n, given), memory=regions(n)),
        host(n, lambda i: fact(i, f"u{i}"), [f"u{i}" for i in range(n)],
             lambda u: f"  - {{ name: {u}, type: {u}, isolatedMSI: true, addressBits: "
                       f"{(n * 0x100000 - 1).bit_length() - 1} }}\n")),
    "units without isolation": lambda n: (
        vm(every(n, given)),
        host(n, lambda i: fact(i, f"u{i}"), [f"u{i}" for i in range(n)],
             lambda u: f"  - {{ name: {u}, type: t }}\n")),
    "units not listed": lambda n: (
        vm(ONE), host(n, lambda i: fact(i, f"x{i}x"), [f"unit{i}" for i in range(n)])),
    "units listed twice": lambda n: (vm(ONE), host(1, fact, ["u"] * n)),
    "devices listed twice": lambda n: (
        vm(ONE), host(n, lambda i: fact(i).replace(address(i), address(0)))),
    "memory": lambda n: (vm(ONE, memory=regions(n)), host(1, fact)),
    "memory that overlaps": lambda n: (
        vm(ONE, memory="\n" + every(n, lambda i: "  - { gpa: 0, size: 4096 }\n")), host(1, fact)),
    "memory in reserved regions": lambda n: (
        vm(ONE, memory=regions(n)),
        host(1, lambda i: fact(i, extra=", reserved: [" + every(
            n, lambda j: f"{{ start: {0x100000 * j:#x}, end: {0x100000 * j + 1:#x}, type: msi }},")
            + "]"))),
    "address spaces": lambda n: (
        vm(every(n, lambda i: given(i, f", addressSpace: s{i}")), spaces(n)), host(n, fact)),
    "windows": lambda n: (
        vm(given(0, ", addressSpace: s0"), spaces(1, n)), host(1, fact)),
    "address spaces nobody uses": lambda n: (vm(ONE, spaces(n)), host(1, fact)),
    "address spaces not declared": lambda n: (
        vm(every(n, lambda i: given(i, f", addressSpace: x{i}x")), spaces(n)), host(n, fact)),
    "devices of one name": lambda n: (
        vm(every(n, lambda i: given(i).replace(f"d{i},", "d,"))), host(n, fact)),
    "devices not there": lambda n: (vm(every(n, given)), host(n, lambda i: fact(i + n))),
    "devices behind nothing": lambda n: (
        vm(every(n, given)),
        host(n, lambda i: f'  - {{ address: "{address(i)}" }}\n')),
    "matches": lambda n: (
        vm(every(n, lambda i: f"  - {{ name: d{i}, match: {{ vendor: {i}, device: {i} }} }}\n")),
        host(n, fact)),
    "matches by group": lambda n: (
        vm(every(n, lambda i: f"  - {{ name: d{i}, match: {{ group: {i} }} }}\n")), host(n, fact)),
    "matches of everything": lambda n: (
        vm(every(n, lambda i: f"  - {{ name: d{i}, match: {{ class: 0 }} }}\n")), host(n, fact)),
    "paths": lambda n: (
        vm(every(n, lambda i: f'  - {{ name: d{i}, path: "{address(i)}" }}\n')), host(n, fact)),
    "expectations and unknown keys": lambda n: (
        vm(every(n, lambda i: given(i, f", expect: {{ vendor: 1 }}, k{i}: 1"))), host(n, fact)),
    "matches and unknown keys": lambda n: (
        vm(every(n, lambda i: f"  - {{ name: d{i}, match: {{ vendor: {i} }}, k{i}: 1 }}\n")),
        host(n, fact)),
    "unknown keys": lambda n: (vm(ONE, every(n, lambda i: f"k{i}: 1\n")), host(1, fact)),
    "one key again and again": lambda n: (vm(ONE, "k: 1\n" * n), host(1, fact)),
    "wrong words": lambda n: (
        vm(every(n, lambda i: given(i, ", noSnoop: word"))), host(n, fact)),
    "wrong addresses": lambda n: (
        vm(every(n, lambda i: f"  - {{ name: d{i}, address: x }}\n")), host(n, fact)),
    "page sizes": lambda n: (
        vm(ONE), host(1, fact, unit=lambda u: f"  - {{ name: {u}, type: t, isolatedMSI: true, "
                      f"pageSizes: [{'4096, ' * n}] }}\n")),
    "aliases": lambda n: (
        vm(ONE, "memory2: &a [ 1 ]\n" + every(n, lambda i: f"k{i}: *a\n")), host(1, fact)),
    "anchors": lambda n: (vm(ONE, every(n, lambda i: f"k{i}: &a{i} 1\n")), host(1, fact)),
    "merges": lambda n: (
        vm("  - &m { name: a, address: 'x' }\n" + "  - { <<: [ *m, *m, *m ] }\n" * n), host(1, fact)),
    "tags": lambda n: (vm(ONE, every(n, lambda i: f"k{i}: !t{i} 1\n")), host(1, fact)),
    "directives": lambda n: (
        every(10 * n, lambda i: f"%TAG !a{i}! tag:x\n") + "---\n" + vm(ONE), host(1, fact)),
    "lines that nothing shows": lambda n: (vm(ONE, "# \u2028" * n + "\n"), host(1, fact)),
    "letters that are not ASCII": lambda n: (vm(ONE, "# ä\n" * n), host(1, fact)),
    "brackets": lambda n: (vm(ONE, "k: " + "[" * n), host(1, fact)),
    "words on one line": lambda n: (vm(ONE, "k: [" + "a, " * n + "]\n"), host(1, fact)),
    "mistakes on one line": lambda n: (
        vm(f"  [ {'{ name: 1a }, ' * n} ]\n").replace("devices:\n", "devices:"), host(1, fact)),
}

# What is done with the first of them.
COMMANDS = [
    *(f"compile {{vm}} --host {{host}} --target {target} --format {form}"
      for target, form in (("iommufd", "text"), ("iommufd", "json"), ("type1", "program"),
                           ("iommufd", "qemu"), ("type1", "libvirt"), ("iommufd", "cloud-hypervisor"),
                           ("ioasid", "text"))),
    "compile {vm} --host {host} --as qemu",
    *(f"apply {{vm}} --host {{host}} --target {target} --simulate"
      for target in ("iommufd", "type1", "ioasid")),
]
COMMANDS_FOR = ["devices", "devices of one group", "units", "memory", "windows",
                "address spaces"]


def programs(count):
    """Texts of programs, right and wrong ones."""
    yield "names that nothing makes", every(count, lambda i: f"close %n{i}\n")
    yield "names and a typo each", '%kvm = open "/dev/kvm"\n' + every(
        count, lambda i: f"%a{i} = ioctl %kvm KVM_CREATE_VM type=0 -> fd\n"
                         f"close %b{i}\n")
    yield "steps that are none", "nonsense\n" * count


def tree(folder, count):
    """A copy of sysfs with all devices in one group; its path."""
    root = pathlib.Path(folder, f"tree-{count}")
    for index in range(count):
        place = root / "sys/bus/pci/devices" / address(index)
        place.mkdir(parents=True)
        for name, text in ("vendor", "0x1"), ("device", "0x1"), ("class", "0x20000"):
            (place / name).write_text(text + "\n")
        os.symlink("../../../../kernel/iommu_groups/1", place / "iommu_group")
        os.symlink(f"../../../../class/iommu/u{index}", place / "iommu")
        os.symlink("../../../../bus/pci/drivers/e1000", place / "driver")
        (root / f"sys/class/iommu/u{index}/amd-iommu").mkdir(parents=True)
    group = root / "sys/kernel/iommu_groups/1"
    group.mkdir(parents=True)
    (group / "reserved_regions").write_text(
        every(count, lambda i: f"{i * 4096:#x} {i * 4096 + 1:#x} msi\n"))
    return root


def cases(folder):
    """Yields names and, for each of both sizes, the arguments."""
    sizes = [SMALL, TIMES * SMALL]
    for name, shape in SHAPES.items():
        files = []
        for size in sizes:
            files.append(tuple(str(pathlib.Path(folder, f"{kind}-{size}")) for kind in ("vm", "host")))
            for path, text in zip(files[-1], shape(size)):
                pathlib.Path(path).write_text(text)
        for command in COMMANDS if name in COMMANDS_FOR else ["compile {vm} --host {host}"]:
            yield (f"{name}: {command.replace('{vm} --host {host} ', '')}",
                   [command.format(vm=vm_path, host=host_path).split() for vm_path, host_path in files])
    for texts in zip(*(programs(size) for size in sizes)):
        commands = []
        for size, (_, text) in zip(sizes, texts):
            path = pathlib.Path(folder, f"program-{size}")
            path.write_text(text)
            commands.append(["apply", str(path), "--simulate"])
        yield "program, " + texts[0][0], commands
    trees = [tree(folder, size) for size in sizes]
    for form in "text", "json":
        yield f"tree as {form}", [["host", "--root", str(root), "--format", form] for root in trees]


def cost(arguments, folder):
    """Processor time, and how many bytes of findings."""
    errors = os.path.join(folder, "errors")
    files = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
             (os.POSIX_SPAWN_OPEN, 2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    child = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=files)
    _, _, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime, os.path.getsize(errors)


def measure(binary, words=()):
    """Yields name, both times and the bytes of findings of the larger one."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (small, large) in cases(folder):
            if all(word in name for word in words):
                yield (name, cost([binary, *small], folder)[0], *cost([binary, *large], folder))


def figures(binary):
    """Yields what `run.py` prints: the shape that grows fastest, and the one that is told most of."""
    found = list(measure(binary))
    slow = [(large / max(small, FLOOR / TIMES), name, small, large) for name, small, large, _ in found]
    ratio, name, small, large = max(slow)
    yield (f"of {len(found)} shapes of input, 4 times as large", ratio, LIMIT, "x",
           f"{name}: processor {small:.3f} s to {large:.3f} s")
    size, name = max((size, name) for name, _, _, size in found)
    yield "  most findings", size / 1e6, LIMIT_BYTES // 1_000_000, "MB", name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    missed = 0
    for name, small, large, size in measure(os.path.abspath(options.binary), options.only):
        is_bad = large > max(FLOOR, LIMIT * small) or size > LIMIT_BYTES
        missed += is_bad
        print(f"{'MISSED' if is_bad else 'ok':6} {large / small:5.1f} x {small:7.3f} s {large:7.3f} s "
              f"{size:>9} bytes  {name}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
