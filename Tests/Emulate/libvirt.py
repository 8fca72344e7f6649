#!/usr/bin/env python3
"""Debian's libvirtd and QEMU under `emulate`, as root: domains whose devices libvirt takes itself
(managed='yes') and domains whose devices the hook takes; the guests run, and afterwards all is as before.

    libvirt.py PROGRAM
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "FakeSysfs"))

import libvirtd  # noqa: E402
from world import until  # noqa: E402

HOOK = HERE.parents[1] / "packaging/libvirt-hook"
NIC, DISK = "0000:01:00.0", "0000:02:00.0"
DRIVERS = {NIC: "igc", DISK: "nvme"}
HOST = f"""\
apiVersion: vfioplan/v1
kind: Host
name: libvirt
kernel: {{ release: "6.12", iommufd: true, vfioCdev: true, type1: true, kvm: true }}
iommus:
  - {{ name: dmar0, type: intel-vtd, enforceSnoop: true, isolatedMSI: true }}
devices:
  - {{ address: "{NIC}", vendor: 0x8086, device: 0x15f3, class: 0x020000, iommu: dmar0, group: 1,
      driver: igc, bars: [ {{ index: 0, size: 1MiB }} ] }}
  - {{ address: "{DISK}", vendor: 0x144d, device: 0xa80a, class: 0x010802, iommu: dmar0, group: 2,
      driver: nvme, bars: [ {{ index: 0, size: 16KiB, bits: 64 }} ] }}
"""


def drivers():
    """The driver that each device has now."""
    return {address: pathlib.Path(f"/sys/bus/pci/devices/{address}/driver").resolve().name
            for address in DRIVERS}


def life(server, name, *devices):
    """A domain from its start to its end."""
    run = server.create(name, *devices)
    assert run.returncode == 0, run.stderr
    assert "running" in server.virsh("domstate", name).stdout
    assert set(drivers().values()) == {"vfio-pci"}, f"{name}: drivers are {drivers()}"
    # What lies behind a bridge is shown as soon as the firmware has given that a number.
    until(lambda: "8086:15f3" in server.virsh("qemu-monitor-command", "--hmp", name, "info pci").stdout,
          f"{name}: the guest's devices", 60)
    done = server.virsh("destroy", name)
    assert done.returncode == 0, done.stderr
    until(lambda: drivers() == DRIVERS, f"{name}: its devices' own drivers", 10)
    statuses = {status for _, status, _ in server.operations(name)}
    assert statuses == {"0"}, f"{name}: the hook said {server.operations(name)}"


def inside(program, folder):
    """What is done on the emulated machine."""
    with libvirtd.covered():
        os.symlink(program, "/run/vfioplan")
        server = libvirtd.Libvirt(folder)
        server.install(f"env PATH=/run:/usr/sbin:/usr/bin:/sbin:/bin {HOOK}")
        server.start()
        try:
            life(server, "managed", libvirtd.hostdev(NIC, "yes"), libvirtd.hostdev(DISK, "yes"))
            life(server, "both", libvirtd.hostdev(NIC), libvirtd.hostdev(DISK, "yes"))
            # The last: libvirt 9.0 does not give back what it has seen once in other hands.
            life(server, "hooked", libvirtd.hostdev(NIC), libvirtd.hostdev(DISK))
        finally:
            # Also after a failure, so that nothing is left of it on this machine.
            for name in "managed", "both", "hooked":
                server.virsh("destroy", name)
            server.stop()
    print("lived")


def outside(program):
    """Runs it, and looks at what emulate says of it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "host.yaml").write_text(HOST)
        run = subprocess.run(
            [program, "emulate", "--host", folder / "host.yaml", "--format", "json", "-o",
             folder / "report", "--", sys.executable, __file__, program, folder],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if run.returncode != 0 or "lived" not in run.stdout:
            print(run.stdout[-3000:], run.stderr[-6000:])
            return f"status {run.returncode}"
        report = json.loads((folder / "report").read_text())
        tables = [sorted(table["devices"]) for table in report["state"]["pageTables"]]
        return None if tables == [[NIC, DISK]] else f"page tables {tables}"


def main():
    if len(sys.argv) == 3:
        return inside(sys.argv[1], pathlib.Path(sys.argv[2]))
    missing = libvirtd.missing() if os.geteuid() == 0 else "root"
    if missing:
        print(f"SKIPPED: libvirtd under emulate: there is no {missing}")
        return 0
    wrong = outside(str(pathlib.Path(sys.argv[1]).resolve()))
    print(f"{'FAIL' if wrong else 'ok  '} libvirtd and QEMU, managed and not" + (f": {wrong}" if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
