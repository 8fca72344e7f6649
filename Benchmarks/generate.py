#!/usr/bin/env python3
"""Writes a VM and a host description with N devices, the same bytes every time.

    generate.py N VM HOST

The devices are of several kinds, behind units of three formats of which some can't enforce snoop, in
groups of one and two, with every intent that every target can keep; some have reserved regions.
100,000 devices make about 22 MB.
"""

import random
import sys

UNITS = [  # name, can enforce, address bits, page sizes
    ("dmar0", True, 48, "4KiB, 2MiB, 1GiB"),
    ("dmar1", False, 48, "4KiB, 2MiB, 1GiB"),
    ("dmar2", True, 57, "4KiB, 2MiB, 1GiB"),
    ("dmar3", False, 57, "4KiB, 2MiB, 1GiB"),
    ("dmar4", True, 46, "4KiB, 2MiB"),
]
KINDS = [  # vendor, device, class, driver, can no-snoop
    (0x15B3, 0x101E, 0x020000, "mlx5_core", "true"),
    (0x8086, 0x1889, 0x020000, "iavf", "unknown"),
    (0x144D, 0xA824, 0x010802, "nvme", "false"),
    (0x10DE, 0x20B0, 0x030200, "vfio-pci", "true"),
]
PREPARED = 0.75  # of the devices are on vfio-pci already, as on a host kept for passthrough
REGION = "    reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ]\n"


def address(index):
    bus, slot = divmod(index, 256)
    domain, bus = divmod(bus, 256)
    return f"{domain:04x}:{bus:02x}:{slot >> 3:02x}.{slot & 7}"


def intent(chance, can_no_snoop, can_enforce):
    """An intent that every target can keep, whatever the group."""
    if can_enforce or can_no_snoop == "false":
        return "forbidden" if chance < 0.3 else "allowed" if chance < 0.8 else None
    return "required" if chance < 0.1 else "allowed" if chance < 0.8 else None


def write(count, vm_path, host_path):
    chance = random.Random(count).random
    with open(vm_path, "w") as vm, open(host_path, "w") as host:
        vm.write("apiVersion: vfioplan/v1\nkind: VM\nname: big\nmemory:\n")
        vm.write("  - { gpa: 0x0, size: 2GiB }\n  - { gpa: 4GiB, size: 14GiB }\ndevices:\n")
        host.write("apiVersion: vfioplan/v1\nkind: Host\nname: big\n")
        host.write("kernel: { release: \"7.3.4\", iommufd: true, vfioCdev: true, type1: true }\niommus:\n")
        for name, enforce, bits, pages in UNITS:
            host.write(
                f"  - {{ name: {name}, type: intel-vtd, enforceSnoop: {str(enforce).lower()}, "
                f"isolatedMSI: true, addressBits: {bits}, pageSizes: [{pages}] }}\n")
        host.write("devices:\n")
        group, unit, left = -1, 0, 0
        for index in range(count):
            if left == 0:
                group += 1
                left = 2 if chance() < 0.2 else 1
                unit = int(chance() * len(UNITS))
            left -= 1
            vendor, device, kind, driver, can = KINDS[int(chance() * len(KINDS))]
            if chance() < PREPARED:
                driver = "vfio-pci"
            name, enforce, _, _ = UNITS[unit]
            host.write(
                f"  - address: \"{address(index)}\"\n    vendor: 0x{vendor:04x}\n"
                f"    device: 0x{device:04x}\n    class: 0x{kind:06x}\n    iommu: {name}\n"
                f"    group: {group}\n    driver: {driver}\n    noSnoopCapable: {can}\n")
            if chance() < 0.05:
                host.write(REGION)
            vm.write(f"  - name: dev{index}\n    address: \"{address(index)}\"\n")
            wish = intent(chance(), can, enforce)
            if wish:
                vm.write(f"    noSnoop: {wish}\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    write(int(sys.argv[1]), sys.argv[2], sys.argv[3])
