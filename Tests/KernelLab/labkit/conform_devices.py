"""Steps of programs of raw calls: the requests of a device's file, valid or not."""

from .conform_releases import PASIDS_SINCE, TOKENS_SINCE
from .conform_writer import DEVICES, Member, Writer, argsz_member


def open_device(writer: Writer):
    """Opens a device."""
    writer.add("cdev", f"open cdev {writer.choice.choice(DEVICES)}")


def bind(writer: Writer):
    """Gives a device to an iommufd."""
    has_token = writer.maybe(15 if writer.kernel.release >= TOKENS_SINCE else 4)
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_BIND_IOMMUFD", [
        argsz_member(24 if has_token else 16), Member("flags", 4, writer.flags(0, percent=4)),
        Member("iommufd", 4, writer.pick("iommu")), Member("id", 4, 0, "!"),
        *([Member("token", 8, 0)] if has_token else [])], "device")


def attach(writer: Writer):
    """Attaches a device, by table or address space."""
    has_pasid = writer.maybe(10 if writer.kernel.release >= PASIDS_SINCE else 3)
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_ATTACH_IOMMUFD_PT", [
        argsz_member(16 if has_pasid else 12),
        Member("flags", 4, writer.flags(0, 0, 0, 0, 1, percent=3)),
        Member("table", 4, writer.pick("ioas", "ioas", "hwpt"), "!"),
        *([Member("pasid", 4, 1)] if has_pasid else [])], "hwpt")


def detach(writer: Writer):
    """Detaches a device."""
    has_pasid = writer.maybe(10 if writer.kernel.release >= PASIDS_SINCE else 3)
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_DETACH_IOMMUFD_PT", [
        argsz_member(12 if has_pasid else 8), Member("flags", 4, writer.flags(0, 0, 0, 0, 1, percent=3)),
        *([Member("pasid", 4, 1)] if has_pasid else [])])


def device_information(writer: Writer):
    """Asks about a device, which wants to be bound: what is the same for all of them is shown."""
    writer.choice.choice([information, region, interrupt, set_interrupts, set_interrupts, hot_reset,
                          hot_reset, doorbell, feature])(writer)


def information(writer: Writer):
    """How many regions and interrupts a device has."""
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_GET_INFO", [
        argsz_member(16), Member("flags", 4, 0), Member("regions", 4, 0, "!"),
        Member("interrupts", 4, 0, "!")])


def region(writer: Writer):
    """Where a region is; how long it is depends on the device."""
    index = writer.choice.choice([0, 3, 5, 6, 7, 7, 8, 9, 99, 1 << 31])
    is_shown = "!" if index == 7 else ""
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_GET_REGION_INFO", [
        argsz_member(32), Member("flags", 4, 0, is_shown), Member("index", 4, index),
        Member("offset", 4, 0), Member("length", 8, 0), Member("place", 8, 0, "!")])


def interrupt(writer: Writer):
    """What an interrupt can do that every device has."""
    index = writer.choice.choice([0, 4, 4, 5, 99])
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_GET_IRQ_INFO", [
        argsz_member(16), Member("flags", 4, 0, "!"), Member("index", 4, index),
        Member("count", 4, 0, "!" if index == 4 else "")])


def set_interrupts(writer: Writer):
    """Sets the interrupt by which the host asks for a device: there is no event to set it to."""
    data, action = writer.choice.choice([1, 2, 4, 4, 4, 3]), writer.choice.choice([32, 32, 32, 8, 16, 0, 48])
    width, value = (1, writer.choice.choice([0, 1])) if data == 2 else (4, writer.choice.choice(
        [4294967295, 4294967294, 999, writer.pick("memfd"), writer.pick("null"), writer.pick("iommu")]))
    members = [] if data == 1 else [Member("data", width, value)]
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_SET_IRQS", [
        argsz_member(20 + sum(member.width for member in members)),
        Member("flags", 4, writer.flags(data | action)),
        Member("index", 4, writer.choice.choice([4, 4, 4, 4, 5, 1 << 31])),
        Member("start", 4, writer.choice.choice([0, 0, 0, 0, 1, 4294967295])),
        Member("count", 4, writer.choice.choice([1, 1, 1, 1, 0, 2, 4294967295])), *members])


def hot_reset(writer: Writer):
    """Asks for a reset of a root bus, which nothing resets."""
    if writer.maybe(50):
        writer.call(writer.pick("cdev"), "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO",
                    [argsz_member(12), Member("flags", 4, 0, "!"), Member("count", 4, 0, "!")])
        return
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_PCI_HOT_RESET", [
        argsz_member(16), Member("flags", 4, writer.flags(0)),
        Member("count", 4, writer.choice.choice([0, 1])),
        Member("file", 4, writer.pick("group", "null"))])


def doorbell(writer: Writer):
    """Asks for a write by an event where there is none."""
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_IOEVENTFD", [
        argsz_member(32), Member("flags", 4, writer.flags(1, 2, 4, 8, 3, 0)),
        Member("offset", 8, writer.choice.choice([7 << 40, 6 << 40, 8 << 40, 9 << 40])),
        Member("data", 8, 0), Member("file", 4, writer.choice.choice([4294967295, 4294967294, 999])),
        Member("reserved", 4, writer.reserved())])


def feature(writer: Writer):
    """Asks for features, and switches none on."""
    number = writer.choice.choice([1, 2, 3, 3, 5, 6, 7, 8, 9, 10, 99])
    action = writer.choice.choice([1 << 16, 1 << 18, 1 << 18, 0, 3 << 16, 7 << 16, 6 << 16, 1 << 19])
    writer.call(writer.pick("cdev"), "VFIO_DEVICE_FEATURE", [
        argsz_member(16), Member("flags", 4, number | action), Member("data", 8, 0)])
