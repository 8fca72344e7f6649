"""What writes programs of raw calls: steps with members, now and then made wrong."""

import random
from dataclasses import dataclass, field

from .recipes import Kernel

REQUEST_NUMBERS = {
    "IOMMU_DESTROY": 0x3b80, "IOMMU_IOAS_ALLOC": 0x3b81, "IOMMU_IOAS_ALLOW_IOVAS": 0x3b82,
    "IOMMU_IOAS_COPY": 0x3b83, "IOMMU_IOAS_IOVA_RANGES": 0x3b84, "IOMMU_IOAS_MAP": 0x3b85,
    "IOMMU_IOAS_UNMAP": 0x3b86, "IOMMU_OPTION": 0x3b87, "IOMMU_VFIO_IOAS": 0x3b88,
    "IOMMU_HWPT_ALLOC": 0x3b89, "IOMMU_GET_HW_INFO": 0x3b8a, "IOMMU_IOAS_MAP_FILE": 0x3b8f,
    "IOMMU_IOAS_CHANGE_PROCESS": 0x3b92,
    "VFIO_GET_API_VERSION": 0x3b64, "VFIO_CHECK_EXTENSION": 0x3b65, "VFIO_SET_IOMMU": 0x3b66,
    "VFIO_GROUP_GET_STATUS": 0x3b67, "VFIO_GROUP_SET_CONTAINER": 0x3b68,
    "VFIO_GROUP_UNSET_CONTAINER": 0x3b69, "VFIO_GROUP_GET_DEVICE_FD": 0x3b6a,
    "VFIO_DEVICE_GET_INFO": 0x3b6b, "VFIO_DEVICE_GET_REGION_INFO": 0x3b6c,
    "VFIO_DEVICE_GET_IRQ_INFO": 0x3b6d, "VFIO_DEVICE_SET_IRQS": 0x3b6e,
    "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO": 0x3b70, "VFIO_DEVICE_PCI_HOT_RESET": 0x3b71,
    "VFIO_DEVICE_IOEVENTFD": 0x3b74, "VFIO_DEVICE_FEATURE": 0x3b75,
    "VFIO_IOMMU_GET_INFO": 0x3b70, "VFIO_IOMMU_MAP_DMA": 0x3b71,
    "VFIO_IOMMU_UNMAP_DMA": 0x3b72, "VFIO_DEVICE_BIND_IOMMUFD": 0x3b76,
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT": 0x3b77, "VFIO_DEVICE_DETACH_IOMMUFD_PT": 0x3b78,
    "KVM_GET_API_VERSION": 0xae00, "KVM_CREATE_VM": 0xae01, "KVM_CHECK_EXTENSION": 0xae03,
    "KVM_CREATE_DEVICE": 0xc00caee0, "KVM_SET_DEVICE_ATTR": 0x4018aee1,
    "KVM_GET_DEVICE_ATTR": 0x4018aee2, "KVM_HAS_DEVICE_ATTR": 0x4018aee3,
}
# Devices that reset at once: two alone in their groups, of which one can't be enforced on the
# mixed machine, and two of one group.
DEVICES = ["0000:00:03.0", "0000:00:07.0", "0000:00:0a.0", "0000:00:0a.1"]
ADDRESS_LIMIT = 1 << 64
ODD_NUMBERS = [
    0, 1, 0x800, 0xfff, ADDRESS_LIMIT - 1, ADDRESS_LIMIT - 0x1000, ADDRESS_LIMIT - 0x2000, 1 << 63,
    1 << 39, (1 << 39) - 0x1000, 1 << 48, (1 << 48) - 0x1000, 0xfee00000, 0xfedff000, 0xfef00000,
    0xfeeff000]


@dataclass
class Member:
    """A member of a structure: text of its value, and how it is shown."""

    name: str
    width: int
    value: object
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.width}={self.value}{self.mark}"


