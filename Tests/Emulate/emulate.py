#!/usr/bin/env python3
"""Runs programs under `vfioplan emulate` and compares what they see with what kernels answered.

  emulate.py PROGRAM [--only WORD]     PROGRAM is vfioplan; needs gcc and namespaces
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
GUEST = TESTS / "KernelLab" / "guest"
FIXTURES = TESTS / "Fixtures" / "conform"
SECONDS = 60


def compiled(name: str, folder: pathlib.Path) -> pathlib.Path:
    """A program of the lab, static, as it runs in the lab's guests."""
    path = folder / name
    subprocess.run(["gcc", "-O1", "-static", "-o", path, GUEST / f"{name}.c"], check=True)
    return path


def emulated(program: str, words: list, options: list = (), **more):
    """What a command gives on an emulated machine."""
    return subprocess.run([program, "emulate", *options, "--", *map(str, words)],
                          capture_output=True, text=True, timeout=SECONDS, **more)


def conform_fixtures(program: str, folder: pathlib.Path):
    """Programs of calls that kernels once answered in a way of their own: the same binary gets the
    same answers under `emulate`."""
    conform = compiled("conform", folder)
    for path in sorted(FIXTURES.glob("*.txt")):
        lines = path.read_text().splitlines()
        host = next(line[len("host: "):] for line in lines if line.startswith("host: "))
        end = lines.index("---")
        steps = [line for line in lines[:end] if not line.startswith(("host: ", "#"))]
        (folder / "it").write_text("\n".join(["program it", *steps]) + "\n")
        run = emulated(program, [conform, folder / "it"],
                       ["--simulate-kvm", "--host", FIXTURES / "hosts" / f"{host}.yaml"])
        said = run.stdout.splitlines()[1:]
        yield path.stem, said == lines[end + 1:], differences(said, lines[end + 1:]) + run.stderr


def differences(said: list[str], expected: list[str]) -> str:
    pairs = list(zip(said, expected)) + [("nothing", line) for line in expected[len(said):]]
    return "".join(f"    {one}\n    expected: {two}\n" for one, two in pairs if one != two)


def ends(program: str, folder: pathlib.Path):
    """How a command ends is how vfioplan ends, and nothing is said on the command's streams."""
    for script, status in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)]:
        run = emulated(program, ["sh", "-c", script])
        yield script, run.returncode == status and run.stdout == "", str(run)
    run = emulated(program, [folder / "nothing"])
    yield "a command that is not there", run.returncode == 127, str(run)
    (folder / "text").write_text("neither a program nor a script")
    run = emulated(program, [folder / "text"])
    yield "a command that can't be executed", run.returncode == 126, str(run)
    run = emulated(program, ["sh", "-c", "sleep 100 & exit 3"])
    yield "what is left behind is killed", run.returncode == 3, str(run)


def nested(program: str, folder: pathlib.Path):
    """There is one listener in a chain of processes: the second is refused before anything starts."""
    run = emulated(program, [program, "emulate", "--", "true"])
    yield "emulate in emulate", run.returncode == 69 and "VP5802" in run.stderr, str(run)


def python(program: str, script: str, options: list = (), arguments: list = (), **more):
    """A script of this folder on an emulated machine."""
    return emulated(program, [sys.executable, HERE / script, *arguments], options, **more)


def findings(program: str, folder: pathlib.Path):
    """What is wrong with what a program made is found, and told in JSON as well."""
    run = python(program, "trap.py", ["--simulate-kvm"], ["0000:00:02.0", "0000:01:00.0"])
    yield ("the order trap", "VP5805" in run.stderr and "VP5804" in run.stderr
           and run.returncode == 0, str(run))
    run = python(program, "trap.py", ["--simulate-kvm"], ["0000:01:00.0", "0000:02:00.0"])
    yield "no trap in one box", "VP5805" not in run.stderr, str(run)
    run = python(program, "trap.py", ["--simulate-kvm", "--format", "json", "-o", folder / "out"],
                 ["0000:01:00.0"])
    report = json.loads((folder / "out").read_text())
    tables = report["state"]["pageTables"]
    yield ("tables as JSON", [one["devices"] for one in tables] == [["0000:01:00.0"]]
           and report["status"] == 0, str(report))
    run = python(program, "trap.py", ["--fail", "VFIO_DEVICE_BIND_IOMMUFD#2=ENOMEM"],
                 ["0000:01:00.0", "0000:02:00.0"])
    yield ("a fault", "VFIO_DEVICE_BIND_IOMMUFD failed with ENOMEM, 1 time" in run.stderr
           and run.returncode == 1, str(run))


