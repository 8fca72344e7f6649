#!/usr/bin/env python3
"""The kernel's own selftests of iommufd and VFIO under `emulate`, built from Debian's linux-source.

    selftests.py PROGRAM

Nothing of them is in the repository: they are fetched, unpacked and built below ~/.cache.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "KernelLab"))

from labkit import debian  # noqa: E402

CACHE = pathlib.Path.home() / ".cache/vfioplan-lab"
SOURCE, SUITES = r"linux-source-7\.3", ["bookworm-backports", "trixie-backports", "sid"]
TESTS = "tools/testing/selftests"
WANTED = [f"{TESTS}/iommu", f"{TESTS}/vfio", f"{TESTS}/kselftest*.h", "include/uapi/linux/*.h",
          "drivers/iommu/iommufd/iommufd_test.h", "tools/include", "tools/arch/x86/include"]
HEADERS = ["iommufd.h", "vfio.h", "eventfd.h", "pci_regs.h"]
VFIO = ["vfio_dma_mapping_test", "vfio_iommufd_setup_test", "vfio_pci_device_test"]
# What must pass of the 246 of iommufd.c.
LEAST = 150
DEVICE = "0000:01:00.0"
HOST = f"""\
apiVersion: vfioplan/v1
kind: Host
name: selftests
kernel: {{ release: "7.3", iommufd: true, vfioCdev: true, type1: true, kvm: true }}
iommus:
  - {{ name: dmar0, type: intel-vtd, enforceSnoop: true, isolatedMSI: true }}
devices:
  - {{ address: "{DEVICE}", vendor: 0x8086, device: 0x1572, class: 0x020000, iommu: dmar0, group: 1,
      driver: vfio-pci, bars: [ {{ index: 0, size: 16MiB, bits: 64 }} ] }}
"""


def unpacked():
    """The sources, in a folder that keeps them."""
    home = CACHE / "selftests"
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        archive = debian.Archive(CACHE / "debian")
        archive.update()
        name = sorted(archive.names(SOURCE))[-1]
        package = archive.download(name, archive.candidate(name))
        home.mkdir(parents=True)
        with subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as whole:
            inner = subprocess.run(
                ["tar", "xO", "--wildcards", "*.tar.xz"], stdin=whole.stdout, stdout=open(
                    home / "source.tar.xz", "wb"), check=True)
        subprocess.run(
            ["tar", "xf", home / "source.tar.xz", "-C", home, "--strip-components=1", "--wildcards",
             *(f"*/{path}" for path in WANTED)], check=True)
        (home / "source.tar.xz").unlink()
        (home / "linux").mkdir()
        for name in HEADERS:
            shutil.copy(home / "include/uapi/linux" / name, home / "linux")
        (home / "done").touch()
    return home


def built(home, name, sources, libraries, include=()):
    """Builds a program of some sources unless it is there."""
    program = home / name
    if not program.exists():
        folders = [home, *include, home / TESTS, home / "tools/arch/x86/include", home / "tools/include",
                   home / "tools/include/uapi"]
        # What the kernel's own build takes out of its headers.
        subprocess.run(
            ["gcc", "-O1", "-w", "-static", "-pthread", "-D__user=", "-D__counted_by(x)=",
             "-D_GNU_SOURCE=", *(f"-I{folder}" for folder in folders), *map(str, sources), "-o",
             str(program), *libraries], check=True)
    return str(program)


def programs(home):
    """The test of iommufd, and those of VFIO by name."""
    vfio = home / TESTS / "vfio"
    common = [*sorted((vfio / "lib").glob("*.c")), HERE / "no_drivers.c"]
    iommufd = built(home, "iommufd", [home / TESTS / "iommu/iommufd.c"], ["-lcap"])
    return iommufd, {
        name: built(home, name, [vfio / f"{name}.c", *common], ["-luuid"], [vfio / "lib/include"])
        for name in VFIO}


def run(command):
    """What a program in kselftest's form says: the tests that passed, were skipped, and the others."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    results = re.findall(r"^(ok|not ok) \d+ (.*)$", done.stdout, re.MULTILINE)
    skipped = [name for _, name in results if "# SKIP" in name]
    passed = [name for result, name in results if result == "ok" and name not in skipped]
    others = [name for result, name in results if result != "ok" and name not in skipped]
    if not results:
        print(done.stdout[-2000:], done.stderr[-2000:])
    return passed, skipped, others


def main():
    emulate = [sys.argv[1], "emulate"]
    try:
        iommufd, vfio = programs(unpacked())
    except (debian.Unavailable, OSError, subprocess.CalledProcessError) as error:
        print(f"SKIPPED: the kernel's selftests can't be had or built: {error}")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        host = pathlib.Path(folder) / "host.yaml"
        host.write_text(HOST)
        passed, skipped, others = run(
            [*emulate, "--host", str(host), "--iommufd-test", "-o", "/dev/null", "--", iommufd])
        print(f"iommufd: {len(passed)} of {len(passed + skipped + others)} passed, {LEAST} must")
        failed += len(passed) < LEAST
        kinds = collections.Counter(name.split(".")[0] for name in passed)
        rest = collections.Counter(name.split(".")[0] for name in others)
        for kind in sorted(kinds | rest):
            print(f"  {kind}: {kinds[kind]} passed, {rest[kind]} not")
        if os.environ.get("VERBOSE"):
            print("\n".join(f"  not: {name}" for name in others))
        for name, program in vfio.items():
            passed, skipped, others = run(
                [*emulate, "--host", str(host), "-o", "/dev/null", "--", program, DEVICE])
            print(f"{name}: {len(passed)} of {len(passed + skipped + others)} passed"
                  + "".join(f"\n  skipped: {one}" for one in skipped))
            failed += not passed or bool(others)
            print("".join(f"  not: {other}\n" for other in others), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
