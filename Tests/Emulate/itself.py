#!/usr/bin/env python3
"""vfioplan on the machines that vfioplan emulates, as on the lab's: apply in every way, what it leaves when it
is killed, restore; for every example that compiles for its host, on type1 and iommufd.

    itself.py PROGRAM
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
TARGETS = ["iommufd", "type1"]
QUIET = {**os.environ, "NO_COLOR": "1"}


def vfioplan(*words):
    return subprocess.run(
        [sys.argv[1], *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, env=QUIET)


def drivers():
    """The driver of every device that has one."""
    return {path.parent.name: path.resolve().name
            for path in pathlib.Path("/sys/bus/pci/devices").glob("*/driver")}


def inside(vm, target):
    """What has to hold on the emulated machine; prints what does not, or why it can't be tried."""
    plan = [vm, "--target", target]
    if vfioplan("compile", *plan).returncode != 0:
        return print("facts", end="")
    before = drivers()

    def same(what):
        if drivers() != before:
            print(f"{what}: drivers were {before} and are {drivers()}")

    run = vfioplan("apply", *plan, "--check")
    if "VP4033" in run.stderr:
        return print("huge pages", end="")
    if run.returncode != 0:
        print(f"check: {run.returncode}: {run.stderr}")
    same("check")
    run = vfioplan("apply", *plan, "--", "true")
    if run.returncode != 0:
        print(f"apply: {run.returncode}: {run.stderr}")
    same("apply")
    run = vfioplan("apply", *plan, "--hand-over", "--", "sh", "-c",
                   "basename -a $(readlink /sys/bus/pci/devices/*/driver)")
    if run.returncode != 0 or "vfio-pci" not in run.stdout:
        print(f"hand-over: {run.returncode}: {run.stdout}{run.stderr}")
    same("hand-over")
    killed(plan)
    same("restore")


def killed(plan):
    """A run that is killed while it holds, and restore."""
    with subprocess.Popen([sys.argv[1], "apply", *map(str, plan)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=QUIET) as held:
        line = held.stdout.readline()
        held.send_signal(signal.SIGKILL)
        if not line.startswith("holding"):
            print(f"hold: {line}{held.stderr.read()}")
    run = vfioplan("restore")
    if run.returncode != 0:
        print(f"restore: {run.returncode}: {run.stderr}")


def cases():
    """Every example with a host that it compiles for on a target, and with devices that need a driver."""
    for vm in sorted(EXAMPLES.glob("*.yaml")):
        for host in sorted(EXAMPLES.glob("hosts/*.yaml")):
            for target in TARGETS:
                run = vfioplan("compile", vm, "--host", host, "--target", target, "--format", "json")
                if run.returncode == 0 and json.loads(run.stdout)["steps"]:
                    yield vm, host, target


def lives(vm, host, target, folder):
    """Tries a case; what is wrong with it, or None."""
    run = subprocess.run(
        [sys.argv[1], "emulate", "--simulate-kvm", "--host", host, "-o", folder / "report", "--",
         sys.executable, __file__, sys.argv[1], vm, target],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    wrong = run.stdout + (run.stderr if run.returncode != 0 else "")
    return wrong.strip() or (f"status {run.returncode}" if run.returncode else None)


def main():
    sys.argv[1] = str(pathlib.Path(sys.argv[1]).resolve())
    if len(sys.argv) == 4:
        return inside(*sys.argv[2:])
    tried = failed = 0
    untried = {"facts": 0, "huge pages": 0}
    with tempfile.TemporaryDirectory() as folder:
        for vm, host, target in cases():
            tried += 1
            wrong = lives(vm, host, target, pathlib.Path(folder))
            if wrong in untried:
                untried[wrong] += 1
            elif wrong:
                failed += 1
                print(f"FAIL {vm.name} on {host.name} by {target}: "
                      + wrong.replace("\n", "\n  "), flush=True)
    print(f"itself: {tried} examples on emulated hosts, {failed} otherwise than on a machine; untried "
          f"{untried['huge pages']} for want of huge pages, {untried['facts']} that need what a host states "
          "and no machine shows")
    if tried - sum(untried.values()) < tried // 2:
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
