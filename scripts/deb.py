#!/usr/bin/env python3
"""Makes a Debian package of a built vfioplan, with dpkg-deb alone.

    deb.py --binary PATH --output FOLDER [--commit TEXT] [--date YYYY-MM-DD]

What goes where is scripts/install.py's; what dpkg is told is in packaging/debian. Prints the package.
The same program, commit and date give the same bytes.
"""

import argparse
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import install
import sbom

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "packaging" / "debian"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.strip()


def configured(key):
    """A setting of git, empty if it is not there, as on a new machine."""
    return output("git", "config", "--default", "", "--get", key)


def maintainer():
    """As Debian's tools take it, else who commits here, else who did last."""
    name = os.environ.get("DEBFULLNAME") or configured("user.name") or output("git", "log", "-1", "--format=%an")
    email = os.environ.get("DEBEMAIL") or configured("user.email") or output("git", "log", "-1", "--format=%ae")
    return f"{name} <{email}>"


def version(binary, commit, date):
    """The program's own version; older than the release of that number unless the commit is its tag."""
    number = output(binary, "--version").split()[0]
    if commit in ("", f"v{number}"):
        return number
    return f"{number}~git{date.replace('-', '')}." + re.sub(r"[^A-Za-z0-9.]", ".", commit)


def compressed(text):
    return gzip.compress(text, 9, mtime=0)


def files(tree):
    return sorted(path for path in tree.rglob("*") if path.is_file() and "DEBIAN" not in path.parts)


def write(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def documents(tree, options, number):
    """What Debian wants of every package: a change log, a copyright, pages and texts compressed."""
    place = tree / "usr/share/doc/vfioplan"
    day = datetime.datetime.strptime(options.date, "%Y-%m-%d").strftime("%a, %d %b %Y 00:00:00 +0000")
    log = (f"vfioplan ({number}) unstable; urgency=medium\n\n  * See CHANGELOG.md for what users notice.\n\n"
           f" -- {maintainer()}  {day}\n")
    write(place / "changelog.gz", compressed(log.encode()))
    write(place / "copyright", (SOURCE / "copyright").read_bytes())
    write(tree / "usr/share/lintian/overrides/vfioplan", (SOURCE / "lintian-overrides").read_bytes())
    parts = sbom.document(options.binary, options.date)
    write(place / "sbom.cdx.json", (json.dumps(parts, indent=2) + "\n").encode())
    for page in (tree / "usr/share/man/man1").glob("*.1"):
        write(page.with_name(page.name + ".gz"), compressed(page.read_bytes()))
        page.unlink()


def control(tree, number):
    """The folder that dpkg reads."""
    size = sum(-(-path.stat().st_size // 1024) for path in files(tree))
    fields = {
        "Package": "vfioplan", "Version": number, "Architecture": output("dpkg", "--print-architecture"),
        "Maintainer": maintainer(), "Installed-Size": str(size), "Section": "admin", "Priority": "optional",
        "Recommends": "pci.ids", "Description": (SOURCE / "description").read_text().rstrip("\n"),
    }
    text = "".join(f"{key}: {value}\n" for key, value in fields.items())
    write(tree / "DEBIAN/control", text.encode())
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n"
                   for path in files(tree))
    write(tree / "DEBIAN/md5sums", sums.encode())
    for script in ("postinst", "postrm"):
        write(tree / "DEBIAN" / script, (SOURCE / script).read_bytes(), 0o755)


def settle(tree, date):
    """Rights and times that do not depend on who builds when."""
    when = datetime.datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc).timestamp()
    for path in [tree, *tree.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (when, when))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--commit", default="")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    number = version(options.binary, options.commit, options.date)
    tree = pathlib.Path(tempfile.mkdtemp(prefix="vfioplan-deb-"))
    try:
        subprocess.run(
            [sys.executable, install.__file__, "--binary", options.binary, "--destdir", str(tree), "--prefix",
             "/usr", "--layout", "debian", "--date", options.date], check=True, stdout=subprocess.DEVNULL)
        documents(tree, options, number)
        control(tree, number)
        settle(tree, options.date)
        options.output.mkdir(parents=True, exist_ok=True)
        architecture = output("dpkg", "--print-architecture")
        package = options.output / f"vfioplan_{number}_{architecture}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--uniform-compression", "-Zxz", "--build", str(tree),
                        str(package)], check=True, stdout=subprocess.DEVNULL)
        print(package)
    finally:
        shutil.rmtree(tree)


if __name__ == "__main__":
    main()
