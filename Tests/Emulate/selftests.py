#!/usr/bin/env python3
"""The kernel's own selftests of iommufd and VFIO under `emulate`, built from Debian's linux-source.

    selftests.py PROGRAM

Nothing of them is in the repository: they are fetched, unpacked and built below ~/.cache.
"""

import contextlib
import itertools
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "KernelLab"))

from labkit import debian  # noqa: E402
from labkit.cache import cache_directory  # noqa: E402

CACHE = cache_directory()
SOURCE = r"linux-source-7\.3"
TESTS = "tools/testing/selftests"
WANTED = [f"{TESTS}/iommu", f"{TESTS}/vfio", f"{TESTS}/kselftest*.h", "include/uapi/linux/*.h",
          "drivers/iommu/iommufd/iommufd_test.h", "tools/include", "tools/arch/x86/include"]
HEADERS = ["iommufd.h", "vfio.h", "eventfd.h", "pci_regs.h"]
VFIO = ["vfio_dma_mapping_test", "vfio_iommufd_setup_test", "vfio_pci_device_test"]
# What must pass of the 246 of iommufd.c; with huge pages, which half of it asks for, more does.
LEAST = 150
HUGE_PAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
# Why the others don't pass; another failure is a fault.
REASONS = [
    (r"change_process\.", "VmPin in /proc is the kernel's, and nothing is pinned"),
    (r"\.dmabuf_", "no dma-buf is simulated"),
    (r"\.alloc_hwpt_nested$", "page tables below a guest's are not simulated"),
    (r"\.fork_gone$", "the memory of a process that has ended can't be read any more"),
    (r"iommufd_viommu\.", "no IOMMU is simulated for a guest"),
    (r"\.pasid_attach$", "PASIDs need page tables below a guest's"),
    (r"huge", "this machine has no huge pages left for it"),
    (r"mock_domain(_limit)?\.access_domain_destory$|two_mock_domain\.access_domain_destory$",
     "this machine has no huge pages left for it")]
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
            subprocess.run(
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


@contextlib.contextmanager
def huge_pages(count=400):
    """Huge pages of 2 MiB for a while, where we may."""
    try:
        before = HUGE_PAGES.read_text()
        HUGE_PAGES.write_text(str(max(count, int(before))))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        HUGE_PAGES.write_text(before)


def reason(name):
    """Why a test does not pass; None if nobody knows."""
    return next((why for pattern, why in REASONS if re.search(pattern, name)), None)


def iommufd_tests(command):
    """Runs the tests of iommufd and explains what does not pass; whether all is as it should be."""
    passed, skipped, others = run(command)
    print(f"iommufd: {len(passed)} of {len(passed + skipped + others)} passed, {LEAST} must; "
          f"{len(skipped)} skipped by themselves")
    for why, names in itertools.groupby(sorted(others, key=lambda name: str(reason(name))), key=reason):
        print(f"  {why or 'UNEXPLAINED'}:", *names, sep="\n    ")
    return len(passed) >= LEAST and all(map(reason, others))


def vfio_tests(name, command):
    """Runs tests of VFIO, of which all have to pass that can be tried here."""
    passed, skipped, others = run(command)
    print(f"{name}: {len(passed)} of {len(passed + skipped + others)} passed"
          + "".join(f"\n  skipped: {one}" for one in skipped)
          + "".join(f"\n  FAIL: {one}" for one in others))
    return bool(passed) and not others


def main():
    emulate = [sys.argv[1], "emulate"]
    try:
        iommufd, vfio = programs(unpacked())
    except (debian.Unavailable, OSError, LookupError, subprocess.CalledProcessError) as error:
        print(f"SKIPPED: the kernel's selftests can't be had or built: {error}")
        return 0
    with tempfile.TemporaryDirectory() as folder, huge_pages():
        host = pathlib.Path(folder) / "host.yaml"
        host.write_text(HOST)
        options = ["--host", str(host), "-o", "/dev/null"]
        good = [iommufd_tests([*emulate, *options, "--iommufd-test", "--", iommufd])]
        good += [vfio_tests(name, [*emulate, *options, "--", program, DEVICE])
                 for name, program in vfio.items()]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
