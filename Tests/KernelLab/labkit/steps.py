"""The steps of a plan against the calls that a process made, and the calls that undid them.

Everything is compared: which calls in which order, every argument, every byte of every struct and
what it points to, files and ids by the calls that gave them. Layouts are the kernel headers'.
"""

from .trace import Call, Trace
from .uapi import RLIMIT_MODES, STRUCTS, WORDS, Interface

PCI = "/sys/bus/pci"
# asm-generic/fcntl.h, linux/memfd.h, asm-generic/mman.h.
O_WRONLY, O_RDWR, O_CLOEXEC = 1, 2, 0o2000000
MFD_CLOEXEC, MFD_HUGETLB, MFD_HUGE_SHIFT = 1, 4, 26
PROT_READ_WRITE, MAP_SHARED = 3, 1

# Request -> what undoes it, and where that one's arguments come from: arguments and results
# of the step, or a constant.
UNDO = {
    "IOMMU_IOAS_ALLOC": ("IOMMU_DESTROY", {"id": "out_ioas_id"}),
    "IOMMU_HWPT_ALLOC": ("IOMMU_DESTROY", {"id": "out_hwpt_id"}),
    "IOMMU_IOAS_MAP": ("IOMMU_IOAS_UNMAP",
                       {"ioas_id": "ioas_id", "iova": "iova", "length": "length"}),
    "IOMMU_IOAS_MAP_FILE": ("IOMMU_IOAS_UNMAP",
                            {"ioas_id": "ioas_id", "iova": "iova", "length": "length"}),
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT": ("VFIO_DEVICE_DETACH_IOMMUFD_PT", {}),
    "VFIO_IOMMU_MAP_DMA": ("VFIO_IOMMU_UNMAP_DMA", {"iova": "iova", "size": "size"}),
    "VFIO_GROUP_SET_CONTAINER": ("VFIO_GROUP_UNSET_CONTAINER", {}),
    "KVM_SET_DEVICE_ATTR": ("KVM_SET_DEVICE_ATTR",
                            {"group": "group", "attr": "FILE_DEL", "addr": "addr"}),
}
# Request -> the result that is a file, which is closed.
FILE_RESULTS = {"KVM_CREATE_VM": "return", "KVM_CREATE_DEVICE": "fd",
                "VFIO_GROUP_GET_DEVICE_FD": "return"}
# Members that hold the address of something; what is there is compared instead.
POINTERS = {"IOMMU_GET_HW_INFO": "data_uptr", "KVM_SET_DEVICE_ATTR": "addr"}
# Members that the kernel fills in though no step uses them.
ANSWERS = {"IOMMU_GET_HW_INFO": ["out_data_type", "out_max_pasid_log2", "out_capabilities"]}


class Mismatch(Exception):
    """The first call that is not what the plan says."""


