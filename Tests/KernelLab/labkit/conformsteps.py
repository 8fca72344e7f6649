"""The steps of programs of raw calls: each request, valid or not, and what is done to files."""

from .conform_releases import PASIDS, TOKENS
from .conformwriter import DEVICES, NUMBERS, ODD, TOP, Member, Writer, argsz, size


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


def changeProcess(w: Writer):
    """Takes over what other processes mapped."""
    w.call(w.pick("iommu"), "IOMMU_IOAS_CHANGE_PROCESS",
           [size(8), Member("reserved", 4, w.reserved())])


def compatPointer(w: Writer):
    """Names the address space behind the container's requests."""
    w.call(w.pick("iommu"), "IOMMU_VFIO_IOAS", [
        size(12), Member("ioas", 4, w.pick("ioas"), "!"),
        Member("op", 2, w.choice.choice([0, 1, 1, 1, 2, 3])), Member("reserved", 2, w.reserved())])


def table(w: Writer):
    """A page table of its own."""
    isLong = w.maybe(50)
    parent = w.pick("ioas") if w.maybe(90) else w.pick("hwpt")
    kind, length = w.choice.choice([(0, 0)] * 17 + [(1, 16), (1, 0), (0, 16)])
    members = [size(48 if isLong else 24), Member("flags", 4, w.flags(0, percent=4)),
               Member("device", 4, w.pick("device")), Member("parent", 4, parent),
               Member("id", 4, 0, "!"), Member("reserved", 4, w.reserved())]
    if isLong:
        members += [Member("type", 4, kind), Member("length", 4, length), Member("data", 8, 0),
                    Member("fault", 4, 0),
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
    hasToken = w.maybe(15 if w.kernel.release >= TOKENS else 4)
    w.call(w.pick("cdev"), "VFIO_DEVICE_BIND_IOMMUFD", [
        argsz(24 if hasToken else 16), Member("flags", 4, w.flags(0, percent=4)),
        Member("iommufd", 4, w.pick("iommu")), Member("id", 4, 0, "!"),
        *([Member("token", 8, 0)] if hasToken else [])], "device")


def attach(w: Writer):
    """Attaches a device, by table or address space."""
    hasPASID = w.maybe(10 if w.kernel.release >= PASIDS else 3)
    w.call(w.pick("cdev"), "VFIO_DEVICE_ATTACH_IOMMUFD_PT", [
        argsz(16 if hasPASID else 12), Member("flags", 4, w.flags(0, 0, 0, 0, 1, percent=3)),
        Member("table", 4, w.pick("ioas", "ioas", "hwpt"), "!"),
        *([Member("pasid", 4, 1)] if hasPASID else [])], "hwpt")


def detach(w: Writer):
    """Detaches a device."""
    hasPASID = w.maybe(10 if w.kernel.release >= PASIDS else 3)
    w.call(w.pick("cdev"), "VFIO_DEVICE_DETACH_IOMMUFD_PT", [
        argsz(12 if hasPASID else 8), Member("flags", 4, w.flags(0, 0, 0, 0, 1, percent=3)),
        *([Member("pasid", 4, 1)] if hasPASID else [])])


def deviceInformation(w: Writer):
    """Asks about a device, which wants to be bound: what is the same for all of them is shown."""
    w.choice.choice([information, region, interrupt, setInterrupts, setInterrupts, hotReset,
                     hotReset, doorbell, feature])(w)


def information(w: Writer):
    """How many regions and interrupts a device has."""
    w.call(w.pick("cdev"), "VFIO_DEVICE_GET_INFO", [
        argsz(16), Member("flags", 4, 0), Member("regions", 4, 0, "!"),
        Member("interrupts", 4, 0, "!")])


def region(w: Writer):
    """Where a region is; how long it is depends on the device."""
    index = w.choice.choice([0, 3, 5, 6, 7, 7, 8, 9, 99, 1 << 31])
    isShown = "!" if index == 7 else ""
    w.call(w.pick("cdev"), "VFIO_DEVICE_GET_REGION_INFO", [
        argsz(32), Member("flags", 4, 0, isShown), Member("index", 4, index),
        Member("offset", 4, 0), Member("length", 8, 0), Member("place", 8, 0, "!")])


def interrupt(w: Writer):
    """What an interrupt can do that every device has."""
    index = w.choice.choice([0, 4, 4, 5, 99])
    w.call(w.pick("cdev"), "VFIO_DEVICE_GET_IRQ_INFO", [
        argsz(16), Member("flags", 4, 0, "!"), Member("index", 4, index),
        Member("count", 4, 0, "!" if index == 4 else "")])


def setInterrupts(w: Writer):
    """Sets the interrupt by which the host asks for a device: there is no event to set it to."""
    data, action = w.choice.choice([1, 2, 4, 4, 4, 3]), w.choice.choice([32, 32, 32, 8, 16, 0, 48])
    width, value = (1, w.choice.choice([0, 1])) if data == 2 else (4, w.choice.choice(
        [4294967295, 4294967294, 999, w.pick("memfd"), w.pick("null"), w.pick("iommu")]))
    members = [] if data == 1 else [Member("data", width, value)]
    w.call(w.pick("cdev"), "VFIO_DEVICE_SET_IRQS", [
        argsz(20 + sum(member.width for member in members)),
        Member("flags", 4, w.flags(data | action)),
        Member("index", 4, w.choice.choice([4, 4, 4, 4, 5, 1 << 31])),
        Member("start", 4, w.choice.choice([0, 0, 0, 0, 1, 4294967295])),
        Member("count", 4, w.choice.choice([1, 1, 1, 1, 0, 2, 4294967295])), *members])


def hotReset(w: Writer):
    """Asks for a reset of a root bus, which nothing resets."""
    if w.maybe(50):
        w.call(w.pick("cdev"), "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO",
               [argsz(12), Member("flags", 4, 0, "!"), Member("count", 4, 0, "!")])
        return
    w.call(w.pick("cdev"), "VFIO_DEVICE_PCI_HOT_RESET", [
        argsz(16), Member("flags", 4, w.flags(0)), Member("count", 4, w.choice.choice([0, 1])),
        Member("file", 4, w.pick("group", "null"))])


def doorbell(w: Writer):
    """Asks for a write by an event where there is none."""
    w.call(w.pick("cdev"), "VFIO_DEVICE_IOEVENTFD", [
        argsz(32), Member("flags", 4, w.flags(1, 2, 4, 8, 3, 0)),
        Member("offset", 8, w.choice.choice([7 << 40, 6 << 40, 8 << 40, 9 << 40])),
        Member("data", 8, 0), Member("file", 4, w.choice.choice([4294967295, 4294967294, 999])),
        Member("reserved", 4, w.reserved())])


def feature(w: Writer):
    """Asks for features, and switches none on."""
    number = w.choice.choice([1, 2, 3, 3, 5, 6, 7, 8, 9, 10, 99])
    action = w.choice.choice([1 << 16, 1 << 18, 1 << 18, 0, 3 << 16, 7 << 16, 6 << 16, 1 << 19])
    w.call(w.pick("cdev"), "VFIO_DEVICE_FEATURE", [
        argsz(16), Member("flags", 4, number | action), Member("data", 8, 0)])


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
           [Member("container", 4, anyContainer(w) if w.maybe(30) else w.pick("container"))])


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
    room = w.choice.choice([8, 8, 16, 24, 64, 200])  # for sizes and what lies behind them
    members = [Member("flags", 4, 0, "!"), Member("sizes", 8, 0, "!")]
    members += [Member(f"more{place}", 4, 0, "!") for place in range((room - 8) // 4)]
    w.call(anyContainer(w), "VFIO_IOMMU_GET_INFO",
           [Member("room", 4, w.choice.choice([room + 8, room + 8, 16, 24, 512]), "!"), *members])


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


def child(w: Writer):
    """Some steps as a child, which then ends."""
    w.add(None, f"fork {w.choice.choice([1, 1, 1, 2, 3, 5])}")


def beside(w: Writer):
    """Some steps as the second process, which stays, or its end."""
    w.add(None, f"beside {w.choice.choice([0, 1, 1, 1, 2, 3, 5])}")


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
