"""The kernel's user interface as its own headers have it: asked of a C compiler.

Nothing here comes from vfioplan's tables; that is the point. Only names are written down.
"""

import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

# Request -> the struct its argument points to and the members that plans use. The others that the
# struct has must be zero.
STRUCTS = {
    "IOMMU_DESTROY": ("iommu_destroy", "size id"),
    "IOMMU_IOAS_ALLOC": ("iommu_ioas_alloc", "size out_ioas_id"),
    "IOMMU_IOAS_MAP": ("iommu_ioas_map", "size flags ioas_id user_va length iova"),
    "IOMMU_IOAS_MAP_FILE": ("iommu_ioas_map_file", "size flags ioas_id fd start length iova"),
    "IOMMU_IOAS_UNMAP": ("iommu_ioas_unmap", "size ioas_id iova length"),
    "IOMMU_OPTION": ("iommu_option", "size option_id op object_id val64"),
    "IOMMU_HWPT_ALLOC": ("iommu_hwpt_alloc", "size dev_id pt_id out_hwpt_id"),
    "IOMMU_GET_HW_INFO": (
        "iommu_hw_info",
        "size dev_id data_len data_uptr out_data_type out_max_pasid_log2 out_capabilities"),
    "VFIO_DEVICE_BIND_IOMMUFD": ("vfio_device_bind_iommufd", "argsz iommufd out_devid"),
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT": ("vfio_device_attach_iommufd_pt", "argsz pt_id"),
    "VFIO_DEVICE_DETACH_IOMMUFD_PT": ("vfio_device_detach_iommufd_pt", "argsz"),
    "VFIO_GROUP_GET_STATUS": ("vfio_group_status", "argsz flags"),
    "VFIO_IOMMU_MAP_DMA": ("vfio_iommu_type1_dma_map", "argsz flags vaddr iova size"),
    "VFIO_IOMMU_UNMAP_DMA": ("vfio_iommu_type1_dma_unmap", "argsz iova size"),
    "KVM_CREATE_DEVICE": ("kvm_create_device", "type fd"),
    "KVM_SET_DEVICE_ATTR": ("kvm_device_attr", "group attr addr"),
}
# Requests with another argument: none, a number, a descriptor or a text it points to.
PLAIN = [
    "VFIO_GET_API_VERSION", "VFIO_CHECK_EXTENSION", "VFIO_SET_IOMMU", "VFIO_GROUP_SET_CONTAINER",
    "VFIO_GROUP_UNSET_CONTAINER", "VFIO_GROUP_GET_DEVICE_FD", "KVM_CREATE_VM",
]
# What a struct's pointer leads to.
BUFFERS = {"IOMMU_GET_HW_INFO": ("iommu_hw_info_vtd", "cap_reg ecap_reg")}
# Member -> how the headers name its values; plans leave out what all names have in common.
WORDS = {
    ("IOMMU_IOAS_MAP", "flags"): ("IOMMU_IOAS_MAP_{}", "FIXED_IOVA WRITEABLE READABLE"),
    ("IOMMU_IOAS_MAP_FILE", "flags"): ("IOMMU_IOAS_MAP_{}", "FIXED_IOVA WRITEABLE READABLE"),
    ("IOMMU_OPTION", "option_id"): ("IOMMU_OPTION_{}", "RLIMIT_MODE HUGE_PAGES"),
    ("IOMMU_OPTION", "op"): ("IOMMU_OPTION_OP_{}", "SET GET"),
    ("VFIO_CHECK_EXTENSION", "extension"): ("VFIO_{}_IOMMU", "TYPE1 TYPE1v2 DMA_CC"),
    ("VFIO_SET_IOMMU", "type"): ("VFIO_{}_IOMMU", "TYPE1 TYPE1v2"),
    ("VFIO_IOMMU_MAP_DMA", "flags"): ("VFIO_DMA_MAP_FLAG_{}", "READ WRITE"),
    ("KVM_CREATE_DEVICE", "type"): ("KVM_DEV_TYPE_{}", "VFIO"),
    ("KVM_SET_DEVICE_ATTR", "group"): ("KVM_DEV_VFIO_{}", "FILE"),
    ("KVM_SET_DEVICE_ATTR", "attr"): ("KVM_DEV_VFIO_{}", "FILE_ADD FILE_DEL"),
}
# linux/iommufd.h describes the values of this option in words only.
RLIMIT_MODES = {"PER_USER": 0, "PER_PROCESS": 1}
# Before 6.6 kvm-vfio's files are called groups (linux/kvm.h); the numbers are the same.
PREAMBLE = """
#include <stddef.h>
#include <stdio.h>
#include <linux/vfio.h>
#include <linux/kvm.h>
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#endif
#ifndef KVM_DEV_VFIO_FILE
#define KVM_DEV_VFIO_FILE KVM_DEV_VFIO_GROUP
#define KVM_DEV_VFIO_FILE_ADD KVM_DEV_VFIO_GROUP_ADD
#define KVM_DEV_VFIO_FILE_DEL KVM_DEV_VFIO_GROUP_DEL
#endif
"""


