"""Steps of programs of raw calls: the requests of an iommufd, valid or not."""

from .conform_writer import ADDRESS_LIMIT, ODD_NUMBERS, REQUEST_NUMBERS, Member, Writer, size_member


def open_iommufd(writer: Writer):
    """An iommufd."""
    writer.add("iommu", "open iommu")


def ioas(writer: Writer):
    """An address space."""
    writer.call(writer.pick("iommu"), "IOMMU_IOAS_ALLOC",
                [size_member(12), Member("flags", 4, writer.flags(0)), Member("id", 4, 0, "!")], "ioas")


def destroy(writer: Writer):
    """Destroys an object, or what is none."""
    writer.call(writer.pick("iommu"), "IOMMU_DESTROY",
                [size_member(8), Member("id", 4, writer.pick("ioas", "ioas", "hwpt", "hwpt", "device"))])


def map_memory(writer: Writer):
    """Maps memory of the process."""
    flags = writer.flags(7, 7, 7, 6, 5, 3, 1, 4)
    file, space, length = writer.pick("iommu"), writer.pick("ioas"), writer.length()
    label = writer.call(file, "IOMMU_IOAS_MAP", [
        size_member(40), Member("flags", 4, flags), Member("ioas", 4, space),
        Member("reserved", 4, writer.reserved()), Member("va", 8, writer.address()),
        Member("length", 8, length), Member("iova", 8, writer.iova(), "!")], "map")
    writer.mapped.append((file, space, label, length))


def map_file(writer: Writer):
    """Maps a file."""
    file, space, length = writer.pick("iommu"), writer.pick("ioas"), writer.length()
    start = writer.choice.choice([0, 0, 0x1000, 0x3000] * 6 + ODD_NUMBERS)
    label = writer.call(file, "IOMMU_IOAS_MAP_FILE", [
        size_member(40), Member("flags", 4, writer.flags(7, 7, 6, 5, 1)), Member("ioas", 4, space),
        Member("fd", 4, writer.pick("memfd", "memfd", "null")), Member("start", 8, start),
        Member("length", 8, length), Member("iova", 8, writer.iova(), "!")], "map")
    writer.mapped.append((file, space, label, length))


def copy(writer: Writer):
    """Maps again what is mapped."""
    file, source, start, length = writer.pick("iommu"), writer.pick("ioas"), writer.iova(), writer.length()
    if writer.mapped and writer.maybe(80):
        file, source, start, whole = writer.choice.choice(writer.mapped)
        length = writer.choice.choice([whole, whole, whole, 0x1000, 0x2000])
        if writer.maybe(15):
            start += "+0x1000"
    to = start if writer.maybe(15) else writer.iova()
    space = writer.pick("ioas")
    label = writer.call(file, "IOMMU_IOAS_COPY", [
        size_member(40), Member("flags", 4, writer.flags(7, 7, 5, 6, 1)), Member("dst", 4, space),
        Member("src", 4, source), Member("length", 8, length), Member("to", 8, to, "!"),
        Member("from", 8, start)], "map")
    writer.mapped.append((file, space, label, length))


def unmap(writer: Writer):
    """Takes mappings away: all, a superset, or some range."""
    iova, length = writer.iova(), writer.length()
    if writer.maybe(10):
        iova, length = 0, ADDRESS_LIMIT - 1
    elif writer.maybe(20):
        iova, length = 0x10000, 0x20000
    file, space = writer.pick("iommu"), writer.pick("ioas")
    if writer.mapped and writer.maybe(50):
        file, space, iova, length = writer.choice.choice(writer.mapped)
    writer.call(file, "IOMMU_IOAS_UNMAP", [
        size_member(24), Member("ioas", 4, space), Member("iova", 8, iova),
        Member("length", 8, length, "!")])


