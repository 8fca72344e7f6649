"""Programs of raw calls, valid and not, in the text that guest/conform.c and Tests/Conform run."""

import random

from .conformsteps import (
    allow, apiVersion, attach, beside, bind, changeProcess, checkExtension, child, close,
    compatPointer, container, containerInformation, copy, destroy, detach, deviceInformation,
    duplicate, group, handOut, hardware, ioas, join, kvmDevice, leave, machine, mapContainer,
    mapFile, mapMemory, nullPointer, openDevice, openFile, option, ranges, setDriver, status, table,
    tell, unmap, unmapContainer, wrongFile)
from .conform_releases import has
from .conformwriter import Writer
from .recipes import Kernel

MOST_IDS = 12  # objects that the last steps look for

IOMMUFD = {ioas: 6, destroy: 8, mapMemory: 14, mapFile: 4, copy: 7, unmap: 9, ranges: 5, allow: 5,
           option: 5, compatPointer: 3, changeProcess: 1, table: 9, hardware: 2, openDevice: 4,
           bind: 8, attach: 14, detach: 6, deviceInformation: 6, nullPointer: 1}
TYPE1 = {container: 2, group: 3, status: 3, join: 7, leave: 5, handOut: 5, setDriver: 7,
         checkExtension: 6, containerInformation: 1, mapContainer: 14, unmapContainer: 10,
         apiVersion: 1, deviceInformation: 4}
# The container's requests on an iommufd.
COMPAT = {compatPointer: 3, setDriver: 2, checkExtension: 1, containerInformation: 1,
          mapContainer: 4, unmapContainer: 4, apiVersion: 0.5}
BOTH = {machine: 1, kvmDevice: 1, tell: 5, close: 8, duplicate: 2, openFile: 3, wrongFile: 2,
        child: 2, beside: 2}

# What only some releases have; where it is not, it is asked for less often.
REQUESTS = {ioas: "IOMMU_IOAS_ALLOC", table: "IOMMU_HWPT_ALLOC", hardware: "IOMMU_GET_HW_INFO",
            openDevice: "VFIO_DEVICE_BIND_IOMMUFD", bind: "VFIO_DEVICE_BIND_IOMMUFD",
            attach: "VFIO_DEVICE_ATTACH_IOMMUFD_PT", detach: "VFIO_DEVICE_DETACH_IOMMUFD_PT",
            mapFile: "IOMMU_IOAS_MAP_FILE", changeProcess: "IOMMU_IOAS_CHANGE_PROCESS"}
RARELY = 0.15

# What a step is about, and what gets it.
NEEDS = {bind: ["cdev", "iommu"], attach: ["cdev"], detach: ["cdev"], table: ["device"],
         hardware: ["device"], join: ["group", "container"], leave: ["group"], status: ["group"],
         handOut: ["group"], setDriver: ["container"], tell: ["kvmvfio", "cdev"],
         kvmDevice: ["kvmvfio"], mapFile: ["memfd"]}
MAKERS = {"cdev": openDevice, "iommu": lambda w: w.add("iommu", "open iommu"), "device": bind,
          "group": group, "container": container, "kvmvfio": machine,
          "memfd": lambda w: w.add("memfd", "memfd 0x4000")}


def prelude(w: Writer, isIOMMUFD: bool):
    """What most steps need, mostly."""
    w.add("memory", "memory 0x10000")
    if isIOMMUFD:
        w.add("iommu", "open iommu")
        ioas(w)
        if not isThere(bind, w.kernel):
            return
        for _ in range(w.choice.choice([0, 1, 1, 2, 3])):
            openDevice(w)
            bind(w)
    else:
        container(w)
        for _ in range(w.choice.choice([1, 1, 2])):
            group(w)
            join(w)
        if w.maybe(85):
            setDriver(w)


def isThere(step, kernel: Kernel) -> bool:
    """Whether a kernel has what a step asks for."""
    return step not in REQUESTS or has(kernel, REQUESTS[step])


def program(choice: random.Random, kernel: Kernel) -> list[str]:
    """The steps of one program."""
    w = Writer(choice, kernel)
    hasIOMMUFD = isThere(ioas, kernel)
    isIOMMUFD = hasIOMMUFD and choice.random() < 0.65
    prelude(w, isIOMMUFD)
    weights = {**BOTH, **(IOMMUFD if isIOMMUFD else TYPE1)}
    if choice.random() < 0.25:
        # Both interfaces at once: groups and devices exclude each other.
        weights |= {step: weight / 3 for step, weight in (
            TYPE1 if isIOMMUFD else IOMMUFD if hasIOMMUFD else {}).items()}
    if isIOMMUFD and choice.random() < 0.25:
        weights |= COMPAT
        compatPointer(w)
    weights = {step: weight if isThere(step, kernel) else weight * RARELY
               for step, weight in weights.items()}
    steps = choice.choices(list(weights), list(weights.values()), k=choice.randrange(3, 18))
    for step in steps:
        need = next((need for need in NEEDS.get(step, ()) if not w.labels.get(need)), None)
        if need and w.maybe(90):
            MAKERS[need](w)
        step(w)
    for label in w.labels.get("iommu", [])[:2]:
        w.add(None, f"sweep {label} {MOST_IDS}")
    return w.lines


def programs(seed: str, count: int, kernel: Kernel) -> dict[str, list[str]]:
    """Programs by name; the same for the same words."""
    return {f"p{index}": program(random.Random(f"{seed} {index}"), kernel)
            for index in range(count)}