class Match:
    """Walks through a plan and a trace side by side."""

    def __init__(self, steps: list[dict], trace: Trace, interface: Interface,
                 cdevs: dict[str, str]):
        """`cdevs` says which /dev/vfio/devices node each device on a VFIO driver has before."""
        self.steps = steps
        self.trace = trace
        self.interface = interface
        self.cdevs = dict(cdevs)
        self.values: dict[str, int] = {}
        self.position = 0

    def problem(self) -> str | None:
        """The first difference, in words; `None` if the trace is the plan, and then its undo."""
        try:
            for step in self.steps:
                self.run(step)
            for step in reversed(self.steps):
                self.undo(step)
            self.end()
        except Mismatch as difference:
            return str(difference)
        return None

    # Steps

    def run(self, step: dict):
        """One step forward."""
        make = {"open": self.open, "ioctl": self.ioctl, "memory": self.memory,
                "sysfs": self.sysfs, "expect": self.expect, "close": self.close}
        make[step["call"]](step)

    def open(self, step: dict):
        """A device node, for reading and writing, close-on-exec."""
        path = step["path"]
        if path.startswith("cdev("):
            path = "/dev/vfio/devices/" + self.cdevs[path[5:-1]]
        self.values[step["result"]] = self.opened(path, O_RDWR)

    def memory(self, step: dict):
        """A memory file, filled if that is wanted, mapped if the interface takes addresses."""
        size, huge = int(step["size"], 0), int(step.get("hugepages", "0"), 0)
        kind = MFD_HUGETLB | (huge.bit_length() - 1) << MFD_HUGE_SHIFT if huge else 0
        file = self.take("memfd_create", None, MFD_CLOEXEC | kind).result
        self.take("ftruncate", file, size)
        if step.get("populate") == "eager":
            self.take("fallocate", file, 0, 0, size)
        self.values[step["result"]] = file
        if "address" in step:
            mapped = self.take("mmap", 0, size, PROT_READ_WRITE, MAP_SHARED, file, 0)
            self.values[step["address"]] = mapped.result

    def sysfs(self, step: dict):
        """A write to a driver attribute; a device that vfio-pci gets has the lowest free node."""
        device, attribute = step["device"], step["attribute"]
        if attribute == "driver_override":
            self.write(f"{PCI}/devices/{device}/{attribute}", step["driver"] + "\n")
        elif attribute == "driver/unbind":
            self.write(f"{PCI}/devices/{device}/{attribute}", device)
        else:
            self.write(f"{PCI}/{attribute}", device)
            number = 0
            while f"vfio{number}" in self.cdevs.values():
                number += 1
            self.cdevs[device] = f"vfio{number}"

    def expect(self, step: dict):
        """A result has a value; nothing is called."""
        value = self.values[step["value"]] & int(step.get("mask", "-1"), 0)
        self.require(value == self.resolve(step["equals"]),
                     f"{step['value']} is {value:#x}, the plan expects {step['equals']}")

    def close(self, step: dict):
        """A file is closed."""
        self.take("close", self.values[step["fd"]])

    def ioctl(self, step: dict):
        """A request, its argument, its results."""
        request = step["request"]
        number = self.interface.numbers[request]
        self.require(int(step.get("number", str(number)), 0) == number,
                     f"the headers say that {request} is {number:#x}")
        call = self.take("ioctl", self.values[step["fd"]], number)
        if request in STRUCTS:
            self.structure(step, call)
        else:
            self.plain_argument(step, call)
        for member, name in step["results"].items():
            self.values[name] = self.result(request, member, call)

    def plain_argument(self, step: dict, call: Call):
        """An argument that is not a struct: nothing, a number, or a descriptor or text in memory."""
        for member, operand in step["args"].items():
            if member == "name":
                self.require(call.before == operand.encode() + b"\0", f"{call}: not {operand}")
                return
            value = self.resolve(operand, step["request"], member)
            given = int.from_bytes(call.before, "little") if call.before else call.arguments[2]
            self.require(given == value, f"{call}: {member} is {given}, not {operand}")
            return
        self.require(call.arguments[2] == 0, f"{call}: takes no argument")

    def structure(self, step: dict, call: Call):
        """Every byte of a struct, before and after."""
        request = step["request"]
        layout = self.interface.structs[request]
        expected = bytearray(len(call.before))

        def put(member: str, value: int):
            offset, width = layout.members[member]
            self.require(offset + width <= len(expected), f"{call}: {member} was not sent")
            expected[offset:offset + width] = value.to_bytes(width, "little")

        sizes = [name for name in layout.members if name in ("size", "argsz")]
        if sizes and layout.members[sizes[0]][0] == 0:
            put(sizes[0], len(expected))
        self.require(len(expected) <= layout.size, f"{call}: longer than the headers' struct")
        if pointer := POINTERS.get(request):
            put(pointer, layout.value(call.before, pointer))
        if buffer := self.interface.buffers.get(request):
            put("data_len", buffer.size)
        for member, operand in step["args"].items():
            value = self.resolve(operand, request, member)
            if member == POINTERS.get(request):
                self.require(call.pointee == value.to_bytes(4, "little"),
                             f"{call}: {member} leads to {call.pointee.hex()}, not to {value}")
            else:
                put(member, value)
        self.same_bytes(call, "before", call.before, expected)
        for member in [*step["results"], *ANSWERS.get(request, [])]:
            if member in layout.members:
                put(member, layout.value(call.after, member))
        self.same_bytes(call, "after", call.after, expected)

    def same_bytes(self, call: Call, when: str, actual: bytes, expected: bytes):
        """A struct is what it should be."""
        self.require(actual == expected,
                     f"{call}: {when} it the struct is {actual.hex()}, not {expected.hex()}")

    def result(self, request: str, member: str, call: Call) -> int:
        """What a call gave."""
        if member == "return":
            return call.result
        buffer = self.interface.buffers.get(request)
        if buffer and member in buffer.members:
            return buffer.value(call.pointee, member)
        return self.interface.structs[request].value(call.after, member)

    def resolve(self, operand: int | str, request: str = "", member: str = "") -> int:
        """The number an operand stands for: itself, named values, a result, an address."""
        if isinstance(operand, int):
            return operand
        if operand.startswith("0x"):
            return int(operand, 16)
        if (request, member) in WORDS or operand in RLIMIT_MODES:
            return self.interface.number(request, member, operand)
        name, _, offset = operand.partition("+")
        return self.values[name] + int(offset or "0", 16)

    # What takes steps back

    def undo(self, step: dict):
        """The calls that take a step back."""
        match step["call"]:
            case "open":
                self.take("close", self.values[step["result"]])
            case "memory":
                if "address" in step:
                    self.take("munmap", self.values[step["address"]], int(step["size"], 0))
                self.take("close", self.values[step["result"]])
            case "sysfs":
                self.revert(step)
            case "ioctl":
                self.undo_request(step)

    def undo_request(self, step: dict):
        """The request that takes another one back, or the close of what it made."""
        request = step["request"]
        if request in FILE_RESULTS:
            self.take("close", self.values[step["results"][FILE_RESULTS[request]]])
        elif request in UNDO:
            undo, sources = UNDO[request]
            known = {**step["args"], **step["results"]}
            arguments = {member: known.get(source, source) for member, source in sources.items()}
            self.ioctl({"fd": step["fd"], "request": undo, "args": arguments, "results": {}})

    def revert(self, step: dict):
        """The write that takes a driver change back."""
        device = step["device"]
        if step["attribute"] == "drivers_probe":
            self.write(f"{PCI}/devices/{device}/driver/unbind", device)
            del self.cdevs[device]
        elif step["attribute"] == "driver_override":
            self.write(f"{PCI}/devices/{device}/driver_override", "\n")
        else:
            self.write(f"{PCI}/drivers/{step['driver']}/bind", device)

    def end(self):
        """Nothing more is called, nothing is open, all is well."""
        trace = self.trace
        self.require(self.position == len(trace.calls), "more calls than the plan and its undo")
        self.require(trace.end == ("exited", 0), f"it ended with {trace.end}")
        self.require(not trace.open_at_exit, f"open when it ended: {trace.open_at_exit}")
        self.require(not trace.has_threads, "it has started a thread")

    # Calls

    def opened(self, path: str, access: int) -> int:
        """The file that an open of a path gave."""
        call = self.take("openat")
        self.require(call.path == path, f"{call}: not {path}")
        self.require(call.arguments[2] == access | O_CLOEXEC, f"{call}: other flags")
        return call.result

    def write(self, path: str, text: str):
        """A text is written to an attribute, in one call."""
        file = self.opened(path, O_WRONLY)
        call = self.take("write", file)
        self.require(call.before == text.encode() and call.result == len(call.before),
                     f"{call}: {call.before!r} is not {text!r}, or not all of it")
        self.take("close", file)

    def take(self, name: str, *arguments: int | None) -> Call:
        """The next call, which has a name, some first arguments, and succeeded."""
        self.require(self.position < len(self.trace.calls), f"no more calls, {name} is missing")
        call = self.trace.calls[self.position]
        self.position += 1
        is_same = call.name == name and all(
            expected is None or actual == expected
            for actual, expected in zip(call.arguments, arguments))
        self.require(is_same, f"{call}: the plan says {name}{arguments}")
        self.require(call.result >= 0, f"{call}: errno {-call.result}")
        return call

    def require(self, is_so: bool, otherwise: str):
        """Stops the walk unless something is so."""
        if not is_so:
            raise Mismatch(otherwise)
