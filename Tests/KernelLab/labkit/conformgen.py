"""Programs of raw calls, valid and not, in the text that guest/conform.c and Tests/Conform run."""

import random
from dataclasses import dataclass, field

NUMBERS = {
    "IOMMU_DESTROY": 0x3b80, "IOMMU_IOAS_ALLOC": 0x3b81, "IOMMU_IOAS_ALLOW_IOVAS": 0x3b82,
    "IOMMU_IOAS_COPY": 0x3b83, "IOMMU_IOAS_IOVA_RANGES": 0x3b84, "IOMMU_IOAS_MAP": 0x3b85,
    "IOMMU_IOAS_UNMAP": 0x3b86, "IOMMU_OPTION": 0x3b87, "IOMMU_VFIO_IOAS": 0x3b88,
    "IOMMU_HWPT_ALLOC": 0x3b89, "IOMMU_GET_HW_INFO": 0x3b8a, "IOMMU_IOAS_MAP_FILE": 0x3b8f,
    "VFIO_GET_API_VERSION": 0x3b64, "VFIO_CHECK_EXTENSION": 0x3b65, "VFIO_SET_IOMMU": 0x3b66,
    "VFIO_GROUP_GET_STATUS": 0x3b67, "VFIO_GROUP_SET_CONTAINER": 0x3b68,
    "VFIO_GROUP_UNSET_CONTAINER": 0x3b69, "VFIO_GROUP_GET_DEVICE_FD": 0x3b6a,
    "VFIO_DEVICE_GET_INFO": 0x3b6b, "VFIO_IOMMU_GET_INFO": 0x3b70, "VFIO_IOMMU_MAP_DMA": 0x3b71,
    "VFIO_IOMMU_UNMAP_DMA": 0x3b72, "VFIO_DEVICE_BIND_IOMMUFD": 0x3b76,
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT": 0x3b77, "VFIO_DEVICE_DETACH_IOMMUFD_PT": 0x3b78,
    "KVM_GET_API_VERSION": 0xae00, "KVM_CREATE_VM": 0xae01, "KVM_CHECK_EXTENSION": 0xae03,
    "KVM_CREATE_DEVICE": 0xc00caee0, "KVM_SET_DEVICE_ATTR": 0x4018aee1,
    "KVM_GET_DEVICE_ATTR": 0x4018aee2, "KVM_HAS_DEVICE_ATTR": 0x4018aee3,
}
# Devices that reset at once: two alone in their groups, of which one can't be enforced on the
# mixed machine, and two of one group.
DEVICES = ["0000:00:03.0", "0000:00:07.0", "0000:00:0a.0", "0000:00:0a.1"]
MOST_IDS = 12  # objects that the last steps look for
TOP = 1 << 64
FIXED, WRITEABLE, READABLE = 1, 2, 4
ODD = [0, 1, 0x800, 0xfff, TOP - 1, TOP - 0x1000, TOP - 0x2000, 1 << 63, 1 << 39,
       (1 << 39) - 0x1000, 1 << 48, (1 << 48) - 0x1000, 0xfee00000, 0xfedff000, 0xfef00000,
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
    targets: list[str]
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

    def call(self, file: str, name: str, members: list[Member], kind=None, isFile=False):
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
        number = NUMBERS[name]
        if self.maybe(1):
            number |= 1 << self.choice.choice([16, 30])
        arguments = " ".join(str(member) for member in members) or "value:0"
        word = "fdioctl" if isFile else "ioctl"
        return self.add(kind, f"{word} {file} {number:#x}:{name} {arguments}")

    def plain(self, file: str, name: str, argument="", kind=None, isFile=False):
        """A request without a structure."""
        word = "fdioctl" if isFile else "ioctl"
        return self.add(kind, f"{word} {file} {NUMBERS[name]:#x}:{name} {argument}".rstrip())

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
            return self.choice.choice(ODD)
        return 0x10000 + 0x1000 * self.choice.randrange(12)

    def length(self) -> int:
        """A length in bytes: mostly a few pages."""
        if self.maybe(8):
            return self.choice.choice(ODD)
        return 0x1000 * self.choice.choice([1, 1, 1, 2, 2, 3, 4])

    def address(self) -> str:
        """Memory of the process, or none."""
        if self.maybe(8):
            return str(self.choice.choice(ODD))
        offset = 0x1000 * self.choice.choice([0, 0, 1, 2, 3, 15])
        if self.maybe(5):
            offset += self.choice.choice([1, 0x10, 0x800])
        return f"{self.choice.choice(self.labels.get('memory', ['none']))}+{offset:#x}"


def size(full: int) -> Member:
    """The size an iommufd structure begins with."""
    return Member("size", 4, full)


def argsz(full: int) -> Member:
    """The size a VFIO structure begins with."""
    return Member("argsz", 4, full)


def ioas(w: Writer):
    """An address space."""
    w.call(w.pick("iommu"), "IOMMU_IOAS_ALLOC",
           [size(12), Member("flags", 4, w.flags(0)), Member("id", 4, 0, "!")], "ioas")


def destroy(w: Writer):
    """Destroys an object, or what is none."""
    w.call(w.pick("iommu"), "IOMMU_DESTROY",
           [size(8), Member("id", 4, w.pick("ioas", "ioas", "hwpt", "hwpt", "device"))])


def mapMemory(w: Writer):
    """Maps memory of the process."""
    flags = w.flags(7, 7, 7, 6, 5, 3, 1, 4)
    file, space, length = w.pick("iommu"), w.pick("ioas"), w.length()
    label = w.call(file, "IOMMU_IOAS_MAP", [
        size(40), Member("flags", 4, flags), Member("ioas", 4, space),
        Member("reserved", 4, w.reserved()), Member("va", 8, w.address()),
        Member("length", 8, length), Member("iova", 8, w.iova(), "!")], "map")
    w.mapped.append((file, space, label, length))


def mapFile(w: Writer):
    """Maps a file."""
    file, space, length = w.pick("iommu"), w.pick("ioas"), w.length()
    start = w.choice.choice([0, 0, 0x1000, 0x3000] * 6 + ODD)
    label = w.call(file, "IOMMU_IOAS_MAP_FILE", [
        size(40), Member("flags", 4, w.flags(7, 7, 6, 5, 1)), Member("ioas", 4, space),
        Member("fd", 4, w.pick("memfd", "memfd", "null")), Member("start", 8, start),
        Member("length", 8, length), Member("iova", 8, w.iova(), "!")], "map")
    w.mapped.append((file, space, label, length))


def copy(w: Writer):
    """Maps again what is mapped."""
    file, source, start, length = w.pick("iommu"), w.pick("ioas"), w.iova(), w.length()
    if w.mapped and w.maybe(80):
        file, source, start, whole = w.choice.choice(w.mapped)
        length = w.choice.choice([whole, whole, whole, 0x1000, 0x2000])
        if w.maybe(15):
            start += "+0x1000"
    to = start if w.maybe(15) else w.iova()
    space = w.pick("ioas")
    label = w.call(file, "IOMMU_IOAS_COPY", [
        size(40), Member("flags", 4, w.flags(7, 7, 5, 6, 1)), Member("dst", 4, space),
        Member("src", 4, source), Member("length", 8, length), Member("to", 8, to, "!"),
        Member("from", 8, start)], "map")
    w.mapped.append((file, space, label, length))


def unmap(w: Writer):
    """Takes mappings away: all, a superset, or some range."""
    iova, length = w.iova(), w.length()
    if w.maybe(10):
        iova, length = 0, TOP - 1
    elif w.maybe(20):
        iova, length = 0x10000, 0x20000
    file, space = w.pick("iommu"), w.pick("ioas")
    if w.mapped and w.maybe(50):
        file, space, iova, length = w.choice.choice(w.mapped)
    w.call(file, "IOMMU_IOAS_UNMAP", [
        size(24), Member("ioas", 4, space), Member("iova", 8, iova),
        Member("length", 8, length, "!")])


def ranges(w: Writer):
    """Asks what may be mapped."""
    room = w.choice.choice([0, 1, 2, 3, 4])
    array = ",".join(["8=0"] * (2 * room - int(w.maybe(5)))) if room else ""
    w.call(w.pick("iommu"), "IOMMU_IOAS_IOVA_RANGES", [
        size(32), Member("ioas", 4, w.pick("ioas")), Member("count", 4, room, "!"),
        Member("reserved", 4, w.reserved()), Member("array", 8, f"[{array}]", "!"),
        Member("alignment", 8, 0, "!")])


def allow(w: Writer):
    """Says what may be mapped."""
    pieces = []
    for _ in range(w.choice.choice([0, 1, 1, 2, 3])):
        start = w.iova()
        pieces += [start, start + w.choice.choice([0xfff, 0xffff, 0xfffff, 0, -1, 1])]
    array = ",".join(f"8={piece % TOP}" for piece in pieces)
    count = len(pieces) // 2 + int(w.maybe(5))
    w.call(w.pick("iommu"), "IOMMU_IOAS_ALLOW_IOVAS", [
        size(24), Member("ioas", 4, w.pick("ioas")), Member("count", 4, count),
        Member("reserved", 4, w.reserved()), Member("array", 8, f"[{array}]" if array else 0)])


def option(w: Writer):
    """Sets or asks an option."""
    isHuge = w.maybe(60)
    w.call(w.pick("iommu"), "IOMMU_OPTION", [
        size(24), Member("option", 4, w.choice.choice([0, 1, 2]) if w.maybe(5) else int(isHuge)),
        Member("op", 2, w.choice.choice([0, 1, 0, 1, 2])), Member("reserved", 2, w.reserved()),
        Member("object", 4, w.pick("ioas") if isHuge else w.choice.choice([0, 0, 0, 1])),
        Member("value", 8, w.choice.choice([0, 0, 1, 1, 2]), "!")])


def compatPointer(w: Writer):
    """Names the address space behind the container's requests."""
    w.call(w.pick("iommu"), "IOMMU_VFIO_IOAS", [
        size(12), Member("ioas", 4, w.pick("ioas"), "!"),
        Member("op", 2, w.choice.choice([0, 1, 1, 1, 2, 3])), Member("reserved", 2, w.reserved())])


def table(w: Writer):
    """A page table of its own."""
    isLong = w.maybe(50)
    members = [size(48 if isLong else 24), Member("flags", 4, w.flags(0, percent=4)),
               Member("device", 4, w.pick("device")), Member("parent", 4, w.pick("ioas")),
               Member("id", 4, 0, "!"), Member("reserved", 4, w.reserved())]
    if isLong:
        members += [Member("type", 4, int(w.maybe(4))), Member("length", 4, 16 * int(w.maybe(4))),
                    Member("data", 8, 0), Member("fault", 4, 0),
                    Member("reserved2", 4, w.reserved())]
    w.call(w.pick("iommu"), "IOMMU_HWPT_ALLOC", members, "hwpt")


def hardware(w: Writer):
    """Asks about the hardware."""
    w.call(w.pick("iommu"), "IOMMU_GET_HW_INFO", [
        size(40), Member("flags", 4, w.flags(0)), Member("device", 4, w.pick("device")),
        Member("length", 4, 0, "!"), Member("data", 8, 0), Member("type", 4, 0, "!"),
        Member("reserved", 4, 256 * w.reserved()), Member("capabilities", 8, 0)])


def openDevice(w: Writer):
    """Opens a device."""
    w.add("cdev", f"open cdev {w.choice.choice(DEVICES)}")


def bind(w: Writer):
    """Gives a device to an iommufd."""
    hasToken = w.maybe(15)
    w.call(w.pick("cdev"), "VFIO_DEVICE_BIND_IOMMUFD", [
        argsz(24 if hasToken else 16), Member("flags", 4, w.flags(0, percent=4)),
        Member("iommufd", 4, w.pick("iommu")), Member("id", 4, 0, "!"),
        *([Member("token", 8, 0)] if hasToken else [])], "device")


def attach(w: Writer):
    """Attaches a device, by table or address space."""
    hasPASID = w.maybe(10)
    w.call(w.pick("cdev"), "VFIO_DEVICE_ATTACH_IOMMUFD_PT", [
        argsz(16 if hasPASID else 12), Member("flags", 4, w.flags(0, 0, 0, 0, 1, percent=3)),
        Member("table", 4, w.pick("ioas", "ioas", "hwpt"), "!"),
        *([Member("pasid", 4, 1)] if hasPASID else [])], "hwpt")


def detach(w: Writer):
    """Detaches a device."""
    hasPASID = w.maybe(10)
    w.call(w.pick("cdev"), "VFIO_DEVICE_DETACH_IOMMUFD_PT", [
        argsz(12 if hasPASID else 8), Member("flags", 4, w.flags(0, 0, 0, 0, 1, percent=3)),
        *([Member("pasid", 4, 1)] if hasPASID else [])])


def deviceInformation(w: Writer):
    """Asks about a device, which wants to be bound."""
    w.call(w.pick("cdev"), "VFIO_DEVICE_GET_INFO", [
        argsz(16), Member("flags", 4, 0), Member("regions", 4, 0), Member("interrupts", 4, 0)])


def container(w: Writer):
    """A container."""
    w.add("container", "open container")


def group(w: Writer):
    """Opens a group."""
    w.add("group", f"open group {w.choice.choice(DEVICES)}")


def status(w: Writer):
    """Asks for a group's state."""
    w.call(w.pick("group"), "VFIO_GROUP_GET_STATUS", [argsz(8), Member("flags", 4, 0, "!")])


def join(w: Writer):
    """Puts a group into a container."""
    w.call(w.pick("group"), "VFIO_GROUP_SET_CONTAINER",
           [Member("container", 4, w.pick("container"))])


def leave(w: Writer):
    """Takes a group out."""
    w.plain(w.pick("group"), "VFIO_GROUP_UNSET_CONTAINER")


def handOut(w: Writer):
    """Opens a device through its group."""
    name = w.choice.choice([*DEVICES, *DEVICES, "nonsense", "0000:00:99.0"])
    w.plain(w.pick("group"), "VFIO_GROUP_GET_DEVICE_FD", f"text:{name}", "cdev", isFile=True)


def anyContainer(w: Writer) -> str:
    """What takes a container's requests."""
    kinds = [kind for kind in ("container", "iommu") if w.labels.get(kind)]
    return w.pick(w.choice.choice(kinds or ["container"]))


def setDriver(w: Writer):
    """Gives a container its driver."""
    w.plain(anyContainer(w), "VFIO_SET_IOMMU",
            f"value:{w.choice.choice([3, 3, 3, 3, 1, 1, 6, 0, 99])}")


def checkExtension(w: Writer):
    """Asks what a container can do."""
    w.plain(anyContainer(w), "VFIO_CHECK_EXTENSION",
            f"value:{w.choice.choice([1, 3, 4, 4, 4, 4, 6, 8, 9, 99])}")


def containerInformation(w: Writer):
    """Asks for page sizes."""
    w.call(anyContainer(w), "VFIO_IOMMU_GET_INFO", [
        argsz(16), Member("flags", 4, 0), Member("sizes", 8, 0)])


def mapContainer(w: Writer):
    """Maps memory by the container's request."""
    w.call(anyContainer(w), "VFIO_IOMMU_MAP_DMA", [
        argsz(32), Member("flags", 4, w.flags(3, 3, 3, 1, 2, 0, 4, percent=3)),
        Member("va", 8, w.address()), Member("iova", 8, w.iova()), Member("size", 8, w.length())])


def unmapContainer(w: Writer):
    """Takes mappings away by the container's request."""
    iova, length, flags = w.iova(), w.length(), w.flags(0, 0, 0, 0, 0, 2, percent=3)
    if flags & 2 and w.maybe(70):
        iova, length = 0, 0
    elif w.maybe(20):
        iova, length = 0x10000, 0x20000
    w.call(anyContainer(w), "VFIO_IOMMU_UNMAP_DMA", [
        argsz(24), Member("flags", 4, flags), Member("iova", 8, iova),
        Member("size", 8, length, "!")])


def apiVersion(w: Writer):
    """Asks for the version."""
    w.plain(anyContainer(w), "VFIO_GET_API_VERSION")


def machine(w: Writer):
    """A virtual machine with its VFIO device."""
    kvm = w.add("kvm", "open kvm")
    vm = w.plain(kvm, "KVM_CREATE_VM", f"value:{int(w.maybe(4)) * 99}", "vm", isFile=True)
    kvmDevice(w, vm)


def kvmDevice(w: Writer, vm: str = ""):
    """A VFIO device of a virtual machine."""
    w.call(vm or w.pick("vm"), "KVM_CREATE_DEVICE", [
        Member("type", 4, w.choice.choice([4] * 12 + [0, 99])), Member("fd", 4, 0, "@"),
        Member("flags", 4, w.choice.choice([0] * 9 + [1]))], "kvmvfio")


def tell(w: Writer):
    """Tells a virtual machine of a file."""
    name = w.choice.choice(["KVM_SET_DEVICE_ATTR"] * 8 + ["KVM_HAS_DEVICE_ATTR"] * 2
                           + ["KVM_GET_DEVICE_ATTR"])
    file = w.pick("cdev", "cdev", "group", "iommu", "container", "null")
    vm = w.pick("kvmvfio")
    for _ in range(w.choice.choice([1, 1, 2])):
        w.call(vm, name, [
            Member("flags", 4, 0), Member("group", 4, w.choice.choice([1] * 12 + [0, 2])),
            Member("attribute", 8, w.choice.choice([1, 1, 1, 1, 2, 2, 3, 9])),
            Member("address", 8, 0 if w.maybe(3) else f"[4={file}]")])


def close(w: Writer):
    """Closes a file."""
    w.add(None, f"close {w.pick('cdev', 'group', 'container', 'iommu', 'memfd', 'kvmvfio', 'vm')}")


def duplicate(w: Writer):
    """One more number for a file."""
    kind = w.choice.choice(["cdev", "group", "container", "iommu"])
    w.add(kind, f"dup {w.pick(kind)}")


def openFile(w: Writer):
    """One more file, or memory."""
    w.add(*w.choice.choice([("iommu", "open iommu"), ("null", "open null"),
                            ("memfd", "memfd 0x4000"), ("memory", "memory 0x4000")]))


def wrongFile(w: Writer):
    """A request that the file does not know."""
    name = w.choice.choice([name for name in NUMBERS if name.startswith("IOMMU") or
                            name.startswith("VFIO_GROUP_GET_S") or name.startswith("KVM_SET")])
    file = w.pick("container", "group", "kvm", "vm", "kvmvfio", "null", "memfd")
    w.call(file, name, [Member("size", 4, 40), *(Member(f"m{place}", 8, 0) for place in range(8))])


def nullPointer(w: Writer):
    """A request without its structure."""
    name = w.choice.choice([name for name in NUMBERS if name.startswith("IOMMU")])
    w.plain(w.pick("iommu"), name)


IOMMUFD = {ioas: 6, destroy: 8, mapMemory: 14, mapFile: 4, copy: 7, unmap: 9, ranges: 5, allow: 5,
           option: 5, compatPointer: 3, table: 9, hardware: 2, openDevice: 4, bind: 8, attach: 14,
           detach: 6, deviceInformation: 1, nullPointer: 1}
TYPE1 = {container: 2, group: 3, status: 3, join: 7, leave: 5, handOut: 5, setDriver: 7,
         checkExtension: 6, containerInformation: 1, mapContainer: 14, unmapContainer: 10,
         apiVersion: 1}
# The container's requests on an iommufd.
COMPAT = {compatPointer: 3, setDriver: 2, checkExtension: 1, containerInformation: 1,
          mapContainer: 4, unmapContainer: 4, apiVersion: 0.5}
BOTH = {machine: 1, kvmDevice: 1, tell: 5, close: 8, duplicate: 2, openFile: 3, wrongFile: 2}


# What a step is about, and what gets it.
NEEDS = {bind: ["cdev", "iommu"], attach: ["cdev"], detach: ["cdev"], table: ["device"],
         hardware: ["device"], join: ["group", "container"], leave: ["group"], status: ["group"],
         handOut: ["group"], setDriver: ["container"], tell: ["kvmvfio", "cdev"],
         kvmDevice: ["kvmvfio"], mapFile: ["memfd"]}
MAKERS = {"cdev": openDevice, "iommu": lambda w: w.add("iommu", "open iommu"), "device": bind,
          "group": group, "container": container, "kvmvfio": machine,
          "memfd": lambda w: w.add("memfd", "memfd 0x4000")}


def prelude(w: Writer, isIOMMUFD: bool):
    """What most steps need, mostly."""
    w.add("memory", "memory 0x10000")
    if isIOMMUFD:
        w.add("iommu", "open iommu")
        ioas(w)
        for _ in range(w.choice.choice([0, 1, 1, 2, 3])):
            openDevice(w)
            bind(w)
    else:
        container(w)
        for _ in range(w.choice.choice([1, 1, 2])):
            group(w)
            join(w)
        if w.maybe(85):
            setDriver(w)


def program(choice: random.Random, targets: list[str]) -> list[str]:
    """The steps of one program."""
    w = Writer(choice, targets)
    isIOMMUFD = "iommufd" in targets and choice.random() < 0.65
    prelude(w, isIOMMUFD)
    weights = {**BOTH, **(IOMMUFD if isIOMMUFD else TYPE1)}
    if choice.random() < 0.25:
        # Both interfaces at once: groups and devices exclude each other.
        weights |= {step: weight / 3 for step, weight in (
            TYPE1 if isIOMMUFD else IOMMUFD if "iommufd" in targets else {}).items()}
    if isIOMMUFD and choice.random() < 0.25:
        weights |= COMPAT
        compatPointer(w)
    steps = choice.choices(list(weights), list(weights.values()), k=choice.randrange(3, 18))
    for step in steps:
        need = next((need for need in NEEDS.get(step, ()) if not w.labels.get(need)), None)
        if need and w.maybe(90):
            MAKERS[need](w)
        step(w)
    for label in w.labels.get("iommu", [])[:2]:
        w.add(None, f"sweep {label} {MOST_IDS}")
    return w.lines


def programs(seed: str, count: int, targets: list[str]) -> dict[str, list[str]]:
    """Programs by name; the same for the same words."""
    return {f"p{index}": program(random.Random(f"{seed} {index}"), targets)
            for index in range(count)}
