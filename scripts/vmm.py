#!/usr/bin/env python3
"""Checks the configuration that vfioplan writes for VMMs against what those say of themselves.

    vmm.py PROGRAM     libvirt XML of every example and import, against the schemas of libvirt's own packages

The schemas come from Debian, the newest suite and an older one, into the user's cache directory. The
older one has no iommufd: what needs it must be refused there, so that this check can fail.
Exit code 0: all as expected; 1: not.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "KernelLab"))

from labkit import debian  # noqa: E402
from labkit.cache import cache_directory  # noqa: E402

# Suite -> whether its libvirt knows iommufd (12.2 and later do).
SUITES = {"sid": True, "bookworm-backports": False}
PACKAGE = "libvirt-common"


def schema(suite: str) -> tuple[str, pathlib.Path]:
    """The version of libvirt in a suite, and its schema of domains."""
    archive = debian.Archive(cache_directory() / f"debian-{suite}", [suite])
    archive.update()
    version = archive.candidate(PACKAGE)
    place = cache_directory() / "libvirt" / version.replace(":", "_")
    if not place.exists():
        debian.unpack_package(archive.download(PACKAGE, version), place)
    return version, place / "usr/share/libvirt/schemas/domain.rng"


def configurations(program: str):
    """Every example's XML: name, whether it needs iommufd, text."""
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        if "\nkind: VM\n" not in example.read_text():
            continue
        host = re.search(r"^# host: (.*)$", example.read_text(), re.M).group(1)
        for target in ("iommufd", "type1"):
            run = subprocess.run(
                [program, "compile", example, "--host", ROOT / "examples" / host,
                 "--target", target, "--format", "libvirt"], text=True, capture_output=True)
            if run.returncode == 0:
                yield f"{example.stem}/{target}", target == "iommufd", run.stdout
            elif run.returncode not in (1, 69):
                yield f"{example.stem}/{target}", False, ""
    yield from imported(program)


def imported(program: str):
    """The same of every configuration of another program that can be compiled for one host."""
    for path in sorted((ROOT / "Tests/Fixtures/Import").glob("*/*")):
        read = subprocess.run([program, "import", path], text=True, capture_output=True)
        # Few of them name all devices of a group.
        text = read.stdout.replace("kind: VM\n", "kind: VM\ncompanions: bind\n", 1)
        run = subprocess.run(
            [program, "compile", "-", "--host", ROOT / "examples/hosts/z790.yaml", "--target", "type1",
             "--format", "libvirt"], input=text, text=True, capture_output=True)
        if read.returncode == 0 and run.returncode == 0:
            yield f"{path.parent.name}/{path.name}", False, run.stdout


def accepts(rules: pathlib.Path, text: str) -> bool:
    return subprocess.run(
        ["xmllint", "--noout", "--relaxng", rules, "-"], input=text, text=True,
        capture_output=True).returncode == 0


def main(program: str) -> int:
    texts = list(configurations(program))
    wrong = []
    for suite, knows in SUITES.items():
        version, rules = schema(suite)
        for name, needs, text in texts:
            if accepts(rules, text) != (knows or not needs):
                wrong.append(f"{name} with libvirt {version}")
        print(f"libvirt {version}: {len(texts)} domains"
              + ("" if knows else ", those with iommufd to be refused"))
    for line in wrong:
        print(f"not as expected: {line}", file=sys.stderr)
    return 1 if wrong or not texts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
