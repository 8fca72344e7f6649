"""The lab's kernels: fetched or built once, then kept by a hash of recipe and version."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import debian, mixed

HERE = Path(__file__).resolve().parent.parent
FRAGMENT = HERE / "kernel.fragment"
# Modules of the stock kernel, in the order they are loaded; the last ones are drivers of the south
# bridge's functions, which share an IOMMU group.
STOCK_MODULES = [
    "irqbypass", "ccp", "kvm", "kvm-amd", "vfio", "vfio_virqfd", "vfio_iommu_type1",
    "vfio-pci-core", "vfio-pci", "scsi_common", "scsi_mod", "libata", "libahci", "ahci",
    "i2c-smbus", "i2c-i801",
]


@dataclass(frozen=True)
class Kernel:
    """One kernel that machines boot."""

    name: str
    version: str
    image: Path
    modules: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How to get a kernel."""

    name: str
    package: str  # a regular expression; the newest that matches is taken
    isBuilt: bool

    @property
    def kernelNames(self) -> list[str]:
        """The kernels it gives: what is built here comes with a mixed-coherency variant."""
        return [self.name, self.name + "-mixed"] if self.isBuilt else [self.name]


RECIPES = [
    Recipe("6.1", r"linux-image-6\.1\.0-\d+-amd64", isBuilt=False),
    Recipe("6.12", r"linux-source-6\.12", isBuilt=True),
    Recipe("7.3", r"linux-source-7\.3", isBuilt=True),
]


class Shelf:
    """The cache directory and what is in it."""

    def __init__(self, directory: Path, say=print):
        self.directory = directory
        self.archive = debian.Archive(directory / "debian")
        self.say = say
        self._isFresh = False

    def obtain(self, recipe: Recipe) -> list[Kernel]:
        """The kernel of a recipe, and its mixed-coherency variant if it is built here."""
        with self._alone():
            home = self._make(recipe)
        version = (home / "done").read_text().strip()
        if not recipe.isBuilt:
            modules = tuple(home / "modules" / f"{name}.ko" for name in STOCK_MODULES)
            return [Kernel(recipe.name, version, home / "bzImage",
                           tuple(module for module in modules if module.exists()))]
        return [Kernel(recipe.name, version, home / "bzImage"),
                Kernel(recipe.name + "-mixed", version, home / "bzImage-mixed")]

    @contextlib.contextmanager
    def _alone(self):
        """Keeps other runs from the cache, which would build the same in the same place."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("waiting for another run, which gets kernels")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make(self, recipe: Recipe) -> Path:
        """Where the newest kernel of a recipe is, made if it is not there."""
        version, package = self._newest(recipe)
        home = self.directory / "kernels" / f"{recipe.name}-{recipeHash(recipe, version)}"
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            deb = self.archive.download(package, version)
            (self._build if recipe.isBuilt else self._unpackStock)(recipe, deb, home)
            (home / "done").write_text(version + "\n")
        return home

    def refresh(self):
        """Reads Debian's package lists, once a run."""
        if not self._isFresh:
            self.say("reading the package lists of Debian")
            self.archive.update()
            self._isFresh = True

    def _newest(self, recipe: Recipe) -> tuple[str, str]:
        """Version and package; asks the archive at most once a day."""
        stamp = self.directory / "debian" / f"newest-{recipe.name}"
        if stamp.exists() and ageInHours(stamp) < 24:
            version, package = stamp.read_text().split()
            return version, package
        self.refresh()
        candidates = [(self.archive.candidate(name), name)
                      for name in self.archive.names(recipe.package)]
        if not candidates:
            raise LookupError(f"no package matches '{recipe.package}'")
        best = candidates[0]
        for candidate in candidates[1:]:
            if debian.isNewer(candidate[0], best[0]):
                best = candidate
        stamp.write_text(" ".join(best) + "\n")
        return best

    def _unpackStock(self, recipe: Recipe, deb: Path, home: Path):
        """Debian's own image and the modules VFIO and KVM need."""
        scratch = self.directory / "unpack" / recipe.name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        debian.unpack(deb, scratch)
        shutil.copy(next(scratch.glob("boot/vmlinuz-*")), home / "bzImage")
        (home / "modules").mkdir()
        for name in STOCK_MODULES:
            for module in scratch.rglob(f"{name}.ko*"):
                target = home / "modules" / module.name
                shutil.copy(module, target)
                if target.suffix == ".xz":
                    subprocess.run(["xz", "-d", "-f", target], check=True)
        shutil.rmtree(scratch)

    def _build(self, recipe: Recipe, deb: Path, home: Path):
        """Builds the kernel, then once more with the mixed-coherency change."""
        scratch = self.directory / "unpack" / recipe.name
        if not (scratch / "ready").exists():
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            self.say(f"unpacking the source of {recipe.name}")
            debian.unpack(deb, scratch / "deb")
            tarball = next((scratch / "deb").rglob("linux-source-*.tar.xz"))
            subprocess.run(["tar", "-xJf", tarball, "-C", scratch], check=True)
            shutil.rmtree(scratch / "deb")
            (scratch / "ready").touch()
        tree = next(scratch.glob("linux-source-*"))
        log = home / "build.log"
        self.say(f"building {recipe.name}, 10 to 20 minutes; log in {log}")
        configure(tree, log)
        mixed.remove(tree)
        make(tree, log, "bzImage", "headers")
        image = tree / "arch" / "x86" / "boot" / "bzImage"
        shutil.copy(image, home / "bzImage")
        shutil.copy(tree / ".config", home / "config")
        shutil.copytree(tree / "usr" / "include", home / "include")
        self.say(f"building {recipe.name} with mixed coherency, about a minute")
        mixed.insert(tree)
        make(tree, log, "bzImage")
        shutil.copy(image, home / "bzImage-mixed")
        shutil.rmtree(scratch)


def recipeHash(recipe: Recipe, version: str) -> str:
    """Names everything a kernel is made of."""
    parts = [recipe.name, version]
    parts += [FRAGMENT.read_text(), Path(mixed.__file__).read_text()] if recipe.isBuilt \
        else STOCK_MODULES
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def ageInHours(path: Path) -> float:
    """How long ago a file was written."""
    return (time.time() - path.stat().st_mtime) / 3600


def configure(tree: Path, log: Path):
    """tinyconfig plus the fragment; everything asked for must have been taken."""
    make(tree, log, "tinyconfig")
    with open(tree / ".config", "a") as config:
        config.write(FRAGMENT.read_text())
    make(tree, log, "olddefconfig")
    taken = set((tree / ".config").read_text().splitlines())
    asked = [line for line in FRAGMENT.read_text().splitlines() if line.startswith("CONFIG_")]
    missing = [line for line in asked if line not in taken]
    if missing:
        raise RuntimeError("the kernel's configuration refused: " + ", ".join(missing))


def make(tree: Path, log: Path, *targets: str):
    """Runs the kernel's make, at the lowest priority."""
    environment = {
        **os.environ, "KBUILD_BUILD_USER": "lab", "KBUILD_BUILD_HOST": "lab",
        "KBUILD_BUILD_TIMESTAMP": "2021-06-01", "LC_ALL": "C",
    }
    with open(log, "ab") as output:
        run = subprocess.run(
            ["nice", "-n", "19", "make", f"-j{os.cpu_count()}", *targets], cwd=tree,
            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment)
    if run.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"make {' '.join(targets)} failed:\n{tail}")
