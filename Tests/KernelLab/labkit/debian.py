"""Debian packages from suites the machine's own sources need not list, without touching those.

The archive's address comes from the machine's own apt configuration: a mirror or a proxy that is
set up there is used here, too.
"""

import os
import re
import subprocess
from pathlib import Path

# What most packages come from. A suite that ends with `-security` is in an archive of its own.
SUITES = ["bookworm", "bookworm-updates", "bookworm-backports", "trixie-backports",
          "bookworm-security"]


class Unavailable(LookupError):
    """What the archive does not give: a suite or a package that is not there, or no answer."""


class Archive:
    """A private view of the Debian archive, kept in one directory."""

    def __init__(self, directory: Path, suites: list[str] = SUITES):
        self.directory = directory
        self.suites = suites
        self.options = [
            f"-oDir::Etc::SourceList={directory}/lab.sources.list",
            "-oDir::Etc::SourceParts=/dev/null",
            f"-oDir::State::Lists={directory}/lists",
            f"-oDir::Cache={directory}/cache",
            "-oAPT::Sandbox::User=root",
            "-oAPT::Get::List-Cleanup=false",
        ]

    def update(self):
        """Reads the package lists; seconds, and the lists are kept."""
        for part in ("lists/partial", "cache/archives/partial", "packages"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        (self.directory / "lab.sources.list").write_text(sources_list(self.suites))
        self._apt("apt-get", "update", "-q")

    def candidate(self, package: str) -> str:
        """The newest version of a package in these suites."""
        table = self._apt("apt-cache", "madison", package)
        versions = [line.split("|")[1].strip() for line in table.splitlines()]
        if not versions:
            raise Unavailable(f"no package '{package}' in {', '.join(self.suites)}")
        best = versions[0]
        for version in versions[1:]:
            if is_newer(version, best):
                best = version
        return best

    def names(self, pattern: str) -> list[str]:
        """The package names that match a regular expression as a whole."""
        names = self._apt("apt-cache", "pkgnames").split()
        return sorted(name for name in names if re.fullmatch(pattern, name))

    def parts(self, package: str, version: str) -> list[str]:
        """What a package consists of: newer images of the kernel are only names for two others.

        Some of these Debian has longer than the others, and alone they are of no use.
        """
        said = self._apt("apt-cache", "show", f"{package}={version}")
        parts = sorted(set(re.findall(r"(linux-(?:binary|modules)-\S+) \(= ", said)))
        for part in parts:
            self.candidate(part)
        return parts or [package]

    def download(self, package: str, version: str) -> Path:
        """Fetches a package, or finds it among those fetched before."""
        packages = self.directory / "packages"
        escaped = version.replace(":", "%3a")
        found = list(packages.glob(f"{package}_{escaped}_*.deb"))
        if not found:
            self._apt("apt-get", "download", f"{package}={version}", cwd=packages)
            found = list(packages.glob(f"{package}_{escaped}_*.deb"))
        return found[0]

    def download_with_dependencies(self, package: str) -> list[Path]:
        """Fetches a package and all it depends on, as if nothing were installed."""
        nothing = self.directory / "status"
        nothing.touch()
        self._apt("apt-get", f"-oDir::State::status={nothing}", "-oDebug::NoLocking=true",
                  "-y", "-q", "--no-install-recommends", "--download-only", "install", package)
        return sorted((self.directory / "cache/archives").glob("*.deb"))

    def _apt(self, tool: str, *arguments: str, cwd=None) -> str:
        run = subprocess.run(
            [tool, *self.options, *arguments], cwd=cwd, text=True, capture_output=True,
            env={**os.environ, "LC_ALL": "C"})
        if run.returncode != 0:
            raise Unavailable(f"{tool} {' '.join(arguments)}: {run.stderr.strip()}")
        return run.stdout


def sources_list(suites: list[str]) -> str:
    """A sources list with the machine's own archive addresses and some suites."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"],
        text=True, capture_output=True, check=True).stdout
    archive = security = None
    for line in targets.splitlines():
        uri, _, rest = line.partition(" ")
        release, _, component = rest.partition(" ")
        if component != "main":
            continue
        if release.endswith("-security"):
            security = security or uri
        elif "/debian" in uri:
            archive = archive or uri
    if archive is None:
        raise Unavailable("apt on this machine has no Debian archive with component main")
    places = {suite: security if suite.endswith("-security") else archive for suite in suites}
    return "".join(f"deb {place} {suite} main\n" for suite, place in places.items() if place)


def unpack_package(package: Path, directory: Path):
    """Unpacks a package's files."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "-x", package, directory], check=True)


def is_newer(left: str, right: str) -> bool:
    """Whether a Debian version is later than another."""
    return subprocess.run(["dpkg", "--compare-versions", left, "gt", right]).returncode == 0
