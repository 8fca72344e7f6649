"""Steps of programs of raw calls: virtual machines, and what is done to files and processes."""

from .conform_writer import REQUEST_NUMBERS, Member, Writer


def machine(writer: Writer):
    """A virtual machine with its VFIO device."""
    kvm = writer.add("kvm", "open kvm")
    vm = writer.plain(kvm, "KVM_CREATE_VM", f"value:{int(writer.maybe(4)) * 99}", "vm", is_file=True)
    kvm_device(writer, vm)


def kvm_device(writer: Writer, vm: str = ""):
    """A VFIO device of a virtual machine."""
    writer.call(vm or writer.pick("vm"), "KVM_CREATE_DEVICE", [
        Member("type", 4, writer.choice.choice([4] * 12 + [0, 99])), Member("fd", 4, 0, "@"),
        Member("flags", 4, writer.choice.choice([0] * 9 + [1]))], "kvmvfio")


def tell(writer: Writer):
    """Tells a virtual machine of a file."""
    name = writer.choice.choice(["KVM_SET_DEVICE_ATTR"] * 8 + ["KVM_HAS_DEVICE_ATTR"] * 2
                                + ["KVM_GET_DEVICE_ATTR"])
    file = writer.pick("cdev", "cdev", "group", "iommu", "container", "null")
    vm = writer.pick("kvmvfio")
    for _ in range(writer.choice.choice([1, 1, 2])):
        writer.call(vm, name, [
            Member("flags", 4, 0), Member("group", 4, writer.choice.choice([1] * 12 + [0, 2])),
            Member("attribute", 8, writer.choice.choice([1, 1, 1, 1, 2, 2, 3, 9])),
            Member("address", 8, 0 if writer.maybe(3) else f"[4={file}]")])


def close(writer: Writer):
    """Closes a file."""
    writer.add(None, f"close {writer.pick('cdev', 'group', 'container', 'iommu', 'memfd', 'kvmvfio', 'vm')}")


def duplicate(writer: Writer):
    """One more number for a file."""
    kind = writer.choice.choice(["cdev", "group", "container", "iommu"])
    writer.add(kind, f"dup {writer.pick(kind)}")


def child(writer: Writer):
    """Some steps as a child, which then ends."""
    writer.add(None, f"fork {writer.choice.choice([1, 1, 1, 2, 3, 5])}")


def beside(writer: Writer):
    """Some steps as the second process, which stays, or its end."""
    writer.add(None, f"beside {writer.choice.choice([0, 1, 1, 1, 2, 3, 5])}")


def open_file(writer: Writer):
    """One more file, or memory."""
    writer.add(*writer.choice.choice([("iommu", "open iommu"), ("null", "open null"),
                                      ("memfd", "memfd 0x4000"), ("memory", "memory 0x4000")]))


def wrong_file(writer: Writer):
    """A request that the file does not know."""
    name = writer.choice.choice([name for name in REQUEST_NUMBERS if name.startswith("IOMMU") or
                                 name.startswith("VFIO_GROUP_GET_S") or name.startswith("KVM_SET")])
    file = writer.pick("container", "group", "kvm", "vm", "kvmvfio", "null", "memfd")
    writer.call(file, name, [Member("size", 4, 40), *(Member(f"m{place}", 8, 0) for place in range(8))])


def memory_file(writer: Writer):
    """A memory file."""
    writer.add("memfd", "memfd 0x4000")
