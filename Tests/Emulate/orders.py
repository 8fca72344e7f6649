#!/usr/bin/env python3
"""Real QEMUs under `emulate`, in every order of up to four devices of both kinds: the page tables that
they make are the ones that `compile --as` says.

    orders.py PROGRAM [MOST]   at most so many devices; 4 unless told otherwise
"""

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import qemus

# Two units, one of which can't enforce snoop; four devices behind each, every one in its own group.
KINDS = "CN"
MOST = 4
HOST = """\
apiVersion: vfioplan/v1
kind: Host
name: both-kinds
kernel: { release: "6.12", iommufd: true, vfioCdev: true, type1: true, kvm: true }
iommus:
  - { name: can, type: intel-vtd, enforceSnoop: true, isolatedMSI: true }
  - { name: can-not, type: intel-vtd, enforceSnoop: false, isolatedMSI: true }
devices:
"""
DEVICE = ('  - {{ address: "{0}", vendor: 0x8086, device: 0x1572, class: 0x020000, iommu: {1}, '
          "group: {2}, driver: vfio-pci }}\n")
VM = "apiVersion: vfioplan/v1\nkind: VM\nname: guest\nmemory: [ { gpa: 0x0, size: 64MiB } ]\ndevices:\n"


def address(kind, index):
    return f"0000:0{KINDS.index(kind) * MOST + index + 1}:00.0"


def host():
    lines = [
        DEVICE.format(address(kind, index), unit, KINDS.index(kind) * MOST + index)
        for kind, unit in zip(KINDS, ("can", "can-not")) for index in range(MOST)]
    return HOST + "".join(lines)


def orders(most):
    """Addresses of up to so many devices, in every order of kinds."""
    for count in range(1, most + 1):
        for kinds in itertools.product(KINDS, repeat=count):
            numbers = {kind: itertools.count() for kind in KINDS}
            yield "".join(kinds), [address(kind, next(numbers[kind])) for kind in kinds]


def arguments(qemu, backend, devices):
    """QEMU with devices, up to the point where its machine is complete."""
    words = [*qemu.words, "-M", "q35", "-m", "64", "-S", "-display", "none", "-nodefaults",
             "-accel", "tcg", "-monitor", "stdio"]
    if backend == "iommufd":
        words += ["-object", "iommufd,id=io"]
    for device in devices:
        words += ["-device",
                  f"vfio-pci,host={device}" + (",iommufd=io" if backend == "iommufd" else "")]
    return words


class Trial:
    """A folder with the host, and a program."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.host = self.folder / "host.yaml"
        self.host.write_text(host())

    def run(self, *words, **options):
        return subprocess.run(
            [self.program, *map(str, words)], capture_output=True, text=True, timeout=120, **options)

    def predicted(self, qemu, backend, devices):
        """The page tables that `compile --as` says: enforced or not, and who is on them."""
        vm = self.folder / "vm.yaml"
        vm.write_text(VM + "".join(
            f'  - {{ name: d{index}, address: "{device}" }}\n'
            for index, device in enumerate(devices)))
        rule = f"qemu-{qemu.number[0]}.{qemu.number[1]}" if backend == "iommufd" else "type1"
        done = self.run("compile", vm, "--host", self.host, "--as", rule, "--format", "json")
        assert done.returncode in (0, 1), done.stderr
        said = json.loads(done.stdout)
        assert said["backend"] == backend, f"{rule} is said to be on {said['backend']}"
        return tables(said["ioasids"], {f"d{index}": device for index, device in enumerate(devices)})

    def seen(self, qemu, backend, devices):
        """The page tables that QEMU makes."""
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        done = self.run("emulate", "--host", self.host, "--format", "json", "-o", report, "--",
                        *arguments(qemu, backend, devices), input="quit\n")
        assert done.returncode == 0, f"status {done.returncode}: {done.stdout}{done.stderr}"
        return tables(json.loads(report.read_text())["state"]["pageTables"], {})


def tables(said, names):
    """Page tables of a report without their names: enforced or not, and who is on them."""
    return sorted(
        (table["enforceSnoop"], sorted(names.get(name, name) for name in table["devices"]))
        for table in said)


def main():
    most = int(sys.argv[2]) if len(sys.argv) > 2 else MOST
    wrong = count = 0
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(sys.argv[1], folder)
        for qemu in qemus.available():
            for backend in ["type1", "iommufd"] if qemu.knows_iommufd else ["type1"]:
                done = 0
                for kinds, devices in orders(most):
                    done += 1
                    try:
                        wanted = trial.predicted(qemu, backend, devices)
                        found = trial.seen(qemu, backend, devices)
                        assert found == wanted, f"page tables {found}, said were {wanted}"
                    except AssertionError as error:
                        wrong += 1
                        print(f"FAIL QEMU {qemu.version} {backend} {kinds}: {error}", flush=True)
                count += done
                print(f"QEMU {qemu.version} with {backend}: {done} orders", flush=True)
    print(f"orders: {count} tried, {wrong} otherwise than said")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
