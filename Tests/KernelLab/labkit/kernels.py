"""The lab's kernels: fetched or built once, then kept by a hash of recipe and version."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import debian, mixed, modules
from .recipes import RECIPES, Kernel, Recipe

__all__ = ["RECIPES", "Kernel", "Recipe", "Shelf"]

LAB_FOLDER = Path(__file__).resolve().parent.parent
FRAGMENT = LAB_FOLDER / "kernel.fragment"


class Shelf:
    """The cache directory and what is in it."""

    def __init__(self, directory: Path, say=print):
        self.directory = directory
        self.say = say
        self._archives: dict[tuple[str, ...], debian.Archive] = {}

    def obtain(self, recipe: Recipe) -> list[Kernel]:
        """The kernel of a recipe, and its mixed-coherency variant if it is built here."""
        with self._alone():
            return recipe.kernels(self._make(recipe))

    def find(self, recipe: Recipe) -> list[Kernel]:
        """The same if it was made before, of whatever version; none if not."""
        made = [path.parent for path in self._homes(recipe)
                if path.parent == self._home(recipe, path.read_text().strip())]
        return recipe.kernels(max(made, key=lambda home: (home / "done").stat().st_mtime)) \
            if made else []

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
        home = self._home(recipe, version)
        if not (home / "done").exists():
            archive = self.archive(recipe.suites)
            debs = [archive.download(name, version) for name in archive.parts(package, version)]
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            (self._build if recipe.is_built else self._unpack_stock)(recipe, debs, home)
            (home / "done").write_text(version + "\n")
        return home

    def _homes(self, recipe: Recipe) -> list[Path]:
        """What says that a kernel of a recipe was made, in any version and way."""
        return list((self.directory / "kernels").glob(f"{recipe.name}-*/done"))

    def _home(self, recipe: Recipe, version: str) -> Path:
        """Where a kernel of some version is, or would be."""
        return self.directory / "kernels" / f"{recipe.name}-{recipe_hash(recipe, version)}"

    def archive(self, suites: tuple[str, ...] = tuple(debian.SUITES)) -> debian.Archive:
        """Some suites of Debian, whose package lists are read once a run."""
        if suites not in self._archives:
            self.say(f"reading the package lists of Debian: {' '.join(suites)}")
            is_usual = suites == tuple(debian.SUITES)
            archive = debian.Archive(
                self.directory / ("debian" if is_usual else f"debian-{suites[0]}"), list(suites))
            archive.update()
            self._archives[suites] = archive
        return self._archives[suites]

    def _newest(self, recipe: Recipe) -> tuple[str, str]:
        """Version and package; asks the archive at most once a day."""
        stamp = self.directory / "debian" / f"newest-{recipe.name}"
        if stamp.exists() and age_in_hours(stamp) < 24:
            version, package = stamp.read_text().split()
            return version, package
        archive = self.archive(recipe.suites)
        candidates = [(archive.candidate(name), name) for name in archive.names(recipe.package)]
        if not candidates:
            raise debian.Unavailable(
                f"no package matches '{recipe.package}' in {', '.join(recipe.suites)}")
        best = candidates[0]
        for candidate in candidates[1:]:
            if debian.is_newer(candidate[0], best[0]):
                best = candidate
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(" ".join(best) + "\n")
        return best

    def _unpack_stock(self, recipe: Recipe, debs: list[Path], home: Path):
        """Debian's own image and the modules VFIO and KVM need."""
        scratch = self.directory / "unpack" / recipe.name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        for deb in debs:
            debian.unpack_package(deb, scratch)
        shutil.copy(next(scratch.glob("boot/vmlinuz-*")), home / "bzImage")
        modules.copy(scratch, home / "modules")
        shutil.rmtree(scratch)

    def _build(self, recipe: Recipe, debs: list[Path], home: Path):
        """Builds the kernel, then once more with the mixed-coherency change."""
        scratch = self.directory / "unpack" / recipe.name
        if not (scratch / "ready").exists():
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            self.say(f"unpacking the source of {recipe.name}")
            debian.unpack_package(debs[0], scratch / "deb")
            tarball = next((scratch / "deb").rglob("linux-source-*.tar.xz"))
            subprocess.run(["tar", "-xJf", tarball, "-C", scratch], check=True)
            shutil.rmtree(scratch / "deb")
            (scratch / "ready").touch()
        tree = next(scratch.glob("linux-source-*"))
        log = home / "build.log"
        self.say(f"building {recipe.name}, 10 to 20 minutes; log in {log}")
        configure_kernel(recipe, tree, log)
        recipe.mixing.remove(tree)
        run_make(tree, log, "bzImage", "headers")
        image = tree / "arch" / "x86" / "boot" / "bzImage"
        shutil.copy(image, home / "bzImage")
        shutil.copy(tree / ".config", home / "config")
        shutil.copytree(tree / "usr" / "include", home / "include")
        self.say(f"building {recipe.name} with mixed coherency, about a minute")
        recipe.mixing.insert(tree)
        run_make(tree, log, "bzImage")
        shutil.copy(image, home / "bzImage-mixed")
        shutil.rmtree(scratch)


def recipe_hash(recipe: Recipe, version: str) -> str:
    """Names everything a kernel is made of."""
    parts = [recipe.name, version]
    if recipe.is_built:
        parts += [FRAGMENT.read_text(), Path(mixed.__file__).read_text(), *sorted(recipe.lacks),
                  *recipe.adds]
        parts += [Path(recipe.mixing.__file__).read_text()] if recipe.mixing != mixed else []
    else:
        parts.append(Path(modules.__file__).read_text())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def age_in_hours(path: Path) -> float:
    """How long ago a file was written."""
    return (time.time() - path.stat().st_mtime) / 3600


def configure_kernel(recipe: Recipe, tree: Path, log: Path):
    """tinyconfig plus the fragment; what is asked for and there is must have been taken."""
    run_make(tree, log, "tinyconfig")
    fragment = FRAGMENT.read_text() + "".join(f"{line}\n" for line in recipe.adds)
    with open(tree / ".config", "a") as config:
        config.write(fragment)
    run_make(tree, log, "olddefconfig")
    taken = set((tree / ".config").read_text().splitlines())
    asked = [line for line in fragment.splitlines() if line.startswith("CONFIG_")]
    missing = [line for line in asked
               if line not in taken and line.partition("=")[0] not in recipe.lacks]
    if missing:
        raise RuntimeError("the kernel's configuration refused: " + ", ".join(missing))


def run_make(tree: Path, log: Path, *targets: str):
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
