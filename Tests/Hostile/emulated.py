"""Programs that mean harm, on an emulated host: whatever they do, `emulate` ends and leaves nothing."""

import os
import pathlib
import signal
import subprocess
import time

from campaign import Case, nothing_left
from law import DOCUMENTED
from world import finish, until

HERE = pathlib.Path(__file__).resolve().parent
COUNT, STEPS = 300, 200
SECONDS = 30
HOST = """\
apiVersion: vfioplan/v1
kind: Host
name: victim
kernel: { release: "RELEASE", iommufd: true, vfioCdev: true, type1: true, kvm: true }
iommus:
  - { name: can, type: intel-vtd, enforceSnoop: true, isolatedMSI: true }
  - { name: can-not, type: intel-vtd, enforceSnoop: false, isolatedMSI: true }
devices:
  - { address: "0000:01:00.0", vendor: 0x8086, device: 0x1572, class: 0x020000, iommu: can, group: 11,
      driver: vfio-pci, bars: [ { index: 0, size: 64KiB } ] }
  - { address: "0000:02:00.0", vendor: 0x10de, device: 0x2684, class: 0x030000, iommu: can-not,
      group: 12, driver: vfio-pci }
"""
RELEASES = ["5.10", "6.1", "6.6", "6.12", "7.3"]
# What a program that is killed, or that kills, may end with.
SIGNALS = [signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGBUS]


def cases(world, random):
    """Programs by seed, and supervisors that are killed meanwhile."""
    program = build(world)
    for number in range(COUNT):
        seed, release = random.randrange(1 << 32), random.choice(RELEASES)
        wait = random.uniform(0, 0.3) if number % 6 == 0 else None
        yield case(world, program, number, seed, release, wait)


def build(world):
    """The program, in the world's own folder."""
    program = world.folder / "guest"
    if not program.exists():
        subprocess.run(
            ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result", "-static", "-pthread",
             "-o", str(program), str(HERE / "guest.c")], check=True)
    return program


def case(world, program, number, seed, release, wait):
    def attempt():
        host = world.folder / f"host-{release}.yaml"
        host.write_text(HOST.replace("RELEASE", release))
        mounts = pathlib.Path("/proc/self/mounts").read_text()
        # A session of its own: a signal to a whole group stays among those whom it is meant for.
        process = world.start(
            "emulate", "--host", host, "--", program, seed, STEPS, os.readlink("/proc/self/ns/pid"),
            start_new_session=True)
        if wait is not None:
            time.sleep(wait)
            process.kill()
        run = finish(process, SECONDS)
        wanted = set(range(8)) | DOCUMENTED | {128 + one for one in SIGNALS}
        assert run.status in wanted, f"status {run.status}: {run.all[-300:]}"
        assert "Fatal error" not in run.err and "overflow" not in run.err, run.err[-300:]
        until(lambda: not world.strangers(), "the end of its processes")
        assert pathlib.Path("/proc/self/mounts").read_text() == mounts, "mounts are left"
        nothing_left(world)
    kind = "program" if wait is None else "supervisor killed"
    return Case(f"emulated {kind} {number} of seed {seed} on {release}", attempt)
