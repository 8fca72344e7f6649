#!/usr/bin/env python3
"""Installs a package in fresh systems, runs it, and removes it without a trace. Needs root and debootstrap.

    deb_check.py PACKAGE SUITE...

Systems come from where this machine's apt has its own packages from.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

EXAMPLES = "/usr/share/doc/vfioplan/examples"
# What is run in the new system, its status, and a part of what it says.
RUNS = [
    (["vfioplan", "--version"], 0, "0."),
    (["vfioplan", "compile", f"{EXAMPLES}/order-trap.yaml", "--host", f"{EXAMPLES}/hosts/xeon-2s.yaml"], 0,
     "NON-COHERENT"),
    (["vfioplan", "apply", f"{EXAMPLES}/order-trap.yaml", "--host", f"{EXAMPLES}/hosts/xeon-2s.yaml",
      "--simulate", "--format", "json"], 0, '"ok":true'),
    (["vfioplan", "explain", "VP2003"], 0, "VP2003"),
    (["vfioplan", "schema", "vm"], 0, "json-schema.org"),
    (["vfioplan", "compile", "/nowhere.yaml"], 66, ""),
]
# What dpkg and the system keep of every package that was ever there.
KEPT = ("var/lib/dpkg/", "var/log/", "var/cache/", "var/lib/apt/", "proc/", "sys/", "dev/", "tmp/", "root/")


def mirror():
    """The first archive of Debian's own packages that apt reads."""
    lines = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"],
        check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    places = [line.split()[0] for line in lines if line.split()[0].rstrip("/").endswith("/debian")]
    return (places or [line.split()[0] for line in lines])[0]


def environment():
    """The way to the archive, as apt goes it."""
    found = dict(os.environ, LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive")
    for kind in ("http", "https"):
        proxy = subprocess.run(["apt-config", "shell", "P", f"Acquire::{kind}::Proxy"], stdout=subprocess.PIPE,
                               text=True).stdout.strip().removeprefix("P='").removesuffix("'")
        if proxy:
            found[f"{kind}_proxy"] = proxy
    return found


def files(root):
    """Every file of a system that does not belong to its package manager."""
    found = set()
    for folder, folders, names in os.walk(root):
        place = os.path.relpath(folder, root).removeprefix(".")
        for name in names + folders:
            path = f"{place}/{name}".lstrip("/")
            if not (path + "/").startswith(KEPT):
                found.add(path)
    return found


def inside(root, command, expected=0, part=""):
    run = subprocess.run(["chroot", str(root), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, env=environment())
    if run.returncode != expected or part not in run.stdout:
        sys.exit(f"{' '.join(command)}: status {run.returncode}, not {expected} with '{part}'\n{run.stdout}")


def check(package, suite, root):
    made = subprocess.run(["debootstrap", "--variant=minbase", suite, str(root), mirror()],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())
    if made.returncode:
        sys.exit(f"debootstrap {suite} failed\n{made.stdout[-2000:]}")
    before = files(root)
    shutil.copy(package, root / "tmp" / "vfioplan.deb")
    inside(root, ["dpkg", "--install", "/tmp/vfioplan.deb"])
    inside(root, ["dpkg", "--verify", "vfioplan"])
    for command, status, part in RUNS:
        inside(root, command, status, part)
    added = len(files(root) - before)
    inside(root, ["dpkg", "--purge", "vfioplan"])
    left = sorted(files(root) ^ before)
    if left or not added:
        sys.exit(f"{suite}: {added} files came; after the removal differ: {' '.join(left[:20])}")
    print(f"{suite}: {added} files came and went, {len(RUNS)} runs were as they should be", flush=True)


def main():
    package, *suites = sys.argv[1:]
    for suite in suites:
        with tempfile.TemporaryDirectory(prefix="vfioplan-deb-") as folder:
            check(pathlib.Path(package), suite, pathlib.Path(folder) / "root")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