def dma(program: str, folder: pathlib.Path):
    """A device's DMA reaches the memory that the program has mapped for it, and nothing else."""
    nic, igd = "0000:01:00.0", "0000:00:02.0"
    for way in ["end", "unmap", "close"]:
        run = python(program, "dma.py", ["--format", "json", "-o", folder / "out",
                                         "--dma", f"{nic},0x1ffe,read=4",
                                         "--dma", f"{nic},0x1010,write=c0ffee",
                                         "--dma", f"{nic},0x4000,write=01",
                                         "--dma", f"{nic},0x3000,read=1",
                                         "--dma", f"{nic},0x2fff,read=2",
                                         "--dma", f"{igd},0x1000,read=1"], [nic, way])
        at, *said = run.stdout.split()
        report = json.loads((folder / "out").read_text())["dma"]
        start = int(at, 16)
        yield (f"a read over two pages: {way}", report[0].get("bytes") == "61626364"
               and report[0]["pieces"] == [{"address": hex(start + 0xffe), "count": 4}]
               and report[0]["snooped"], f"{run} {report}")
        yield f"a write: {way}", report[1].get("bytes") == "c0ffee", f"{run} {report}"
        if way != "end":
            yield f"the program sees it: {way}", said == ["c0ffee"], f"{run} {report}"
        faults = [one.get("fault", "")[:6] + one.get("faultAddress", "") for one in report[2:]]
        yield (f"faults: {way}", faults == ["it is 0x4000", "nothin0x3000", "nothin0x3000",
                                            "the de"], f"{run} {report}")
    run = python(program, "dma.py", ["--dma", f"{igd},0x1000,read=2"], [igd, "close"])
    yield ("not snooped behind a unit that can't enforce it", "not snooped, 7878 at" in run.stderr
           and "VP5808" not in run.stderr, str(run))
    run = python(program, "dma.py", ["--dma", f"{nic},0x9000,read=2"], [nic, "close"])
    yield "a fault is found", "VP5808" in run.stderr, str(run)


def rest(program: str, folder: pathlib.Path):
    """What is left when the program has ended is found."""
    run = emulated(program, ["sh", "-c", "exec 3</dev/iommu; sleep 100 & exit 0"])
    yield "left open", "VP5809" in run.stderr and "/dev/iommu" in run.stderr, str(run)
    run = emulated(program, ["sh", "-c", "exec 3</dev/iommu; exit 0"])
    yield "closed at the end", "VP5809" not in run.stderr, str(run)
    unbind = "printf 0000:03:00.0 > /sys/bus/pci/drivers/nvme/unbind"
    run = emulated(program, ["sh", "-c", unbind])
    yield "not given back", "VP5810" in run.stderr, str(run)
    run = emulated(program, ["sh", "-c",
                             unbind + "; printf 0000:03:00.0 > /sys/bus/pci/drivers_probe"])
    yield "given back", "VP5810" not in run.stderr, str(run)
    page = folder / "page.html"
    run = python(program, "trap.py", ["--simulate-kvm", "--format", "html", "-o", page],
                 ["0000:00:02.0", "0000:01:00.0"])
    text = page.read_text()
    yield ("a page of the run", run.returncode == 0 and "NON-COHERENT" in text and "VP5805" in text
           and "VFIO_DEVICE_BIND_IOMMUFD" in text and "<svg" in text, text[:2000])