@dataclass
class Layout:
    """Where the members of a struct are: name -> offset and width."""

    size: int = 0
    members: dict[str, tuple[int, int]] = field(default_factory=dict)

    def value(self, data: bytes, member: str) -> int:
        """A member's value; `data` may be a shorter version of the struct."""
        offset, width = self.members[member]
        return int.from_bytes(data[offset:offset + width], "little")


@dataclass
class Interface:
    """Numbers, structs and values of one kernel's headers."""

    numbers: dict[str, int] = field(default_factory=dict)
    structs: dict[str, Layout] = field(default_factory=dict)
    buffers: dict[str, Layout] = field(default_factory=dict)
    words: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def number(self, request: str, member: str, words: str) -> int:
        """The value that names, joined by `|`, stand for."""
        if member == "val64":
            return RLIMIT_MODES[words]
        return sum(self.words[request, member, word] for word in words.split("|"))


def headers_of(image: Path) -> Path | None:
    """The headers that came with a kernel of the lab; `None`: the machine's own are as old."""
    include = image.parent / "include"
    return include if include.is_dir() else None


@cache
def read_interface(headers: Path | None) -> Interface:
    """What the headers in a directory say; the machine's own if there is none."""
    with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
        source, program = Path(scratch) / "probe.c", Path(scratch) / "probe"
        source.write_text(probe_source())
        include = ["-isystem", str(headers)] if headers else []
        subprocess.run(["gcc", "-std=gnu11", *include, source, "-o", program], check=True)
        text = subprocess.run([program], text=True, capture_output=True, check=True).stdout
    return parse_probe(text)


def parse_probe(text: str) -> Interface:
    """Reads what the probe prints: `struct REQUEST MEMBER SIZE OFFSET WIDTH` and the like."""
    found = Interface()
    for line in text.splitlines():
        kind, request, *rest = line.split()
        if kind == "number":
            found.numbers[request] = int(rest[0])
        elif kind == "word":
            found.words[request, rest[0], rest[1]] = int(rest[2])
        else:
            size, offset, width = map(int, rest[1:])
            layouts = found.structs if kind == "struct" else found.buffers
            layouts.setdefault(request, Layout(size)).members[rest[0]] = (offset, width)
    return found


def probe_source() -> str:
    """A C program that prints numbers, sizes, offsets and values as the headers have them."""
    lines = [PREAMBLE, "int main(void) {"]
    for request in [*STRUCTS, *PLAIN]:
        lines += [f"#ifdef {request}", print_statement(f"number {request}", request)]
        if request in STRUCTS:
            lines += print_members(f"struct {request}", *STRUCTS[request])
        if request in BUFFERS:
            lines += print_members(f"buffer {request}", *BUFFERS[request])
        for (owner, member), (pattern, words) in WORDS.items():
            if owner == request:
                lines += [print_statement(f"word {request} {member} {word}", pattern.format(word))
                          for word in words.split()]
        lines.append("#endif")
    return "\n".join([*lines, "return 0; }", ""])


def print_members(label: str, struct: str, names: str) -> list[str]:
    """Statements that print a struct's size and where its members are."""
    return [print_statement(f"{label} {name}", f"sizeof(struct {struct})",
                            f"offsetof(struct {struct}, {name})",
                            f"sizeof(((struct {struct} *)0)->{name})")
            for name in names.split()]


def print_statement(label: str, *values: str) -> str:
    """A statement that prints a label and numbers."""
    numbers = "".join(f", (unsigned long)({value})" for value in values)
    return f'printf("{label}{" %lu" * len(values)}\\n"{numbers});'