@dataclass
class Writer:
    """Writes one program, remembering what its labels stand for."""

    choice: random.Random
    kernel: Kernel
    lines: list[str] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0
    mapped: list[tuple[str, str, str, int]] = field(default_factory=list)

    def add(self, kind: str | None, text: str) -> str:
        """A step; its label if it gets something."""
        if kind is None:
            self.lines.append(text)
            return ""
        label = f"{kind}{self.count}"
        self.count += 1
        self.labels.setdefault(kind, []).append(label)
        self.lines.append(f"{label} = {text}")
        return label

    def maybe(self, percent: float) -> bool:
        """True in so many cases of a hundred."""
        return self.choice.random() * 100 < percent

    def pick(self, *kinds: str) -> str:
        """A label of some kind, mostly a late one; now and then of a wrong kind, or none."""
        if self.maybe(6):
            return str(self.choice.choice([0, 1, 2, 3, 4, 5, 9, 99, -1, 0x7fffffff]))
        every = [label for known in self.labels.values() for label in known]
        if self.maybe(5) and every:
            return self.choice.choice(every)
        found = [label for kind in kinds for label in self.labels.get(kind, [])]
        return self.choice.choice(found[-4:] if self.maybe(70) else found) if found else "999"

    def call(self, file: str, name: str, members: list[Member], kind=None, is_file=False):
        """A request with a structure, which may be made a wrong one."""
        members = [Member(each.name, each.width, each.value, each.mark) for each in members]
        first = members[0]
        if first.name in ("size", "argsz") and self.maybe(8):
            full = int(first.value)
            first.value = self.choice.choice(
                [0, 1, 4, full - 4, full - 1, full + 4, full + 8, full + 8, 4096])
            if self.maybe(70):
                # What is said to be there is there, as zeros or not.
                for place in range(max(0, min(full + 8, int(first.value)) - full)):
                    members.append(Member(f"tail{place}", 1, int(self.maybe(25))))
        elif self.maybe(3):
            del members[self.choice.randrange(len(members)):]
        number = REQUEST_NUMBERS[name]
        if self.maybe(1):
            number |= 1 << self.choice.choice([16, 30])
        arguments = " ".join(str(member) for member in members) or "value:0"
        word = "fdioctl" if is_file else "ioctl"
        return self.add(kind, f"{word} {file} {number:#x}:{name} {arguments}")

    def plain(self, file: str, name: str, argument="", kind=None, is_file=False):
        """A request without a structure."""
        word = "fdioctl" if is_file else "ioctl"
        number = REQUEST_NUMBERS[name]
        return self.add(kind, f"{word} {file} {number:#x}:{name} {argument}".rstrip())

    def flags(self, *usual: int, percent: float = 6) -> int:
        """Usual flags, or now and then some other bit."""
        value = self.choice.choice(usual)
        # Kernels with iommufd's self-test give bit 16 a meaning of their own.
        bit = self.choice.choice([place for place in range(32) if place != 16])
        return value | 1 << bit if self.maybe(percent) else value

    def reserved(self) -> int:
        """0, mostly."""
        return int(self.maybe(2))

    def iova(self) -> int:
        """An I/O virtual address: mostly of a few pages, so that mappings meet."""
        if self.maybe(15):
            return self.choice.choice(ODD_NUMBERS)
        return 0x10000 + 0x1000 * self.choice.randrange(12)

    def length(self) -> int:
        """A length in bytes: mostly a few pages."""
        if self.maybe(8):
            return self.choice.choice(ODD_NUMBERS)
        return 0x1000 * self.choice.choice([1, 1, 1, 2, 2, 3, 4])

    def address(self) -> str:
        """Memory of the process, or none."""
        if self.maybe(8):
            return str(self.choice.choice(ODD_NUMBERS))
        offset = 0x1000 * self.choice.choice([0, 0, 1, 2, 3, 15])
        if self.maybe(5):
            offset += self.choice.choice([1, 0x10, 0x800])
        return f"{self.choice.choice(self.labels.get('memory', ['none']))}+{offset:#x}"


def size_member(full: int) -> Member:
    """The size an iommufd structure begins with."""
    return Member("size", 4, full)


def argsz_member(full: int) -> Member:
    """The size a VFIO structure begins with."""
    return Member("argsz", 4, full)
