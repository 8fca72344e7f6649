"""Steps of programs of raw calls: virtual machines, and what is done to files and processes."""

from .conform_writer import REQUEST_NUMBERS, Member, Writer


def machine(w: Writer):
    """A virtual machine with its VFIO device."""
    kvm = w.add("kvm", "open kvm")
    vm = w.plain(kvm, "KVM_CREATE_VM", f"value:{int(w.maybe(4)) * 99}", "vm", is_file=True)
    kvm_device(w, vm)


def kvm_device(w: Writer, vm: str = ""):
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


def open_file(w: Writer):
    """One more file, or memory."""
    w.add(*w.choice.choice([("iommu", "open iommu"), ("null", "open null"),
                            ("memfd", "memfd 0x4000"), ("memory", "memory 0x4000")]))


def wrong_file(w: Writer):
    """A request that the file does not know."""
    name = w.choice.choice([name for name in REQUEST_NUMBERS if name.startswith("IOMMU") or
                            name.startswith("VFIO_GROUP_GET_S") or name.startswith("KVM_SET")])
    file = w.pick("container", "group", "kvm", "vm", "kvmvfio", "null", "memfd")
    w.call(file, name, [Member("size", 4, 40), *(Member(f"m{place}", 8, 0) for place in range(8))])


def memory_file(w: Writer):
    """A memory file."""
    w.add("memfd", "memfd 0x4000")