def drivers(program: str, folder: pathlib.Path):
    """What is written to drivers' attributes changes sysfs before the write returns."""
    run = emulated(program, ["sh", HERE / "drivers.sh"])
    yield "unbind, override, probe, bind", run.stdout == (HERE / "drivers.txt").read_text(), str(run)
    run = python(program, "in_use.py", arguments=["0000:01:00.0"])
    yield ("a device in use is waited for", run.stdout == "asked 1\nwaits True True\ndone False\n",
           str(run))


def hostile(program: str, folder: pathlib.Path):
    """Wrong pointers, closed files and many processes are answered, and nothing is left."""
    run = python(program, "hostile.py")
    yield "wrong pointers", run.returncode == 0 and run.stdout == "", str(run)
    mark = f"{os.getpid() + 1000000}"
    with subprocess.Popen([program, "emulate", "--", "sleep", mark],
                          stderr=subprocess.DEVNULL) as run:
        time.sleep(1)
        run.kill()
    time.sleep(0.5)
    left = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, text=True).stdout
    yield "a killed supervisor leaves nothing", left == "", left


def unprivileged(program: str, folder: pathlib.Path):
    """An ordinary user has the same machine, where user namespaces are allowed."""
    words = ["sh", "-c", "id -u; test -e /dev/iommu && ls /dev/vfio"]
    others = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    shutil.copy(program, folder / "vfioplan")
    folder.chmod(0o755)
    run = emulated(str(folder / "vfioplan"), words, **others)
    expected = f"{65534 if others else os.geteuid()}\n0\n1\n2\ndevices\nvfio\n"
    yield "an ordinary user", run.stdout == expected or "VP5801" in run.stderr, str(run)


def qemu(program: str, folder: pathlib.Path):
    """Debian's QEMU starts with devices, and its page tables are as told."""
    name = "qemu-system-x86_64"
    if not shutil.which(name):
        print(f"no {name}: skipped")
        return
    run = emulated(program, ["timeout", "-s", "KILL", "5", name, "-S", "-nodefaults", "-display",
                             "none", "-machine", "q35", "-m", "128", "-monitor", "stdio",
                             "-device", "vfio-pci,host=0000:01:00.0",
                             "-device", "vfio-pci,host=0000:02:00.0"],
                   input="info pci\nquit\n")
    yield ("two devices", run.returncode == 0 and "PCI device 8086:10fb" in run.stdout
           and "maps" in run.stderr, str(run))


def itself(program: str, folder: pathlib.Path):
    """vfioplan reads the host that is emulated, and applies a plan to it."""
    host = TESTS.parent / "examples" / "hosts" / "z790.yaml"
    run = emulated(program, [program, "host", "--format", "json"], ["--host", host])
    devices = json.loads(run.stdout)["devices"] if run.returncode == 0 else []
    yield "host", {one.get("driver") for one in devices} >= {"i915", "nouveau", "igc"}, str(run)
    plan = TESTS.parent / "examples" / "igd-and-nic.yaml"
    words = [program, "apply", plan, "--host", host, "--", "sh", "-c", "echo $LISTEN_FDNAMES"]
    run = emulated(program, words, ["--host", host, "--plan", plan])
    yield ("apply", run.returncode == 0 and run.stdout.startswith("iommufd:")
           and "driver igc -> vfio-pci" in run.stderr, str(run))
    run = emulated(program, ["true"], ["--host", host, "--plan", plan])
    yield "a plan that is not carried out", run.returncode == 1 and "VP5807" in run.stderr, str(run)


LAWS = {"conform": conform_fixtures, "ends": ends, "nested": nested,
        "findings": findings, "dma": dma,
        "rest": rest, "drivers": drivers, "hostile": hostile, "unprivileged": unprivileged,
        "qemu": qemu, "itself": itself}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    program = os.path.abspath(chosen.program)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, law in LAWS.items():
            if chosen.only not in name:
                continue
            count = 0
            for case, holds, text in law(program, pathlib.Path(folder)):
                count += 1
                if not holds:
                    failed += 1
                    print(f"FAILED {name}: {case}\n{text}")
            print(f"{name}: {count} cases")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
