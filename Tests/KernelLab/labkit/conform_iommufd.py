"""Steps of programs of raw calls: the requests of an iommufd, valid or not."""

from .conform_writer import REQUEST_NUMBERS, ODD_NUMBERS, ADDRESS_LIMIT, Member, Writer, size_member


def open_iommufd(w: Writer):
    """An iommufd."""
    w.add("iommu", "open iommu")


def ioas(w: Writer):
    """An address space."""
    w.call(w.pick("iommu"), "IOMMU_IOAS_ALLOC",
           [size_member(12), Member("flags", 4, w.flags(0)), Member("id", 4, 0, "!")], "ioas")


def destroy(w: Writer):
    """Destroys an object, or what is none."""
    w.call(w.pick("iommu"), "IOMMU_DESTROY",
           [size_member(8), Member("id", 4, w.pick("ioas", "ioas", "hwpt", "hwpt", "device"))])


def map_memory(w: Writer):
    """Maps memory of the process."""
    flags = w.flags(7, 7, 7, 6, 5, 3, 1, 4)
    file, space, length = w.pick("iommu"), w.pick("ioas"), w.length()
    label = w.call(file, "IOMMU_IOAS_MAP", [
        size_member(40), Member("flags", 4, flags), Member("ioas", 4, space),
        Member("reserved", 4, w.reserved()), Member("va", 8, w.address()),
        Member("length", 8, length), Member("iova", 8, w.iova(), "!")], "map")
    w.mapped.append((file, space, label, length))


def map_file(w: Writer):
    """Maps a file."""
    file, space, length = w.pick("iommu"), w.pick("ioas"), w.length()
    start = w.choice.choice([0, 0, 0x1000, 0x3000] * 6 + ODD_NUMBERS)
    label = w.call(file, "IOMMU_IOAS_MAP_FILE", [
        size_member(40), Member("flags", 4, w.flags(7, 7, 6, 5, 1)), Member("ioas", 4, space),
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
        size_member(40), Member("flags", 4, w.flags(7, 7, 5, 6, 1)), Member("dst", 4, space),
        Member("src", 4, source), Member("length", 8, length), Member("to", 8, to, "!"),
        Member("from", 8, start)], "map")
    w.mapped.append((file, space, label, length))


def unmap(w: Writer):
    """Takes mappings away: all, a superset, or some range."""
    iova, length = w.iova(), w.length()
    if w.maybe(10):
        iova, length = 0, ADDRESS_LIMIT - 1
    elif w.maybe(20):
        iova, length = 0x10000, 0x20000
    file, space = w.pick("iommu"), w.pick("ioas")
    if w.mapped and w.maybe(50):
        file, space, iova, length = w.choice.choice(w.mapped)
    w.call(file, "IOMMU_IOAS_UNMAP", [
        size_member(24), Member("ioas", 4, space), Member("iova", 8, iova),
        Member("length", 8, length, "!")])


def ranges(w: Writer):
    """Asks what may be mapped."""
    room = w.choice.choice([0, 1, 2, 3, 4])
    array = ",".join(["8=0"] * (2 * room - int(w.maybe(5)))) if room else ""
    w.call(w.pick("iommu"), "IOMMU_IOAS_IOVA_RANGES", [
        size_member(32), Member("ioas", 4, w.pick("ioas")), Member("count", 4, room, "!"),
        Member("reserved", 4, w.reserved()), Member("array", 8, f"[{array}]", "!"),
        Member("alignment", 8, 0, "!")])


def allow(w: Writer):
    """Says what may be mapped."""
    pieces = []
    for _ in range(w.choice.choice([0, 1, 1, 2, 3])):
        start = w.iova()
        pieces += [start, start + w.choice.choice([0xfff, 0xffff, 0xfffff, 0, -1, 1])]
    array = ",".join(f"8={piece % ADDRESS_LIMIT}" for piece in pieces)
    count = len(pieces) // 2 + int(w.maybe(5))
    w.call(w.pick("iommu"), "IOMMU_IOAS_ALLOW_IOVAS", [
        size_member(24), Member("ioas", 4, w.pick("ioas")), Member("count", 4, count),
        Member("reserved", 4, w.reserved()), Member("array", 8, f"[{array}]" if array else 0)])


def option(w: Writer):
    """Sets or asks an option."""
    is_huge = w.maybe(60)
    w.call(w.pick("iommu"), "IOMMU_OPTION", [
        size_member(24),
        Member("option", 4, w.choice.choice([0, 1, 2]) if w.maybe(5) else int(is_huge)),
        Member("op", 2, w.choice.choice([0, 1, 0, 1, 2])), Member("reserved", 2, w.reserved()),
        Member("object", 4, w.pick("ioas") if is_huge else w.choice.choice([0, 0, 0, 1])),
        Member("value", 8, w.choice.choice([0, 0, 1, 1, 2]), "!")])


def change_process(w: Writer):
    """Takes over what other processes mapped."""
    w.call(w.pick("iommu"), "IOMMU_IOAS_CHANGE_PROCESS",
           [size_member(8), Member("reserved", 4, w.reserved())])


def compat_pointer(w: Writer):
    """Names the address space behind the container's requests."""
    w.call(w.pick("iommu"), "IOMMU_VFIO_IOAS", [
        size_member(12), Member("ioas", 4, w.pick("ioas"), "!"),
        Member("op", 2, w.choice.choice([0, 1, 1, 1, 2, 3])), Member("reserved", 2, w.reserved())])


def table(w: Writer):
    """A page table of its own."""
    is_long = w.maybe(50)
    parent = w.pick("ioas") if w.maybe(90) else w.pick("hwpt")
    kind, length = w.choice.choice([(0, 0)] * 17 + [(1, 16), (1, 0), (0, 16)])
    members = [size_member(48 if is_long else 24), Member("flags", 4, w.flags(0, percent=4)),
               Member("device", 4, w.pick("device")), Member("parent", 4, parent),
               Member("id", 4, 0, "!"), Member("reserved", 4, w.reserved())]
    if is_long:
        members += [Member("type", 4, kind), Member("length", 4, length), Member("data", 8, 0),
                    Member("fault", 4, 0),
                    Member("reserved2", 4, w.reserved())]
    w.call(w.pick("iommu"), "IOMMU_HWPT_ALLOC", members, "hwpt")


def hardware(w: Writer):
    """Asks about the hardware."""
    w.call(w.pick("iommu"), "IOMMU_GET_HW_INFO", [
        size_member(40), Member("flags", 4, w.flags(0)), Member("device", 4, w.pick("device")),
        Member("length", 4, 0, "!"), Member("data", 8, 0), Member("type", 4, 0, "!"),
        Member("reserved", 4, 256 * w.reserved()), Member("capabilities", 8, 0)])


def null_pointer(w: Writer):
    """A request without its structure."""
    name = w.choice.choice([name for name in REQUEST_NUMBERS if name.startswith("IOMMU")])
    w.plain(w.pick("iommu"), name)
