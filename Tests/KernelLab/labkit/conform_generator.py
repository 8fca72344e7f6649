"""Programs of raw calls, valid and not, in the text that guest/conform.c and Tests/Conform run."""

import random

from . import conform_containers as containers
from . import conform_devices as devices
from . import conform_files as files
from . import conform_iommufd as iommufd
from .conform_releases import has_request
from .conform_writer import Writer
from .recipes import Kernel

MOST_IDS = 12  # objects that the last steps look for

# How often each step is made, against the others of its table.
IOMMUFD_WEIGHTS = {
    iommufd.ioas: 6, iommufd.destroy: 8, iommufd.map_memory: 14, iommufd.map_file: 4,
    iommufd.copy: 7, iommufd.unmap: 9, iommufd.ranges: 5, iommufd.allow: 5, iommufd.option: 5,
    iommufd.compat_pointer: 3, iommufd.change_process: 1, iommufd.table: 9, iommufd.hardware: 2,
    devices.open_device: 4, devices.bind: 8, devices.attach: 14, devices.detach: 6,
    devices.device_information: 6, iommufd.null_pointer: 1,
}
TYPE1_WEIGHTS = {
    containers.container: 2, containers.group: 3, containers.status: 3, containers.join: 7,
    containers.leave: 5, containers.hand_out: 5, containers.set_driver: 7,
    containers.check_extension: 6, containers.container_information: 1,
    containers.map_container: 14, containers.unmap_container: 10, containers.api_version: 1,
    devices.device_information: 4,
}
# The container's requests on an iommufd.
COMPAT_WEIGHTS = {
    iommufd.compat_pointer: 3, containers.set_driver: 2, containers.check_extension: 1,
    containers.container_information: 1, containers.map_container: 4,
    containers.unmap_container: 4, containers.api_version: 0.5,
}
# What programs of both interfaces do.
COMMON_WEIGHTS = {
    files.machine: 1, files.kvm_device: 1, files.tell: 5, files.close: 8, files.duplicate: 2,
    files.open_file: 3, files.wrong_file: 2, files.child: 2, files.beside: 2,
}

# What only some releases have; where it is not, it is asked for less often.
STEP_REQUESTS = {
    iommufd.ioas: "IOMMU_IOAS_ALLOC", iommufd.table: "IOMMU_HWPT_ALLOC",
    iommufd.hardware: "IOMMU_GET_HW_INFO", iommufd.map_file: "IOMMU_IOAS_MAP_FILE",
    iommufd.change_process: "IOMMU_IOAS_CHANGE_PROCESS",
    devices.open_device: "VFIO_DEVICE_BIND_IOMMUFD", devices.bind: "VFIO_DEVICE_BIND_IOMMUFD",
    devices.attach: "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    devices.detach: "VFIO_DEVICE_DETACH_IOMMUFD_PT",
}
RARE_WEIGHT = 0.15

# What a step is about, and what gets it.
STEP_NEEDS = {
    devices.bind: ["cdev", "iommu"], devices.attach: ["cdev"], devices.detach: ["cdev"],
    iommufd.table: ["device"], iommufd.hardware: ["device"], iommufd.map_file: ["memfd"],
    containers.join: ["group", "container"], containers.leave: ["group"],
    containers.status: ["group"], containers.hand_out: ["group"],
    containers.set_driver: ["container"], files.tell: ["kvmvfio", "cdev"],
    files.kvm_device: ["kvmvfio"],
}
STEP_MAKERS = {
    "cdev": devices.open_device, "iommu": iommufd.open_iommufd, "device": devices.bind,
    "group": containers.group, "container": containers.container, "kvmvfio": files.machine,
    "memfd": files.memory_file,
}


def write_prelude(writer: Writer, is_iommufd: bool):
    """What most steps need, mostly."""
    writer.add("memory", "memory 0x10000")
    if is_iommufd:
        iommufd.open_iommufd(writer)
        iommufd.ioas(writer)
        if not has_step(devices.bind, writer.kernel):
            return
        for _ in range(writer.choice.choice([0, 1, 1, 2, 3])):
            devices.open_device(writer)
            devices.bind(writer)
    else:
        containers.container(writer)
        for _ in range(writer.choice.choice([1, 1, 2])):
            containers.group(writer)
            containers.join(writer)
        if writer.maybe(85):
            containers.set_driver(writer)


def has_step(step, kernel: Kernel) -> bool:
    """Whether a kernel has what a step asks for."""
    return step not in STEP_REQUESTS or has_request(kernel, STEP_REQUESTS[step])


def generate_program(choice: random.Random, kernel: Kernel) -> list[str]:
    """The steps of one program."""
    writer = Writer(choice, kernel)
    has_iommufd = has_step(iommufd.ioas, kernel)
    is_iommufd = has_iommufd and choice.random() < 0.65
    write_prelude(writer, is_iommufd)
    weights = {**COMMON_WEIGHTS, **(IOMMUFD_WEIGHTS if is_iommufd else TYPE1_WEIGHTS)}
    if choice.random() < 0.25:
        # Both interfaces at once: groups and devices exclude each other.
        weights |= {step: weight / 3 for step, weight in (
            TYPE1_WEIGHTS if is_iommufd else IOMMUFD_WEIGHTS if has_iommufd else {}).items()}
    if is_iommufd and choice.random() < 0.25:
        weights |= COMPAT_WEIGHTS
        iommufd.compat_pointer(writer)
    weights = {step: weight if has_step(step, kernel) else weight * RARE_WEIGHT
               for step, weight in weights.items()}
    steps = choice.choices(list(weights), list(weights.values()), k=choice.randrange(3, 18))
    for step in steps:
        need = next((need for need in STEP_NEEDS.get(step, ())
                     if not writer.labels.get(need)), None)
        if need and writer.maybe(90):
            STEP_MAKERS[need](writer)
        step(writer)
    for label in writer.labels.get("iommu", [])[:2]:
        writer.add(None, f"sweep {label} {MOST_IDS}")
    return writer.lines


def generate_programs(seed: str, count: int, kernel: Kernel) -> dict[str, list[str]]:
    """Programs by name; the same for the same words."""
    return {f"p{index}": generate_program(random.Random(f"{seed} {index}"), kernel)
            for index in range(count)}
