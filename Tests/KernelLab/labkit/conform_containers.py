"""Steps of programs of raw calls: the requests of groups and containers, valid or not.

An iommufd takes a container's requests, too.
"""

from .conform_writer import DEVICES, Member, Writer, argsz_member


def container(w: Writer):
    """A container."""
    w.add("container", "open container")


def group(w: Writer):
    """Opens a group."""
    w.add("group", f"open group {w.choice.choice(DEVICES)}")


def status(w: Writer):
    """Asks for a group's state."""
    w.call(w.pick("group"), "VFIO_GROUP_GET_STATUS", [argsz_member(8), Member("flags", 4, 0, "!")])


def join(w: Writer):
    """Puts a group into a container."""
    w.call(w.pick("group"), "VFIO_GROUP_SET_CONTAINER",
           [Member("container", 4, any_container(w) if w.maybe(30) else w.pick("container"))])


def leave(w: Writer):
    """Takes a group out."""
    w.plain(w.pick("group"), "VFIO_GROUP_UNSET_CONTAINER")


def hand_out(w: Writer):
    """Opens a device through its group."""
    name = w.choice.choice([*DEVICES, *DEVICES, "nonsense", "0000:00:99.0"])
    w.plain(w.pick("group"), "VFIO_GROUP_GET_DEVICE_FD", f"text:{name}", "cdev", is_file=True)


def any_container(w: Writer) -> str:
    """What takes a container's requests."""
    kinds = [kind for kind in ("container", "iommu") if w.labels.get(kind)]
    return w.pick(w.choice.choice(kinds or ["container"]))


def set_driver(w: Writer):
    """Gives a container its driver."""
    w.plain(any_container(w), "VFIO_SET_IOMMU",
            f"value:{w.choice.choice([3, 3, 3, 3, 1, 1, 6, 0, 99])}")


def check_extension(w: Writer):
    """Asks what a container can do."""
    w.plain(any_container(w), "VFIO_CHECK_EXTENSION",
            f"value:{w.choice.choice([1, 3, 4, 4, 4, 4, 6, 8, 9, 99])}")


def container_information(w: Writer):
    """Asks for page sizes."""
    room = w.choice.choice([8, 8, 16, 24, 64, 200])  # for sizes and what lies behind them
    members = [Member("flags", 4, 0, "!"), Member("sizes", 8, 0, "!")]
    members += [Member(f"more{place}", 4, 0, "!") for place in range((room - 8) // 4)]
    w.call(any_container(w), "VFIO_IOMMU_GET_INFO",
           [Member("room", 4, w.choice.choice([room + 8, room + 8, 16, 24, 512]), "!"), *members])


def map_container(w: Writer):
    """Maps memory by the container's request."""
    w.call(any_container(w), "VFIO_IOMMU_MAP_DMA", [
        argsz_member(32), Member("flags", 4, w.flags(3, 3, 3, 1, 2, 0, 4, percent=3)),
        Member("va", 8, w.address()), Member("iova", 8, w.iova()), Member("size", 8, w.length())])


def unmap_container(w: Writer):
    """Takes mappings away by the container's request."""
    iova, length, flags = w.iova(), w.length(), w.flags(0, 0, 0, 0, 0, 2, percent=3)
    if flags & 2 and w.maybe(70):
        iova, length = 0, 0
    elif w.maybe(20):
        iova, length = 0x10000, 0x20000
    w.call(any_container(w), "VFIO_IOMMU_UNMAP_DMA", [
        argsz_member(24), Member("flags", 4, flags), Member("iova", 8, iova),
        Member("size", 8, length, "!")])


def api_version(w: Writer):
    """Asks for the version."""
    w.plain(any_container(w), "VFIO_GET_API_VERSION")
