"""Which kernels the lab has, and what they can show."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from . import debian, mixed, mixed_6_1, releases
from .releases import Release

# The newest release, and that of Debian's own kernel on which scenarios run that want its drivers.
NEWEST = (7, 3)
CHOSEN_STOCK = (6, 1)
# The releases that are looked at closely if they are built.
THOROUGH = ((6, 12), NEWEST)
OLD_SUITES = ("bullseye", "bullseye-security")
# 7.2 is in these for some time, and is taken from the one that has the newest.
LATEST_SUITES = ("trixie-backports", "sid")
# What 6.1 has no option for, and what it needs for the others: kprobes are for kernels with modules
# there, and a tiny one has an allocator without faults.
NOT_IN_6_1 = frozenset({
    "CONFIG_IOMMUFD", "CONFIG_IOMMUFD_TEST", "CONFIG_VFIO_GROUP", "CONFIG_VFIO_CONTAINER",
    "CONFIG_VFIO_DEVICE_CDEV"})
ONLY_6_1 = ("CONFIG_MODULES=y", "CONFIG_SLUB=y")


@dataclass(frozen=True)
class Kernel:
    """One kernel that machines boot."""

    name: str  # its release, and after a minus what kind it is
    version: str
    image: Path
    modules: tuple[Path, ...] = ()
    more_modules: tuple[Path, ...] = ()  # for machines with more devices
    is_stock: bool = False  # Debian's own, which has no iommufd

    @property
    def release(self) -> Release:
        """Its release as numbers."""
        return releases.parsed(self.name)

    @property
    def is_mixed(self) -> bool:
        """Whether its Intel driver can't enforce snoop for some devices."""
        return self.name.endswith("-mixed")

    @property
    def targets(self) -> list[str]:
        """The interfaces it has."""
        return ["type1"] if self.is_stock or self.release < (6, 6) else ["iommufd", "type1"]

    @property
    def is_newest(self) -> bool:
        """Whether it is the one for what is the same on all."""
        return self.release == NEWEST

    @property
    def is_chosen_stock(self) -> bool:
        """Whether it is Debian's own, with the drivers that scenarios want."""
        return self.is_stock and self.release == CHOSEN_STOCK

    @property
    def is_thorough(self) -> bool:
        """Whether scenarios run on it that are about vfioplan more than about kernels."""
        return self.is_chosen_stock or self.release in THOROUGH


@dataclass(frozen=True)
class Recipe:
    """How to get a kernel."""

    name: str
    package: str  # a regular expression; the newest that matches is taken
    is_built: bool = False
    is_optional: bool = True  # where Debian no longer has it, the lab goes on without
    suites: tuple[str, ...] = tuple(debian.SUITES)
    mixing: ModuleType = mixed
    lacks: frozenset[str] = frozenset()  # of the fragment
    adds: tuple[str, ...] = ()  # to the fragment

    @property
    def mixed_name(self) -> str:
        """What its mixed-coherency variant is called."""
        return self.name.removesuffix("-built") + "-mixed"

    @property
    def kernel_names(self) -> list[str]:
        """The kernels it gives: what is built here comes with a mixed-coherency variant."""
        return [self.name, self.mixed_name] if self.is_built else [self.name]

    @property
    def sketches(self) -> list[Kernel]:
        """Its kernels before they are made."""
        return [Kernel(name, "", Path(), is_stock=not self.is_built) for name in self.kernel_names]

    def kernels(self, home: Path) -> list[Kernel]:
        """Its kernels, from the directory where they were made."""
        version = (home / "done").read_text().strip()
        if self.is_built:
            return [Kernel(self.name, version, home / "bzImage"),
                    Kernel(self.mixed_name, version, home / "bzImage-mixed")]
        modules, more = (
            tuple(home / "modules" / name for name in (home / "modules" / file).read_text().split())
            for file in ("order", "more"))
        return [Kernel(self.name, version, home / "bzImage", modules, more, is_stock=True)]


def backported(release: str) -> Recipe:
    """The image of some release in Debian's backports."""
    return Recipe(release, rf"linux-image-{release.replace('.', '[.]')}[.]\d+\+deb\d+-amd64")


RECIPES = [
    Recipe("5.10", r"linux-image-5\.10\.0-\d+-amd64", suites=OLD_SUITES),
    Recipe("6.1", r"linux-image-6\.1\.0-\d+-amd64", is_optional=False),
    Recipe("6.1-built", r"linux-source-6\.1", is_built=True, mixing=mixed_6_1, lacks=NOT_IN_6_1,
           adds=ONLY_6_1),
    Recipe("6.12", r"linux-source-6\.12", is_built=True, is_optional=False),
    *map(backported, ("6.16", "6.17", "6.18", "6.19", "7.0", "7.1")),
    Recipe("7.2", r"linux-source-7\.2", is_built=True, suites=LATEST_SUITES),
    Recipe("7.3", r"linux-source-7\.3", is_built=True, is_optional=False),
]