def ranges(writer: Writer):
    """Asks what may be mapped."""
    room = writer.choice.choice([0, 1, 2, 3, 4])
    array = ",".join(["8=0"] * (2 * room - int(writer.maybe(5)))) if room else ""
    writer.call(writer.pick("iommu"), "IOMMU_IOAS_IOVA_RANGES", [
        size_member(32), Member("ioas", 4, writer.pick("ioas")), Member("count", 4, room, "!"),
        Member("reserved", 4, writer.reserved()), Member("array", 8, f"[{array}]", "!"),
        Member("alignment", 8, 0, "!")])


def allow(writer: Writer):
    """Says what may be mapped."""
    pieces = []
    for _ in range(writer.choice.choice([0, 1, 1, 2, 3])):
        start = writer.iova()
        pieces += [start, start + writer.choice.choice([0xfff, 0xffff, 0xfffff, 0, -1, 1])]
    array = ",".join(f"8={piece % ADDRESS_LIMIT}" for piece in pieces)
    count = len(pieces) // 2 + int(writer.maybe(5))
    writer.call(writer.pick("iommu"), "IOMMU_IOAS_ALLOW_IOVAS", [
        size_member(24), Member("ioas", 4, writer.pick("ioas")), Member("count", 4, count),
        Member("reserved", 4, writer.reserved()), Member("array", 8, f"[{array}]" if array else 0)])


def option(writer: Writer):
    """Sets or asks an option."""
    is_huge = writer.maybe(60)
    writer.call(writer.pick("iommu"), "IOMMU_OPTION", [
        size_member(24),
        Member("option", 4, writer.choice.choice([0, 1, 2]) if writer.maybe(5) else int(is_huge)),
        Member("op", 2, writer.choice.choice([0, 1, 0, 1, 2])), Member("reserved", 2, writer.reserved()),
        Member("object", 4, writer.pick("ioas") if is_huge else writer.choice.choice([0, 0, 0, 1])),
        Member("value", 8, writer.choice.choice([0, 0, 1, 1, 2]), "!")])


def change_process(writer: Writer):
    """Takes over what other processes mapped."""
    writer.call(writer.pick("iommu"), "IOMMU_IOAS_CHANGE_PROCESS",
                [size_member(8), Member("reserved", 4, writer.reserved())])


def compat_pointer(writer: Writer):
    """Names the address space behind the container's requests."""
    writer.call(writer.pick("iommu"), "IOMMU_VFIO_IOAS", [
        size_member(12), Member("ioas", 4, writer.pick("ioas"), "!"),
        Member("op", 2, writer.choice.choice([0, 1, 1, 1, 2, 3])), Member("reserved", 2, writer.reserved())])


def table(writer: Writer):
    """A page table of its own."""
    is_long = writer.maybe(50)
    parent = writer.pick("ioas") if writer.maybe(90) else writer.pick("hwpt")
    kind, length = writer.choice.choice([(0, 0)] * 17 + [(1, 16), (1, 0), (0, 16)])
    members = [size_member(48 if is_long else 24), Member("flags", 4, writer.flags(0, percent=4)),
               Member("device", 4, writer.pick("device")), Member("parent", 4, parent),
               Member("id", 4, 0, "!"), Member("reserved", 4, writer.reserved())]
    if is_long:
        members += [Member("type", 4, kind), Member("length", 4, length), Member("data", 8, 0),
                    Member("fault", 4, 0),
                    Member("reserved2", 4, writer.reserved())]
    writer.call(writer.pick("iommu"), "IOMMU_HWPT_ALLOC", members, "hwpt")


def hardware(writer: Writer):
    """Asks about the hardware."""
    writer.call(writer.pick("iommu"), "IOMMU_GET_HW_INFO", [
        size_member(40), Member("flags", 4, writer.flags(0)), Member("device", 4, writer.pick("device")),
        Member("length", 4, 0, "!"), Member("data", 8, 0), Member("type", 4, 0, "!"),
        Member("reserved", 4, 256 * writer.reserved()), Member("capabilities", 8, 0)])


def null_pointer(writer: Writer):
    """A request without its structure."""
    name = writer.choice.choice([name for name in REQUEST_NUMBERS if name.startswith("IOMMU")])
    writer.plain(writer.pick("iommu"), name)
