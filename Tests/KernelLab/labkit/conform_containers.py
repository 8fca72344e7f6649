"""Steps of programs of raw calls: the requests of groups and containers, valid or not.

An iommufd takes a container's requests, too.
"""

from .conform_writer import DEVICES, Member, Writer, argsz_member


def container(writer: Writer):
    """A container."""
    writer.add("container", "open container")


def group(writer: Writer):
    """Opens a group."""
    writer.add("group", f"open group {writer.choice.choice(DEVICES)}")


def status(writer: Writer):
    """Asks for a group's state."""
    writer.call(writer.pick("group"), "VFIO_GROUP_GET_STATUS", [argsz_member(8), Member("flags", 4, 0, "!")])


def join(writer: Writer):
    """Puts a group into a container."""
    writer.call(writer.pick("group"), "VFIO_GROUP_SET_CONTAINER",
                [Member("container", 4, any_container(writer) if writer.maybe(30) else writer.pick("container"))])


def leave(writer: Writer):
    """Takes a group out."""
    writer.plain(writer.pick("group"), "VFIO_GROUP_UNSET_CONTAINER")


def hand_out(writer: Writer):
    """Opens a device through its group."""
    name = writer.choice.choice([*DEVICES, *DEVICES, "nonsense", "0000:00:99.0"])
    writer.plain(writer.pick("group"), "VFIO_GROUP_GET_DEVICE_FD", f"text:{name}", "cdev", is_file=True)


def any_container(writer: Writer) -> str:
    """What takes a container's requests."""
    kinds = [kind for kind in ("container", "iommu") if writer.labels.get(kind)]
    return writer.pick(writer.choice.choice(kinds or ["container"]))


def set_driver(writer: Writer):
    """Gives a container its driver."""
    writer.plain(any_container(writer), "VFIO_SET_IOMMU",
                 f"value:{writer.choice.choice([3, 3, 3, 3, 1, 1, 6, 0, 99])}")


def check_extension(writer: Writer):
    """Asks what a container can do."""
    writer.plain(any_container(writer), "VFIO_CHECK_EXTENSION",
                 f"value:{writer.choice.choice([1, 3, 4, 4, 4, 4, 6, 8, 9, 99])}")


def container_information(writer: Writer):
    """Asks for page sizes."""
    room = writer.choice.choice([8, 8, 16, 24, 64, 200])  # for sizes and what lies behind them
    members = [Member("flags", 4, 0, "!"), Member("sizes", 8, 0, "!")]
    members += [Member(f"more{place}", 4, 0, "!") for place in range((room - 8) // 4)]
    writer.call(any_container(writer), "VFIO_IOMMU_GET_INFO",
                [Member("room", 4, writer.choice.choice([room + 8, room + 8, 16, 24, 512]), "!"), *members])


def map_container(writer: Writer):
    """Maps memory by the container's request."""
    writer.call(any_container(writer), "VFIO_IOMMU_MAP_DMA", [
        argsz_member(32), Member("flags", 4, writer.flags(3, 3, 3, 1, 2, 0, 4, percent=3)),
        Member("va", 8, writer.address()), Member("iova", 8, writer.iova()), Member("size", 8, writer.length())])


def unmap_container(writer: Writer):
    """Takes mappings away by the container's request."""
    iova, length, flags = writer.iova(), writer.length(), writer.flags(0, 0, 0, 0, 0, 2, percent=3)
    if flags & 2 and writer.maybe(70):
        iova, length = 0, 0
    elif writer.maybe(20):
        iova, length = 0x10000, 0x20000
    writer.call(any_container(writer), "VFIO_IOMMU_UNMAP_DMA", [
        argsz_member(24), Member("flags", 4, flags), Member("iova", 8, iova),
        Member("size", 8, length, "!")])


def api_version(writer: Writer):
    """Asks for the version."""
    writer.plain(any_container(writer), "VFIO_GET_API_VERSION")
