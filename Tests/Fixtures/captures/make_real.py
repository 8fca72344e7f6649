#!/usr/bin/env python3
"""Makes the captures of machines that are described in public; README.md says where.

    make_real.py            writes the archives beside this file
    make_real.py --check    compares them with what would be written; exit code 1 if they differ

An archive has the files that `vfioplan host --capture` would write on such a machine, as it would
write them. Change the tables, run the script, then `make golden`.
"""

import gzip
import io
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
MSI = "0x00000000fee00000 0x00000000feefffff msi\n"

# What is no PCI Express device has no Device Control. The others have it as after a reset, with
# Enable No Snoop set, but for what is part of the root complex: ports and the graphics there.
PLAIN, RESET, CLEAR = None, 0x2810, 0x0000

# Address, vendor, device, class, group, driver, Device Control.
NITRO = [
    ("00:00.0", 0x8086, 0x3EC4, 0x060000, 0, "skl_uncore", PLAIN),
    ("00:01.0", 0x8086, 0x1901, 0x060400, 1, "pcieport", CLEAR),
    ("00:02.0", 0x8086, 0x3E9B, 0x030000, 2, "i915", CLEAR),
    ("00:08.0", 0x8086, 0x1911, 0x088000, 3, None, PLAIN),
    ("00:12.0", 0x8086, 0xA379, 0x118000, 4, "intel_pch_thermal", PLAIN),
    ("00:14.0", 0x8086, 0xA36D, 0x0C0330, 5, "xhci_hcd", PLAIN),
    ("00:14.2", 0x8086, 0xA36F, 0x050000, 5, None, PLAIN),
    ("00:14.3", 0x8086, 0xA370, 0x028000, 6, "iwlwifi", CLEAR),
    ("00:15.0", 0x8086, 0xA368, 0x0C8000, 7, "intel-lpss", PLAIN),
    ("00:15.1", 0x8086, 0xA369, 0x0C8000, 7, "intel-lpss", PLAIN),
    ("00:16.0", 0x8086, 0xA360, 0x078000, 8, "mei_me", PLAIN),
    ("00:17.0", 0x8086, 0xA353, 0x010601, 9, "ahci", PLAIN),
    ("00:1d.0", 0x8086, 0xA330, 0x060400, 10, "pcieport", CLEAR),
    ("00:1d.5", 0x8086, 0xA335, 0x060400, 11, "pcieport", CLEAR),
    ("00:1e.0", 0x8086, 0xA328, 0x078000, 12, "intel-lpss", PLAIN),
    ("00:1f.0", 0x8086, 0xA30D, 0x060100, 13, None, PLAIN),
    ("00:1f.3", 0x8086, 0xA348, 0x040300, 13, "snd_hda_intel", PLAIN),
    ("00:1f.4", 0x8086, 0xA323, 0x0C0500, 13, "i801_smbus", PLAIN),
    ("00:1f.5", 0x8086, 0xA324, 0x0C8000, 13, None, PLAIN),
    ("01:00.0", 0x10DE, 0x1C8D, 0x030000, 1, "nouveau", RESET),
    ("01:00.1", 0x10DE, 0x0FB9, 0x040300, 1, "snd_hda_intel", RESET),
    ("06:00.0", 0x144D, 0xA808, 0x010802, 14, "nvme", RESET),
    ("07:00.0", 0x10EC, 0x5287, 0xFF0000, 15, "rtsx_pci", RESET),
    ("07:00.1", 0x10EC, 0x8168, 0x020000, 15, "r8169", RESET),
]

B550 = [
    ("00:00.0", 0x1022, 0x1480, 0x060000, 0, None, PLAIN),
    ("00:00.2", 0x1022, 0x1481, 0x080600, None, None, PLAIN),
    ("00:01.0", 0x1022, 0x1482, 0x060000, 1, None, PLAIN),
    ("00:01.2", 0x1022, 0x1483, 0x060400, 2, "pcieport", CLEAR),
    ("00:02.0", 0x1022, 0x1482, 0x060000, 3, None, PLAIN),
    ("00:03.0", 0x1022, 0x1482, 0x060000, 4, None, PLAIN),
    ("00:03.1", 0x1022, 0x1483, 0x060400, 5, "pcieport", CLEAR),
    ("00:04.0", 0x1022, 0x1482, 0x060000, 6, None, PLAIN),
    ("00:05.0", 0x1022, 0x1482, 0x060000, 7, None, PLAIN),
    ("00:07.0", 0x1022, 0x1482, 0x060000, 8, None, PLAIN),
    ("00:07.1", 0x1022, 0x1484, 0x060400, 9, "pcieport", CLEAR),
    ("00:08.0", 0x1022, 0x1482, 0x060000, 10, None, PLAIN),
    ("00:08.1", 0x1022, 0x1484, 0x060400, 11, "pcieport", CLEAR),
    ("00:14.0", 0x1022, 0x790B, 0x0C0500, 12, "piix4_smbus", PLAIN),
    ("00:14.3", 0x1022, 0x790E, 0x060100, 12, None, PLAIN),
    ("00:18.0", 0x1022, 0x1440, 0x060000, 13, None, PLAIN),
    ("00:18.1", 0x1022, 0x1441, 0x060000, 13, None, PLAIN),
    ("00:18.2", 0x1022, 0x1442, 0x060000, 13, None, PLAIN),
    ("00:18.3", 0x1022, 0x1443, 0x060000, 13, None, PLAIN),
    ("00:18.4", 0x1022, 0x1444, 0x060000, 13, None, PLAIN),
    ("00:18.5", 0x1022, 0x1445, 0x060000, 13, None, PLAIN),
    ("00:18.6", 0x1022, 0x1446, 0x060000, 13, None, PLAIN),
    ("00:18.7", 0x1022, 0x1447, 0x060000, 13, None, PLAIN),
    ("01:00.0", 0x1022, 0x43EE, 0x0C0330, 14, "xhci_hcd", RESET),
    ("01:00.1", 0x1022, 0x43EB, 0x010601, 14, "ahci", RESET),
    ("01:00.2", 0x1022, 0x43E9, 0x060400, 14, "pcieport", CLEAR),
    ("02:00.0", 0x1022, 0x43EA, 0x060400, 14, "pcieport", CLEAR),
    ("02:08.0", 0x1022, 0x43EA, 0x060400, 14, "pcieport", CLEAR),
    ("02:09.0", 0x1022, 0x43EA, 0x060400, 14, "pcieport", CLEAR),
    ("04:00.0", 0x8086, 0x2723, 0x028000, 14, "iwlwifi", RESET),
    ("05:00.0", 0x8086, 0x15F3, 0x020000, 14, "igc", RESET),
    ("06:00.0", 0x10DE, 0x1F08, 0x030000, 15, "nouveau", RESET),
    ("06:00.1", 0x10DE, 0x10F9, 0x040300, 15, "snd_hda_intel", RESET),
    ("06:00.2", 0x10DE, 0x1ADA, 0x0C0330, 15, "xhci_hcd", RESET),
    ("06:00.3", 0x10DE, 0x1ADB, 0x0C8000, 15, None, RESET),
    ("07:00.0", 0x1022, 0x148A, 0x130000, 16, None, RESET),
    ("08:00.0", 0x1022, 0x1485, 0x130000, 17, None, RESET),
    ("08:00.1", 0x1022, 0x1486, 0x108000, 18, "ccp", RESET),
    ("08:00.3", 0x1022, 0x149C, 0x0C0330, 19, "xhci_hcd", RESET),
    ("08:00.4", 0x1022, 0x1487, 0x040300, 20, "snd_hda_intel", RESET),
]

MACHINES = {
    "laptop-coffee-lake": {
        "devices": NITRO,
        "release": "5.10.0-8parrot1-amd64",
        "interfaces": ["kvm", "vfio"],
        "table": "DMAR",
        "units": {
            "dmar0/intel-iommu": {"cap": "1c0000c40660462", "ecap": "19e2ff0505e"},
            "dmar1/intel-iommu": {"cap": "d2008c40660462", "ecap": "f050da"},
        },
        # The first unit is for the graphics alone, the second for all else.
        "unit": lambda address: "virtual/iommu/dmar" + ("0" if address == "00:02.0" else "1"),
        # Bridges, the bus behind each and the last one below it.
        "bridges": {"00:01.0": (1, 5), "00:1d.0": (6, 6), "00:1d.5": (7, 7)},
        "reserved": {
            2: "0x000000008b000000 0x000000008f7fffff direct-relaxable\n" + MSI,
            5: "0x0000000089575000 0x0000000089594fff direct-relaxable\n" + MSI,
            13: "0x0000000000000000 0x0000000000ffffff direct-relaxable\n" + MSI,
        },
        "regions": MSI,
    },
    "desktop-b550": {
        "devices": B550,
        "release": "6.14.5",
        "interfaces": ["iommu", "kvm", "vfio"],
        "table": "IVRS",
        "units": {"ivhd0/amd-iommu": {"features": "58f77ef22294a5a:0"}},
        "unit": lambda address: "pci0000:00/0000:00:00.2/iommu/ivhd0",
        "bridges": {
            "00:01.2": (1, 5), "00:03.1": (6, 6), "00:07.1": (7, 7), "00:08.1": (8, 8),
            "01:00.2": (2, 5), "02:00.0": (3, 3), "02:08.0": (4, 4), "02:09.0": (5, 5),
        },
        "reserved": {},
        "regions": MSI + "0x000000fd00000000 0x000000ffffffffff reserved\n",
    },
}


def configuration(row, is_multifunction, behind):
    """The 256 bytes of a device's configuration space that captures keep."""
    address, vendor, device, class_code, _, _, control = row
    space = bytearray(256)
    space[0:4] = vendor.to_bytes(2, "little") + device.to_bytes(2, "little")
    space[6] = 0x10  # a list of capabilities, from 0x40
    space[9:12] = class_code.to_bytes(3, "little")
    space[14] = (0x80 if is_multifunction else 0) | (1 if behind else 0)
    if behind:
        space[0x18:0x1B] = bytes([int(address[:2], 16), *behind])
    space[0x34], space[0x40] = 0x40, 0x01
    if control is not None:
        space[0x40] = 0x10
        space[0x42] = 0x42 if behind else 0x02
        space[0x48:0x4A] = control.to_bytes(2, "little")
    return bytes(space)


def entries(machine):
    """Path to bytes, to a link's text, or to None for a directory."""
    release = machine["release"]
    files = {
        "proc/interrupts": b"   0:        115  IR-IO-APIC   2-edge      timer\n",
        "proc/sys/kernel/osrelease": release.encode() + b"\n",
        "sys/bus/pci/devices": None,
        "sys/firmware/acpi/tables/" + machine["table"]: b"",
    }
    for name in machine["interfaces"]:
        files["sys/class/misc/" + name] = None
    modules = ["vfio_iommu_type1"] + (["iommufd"] if "iommu" in machine["interfaces"] else [])
    for name in modules:
        files[f"sys/module/{name}/parameters/allow_unsafe_interrupts"] = b"N\n"
    for place, registers in machine["units"].items():
        files["sys/class/iommu/" + place.split("/")[0]] = None
        files["sys/class/iommu/" + place] = None
        for name, value in registers.items():
            files[f"sys/class/iommu/{place}/{name}"] = value.encode() + b"\n"
    for device in machine["devices"]:
        add(device, machine, files)
    return files


def above(address, bridges):
    """How many bridges are between a device and the root bus."""
    for bridge, (bus, _) in bridges.items():
        if bus == int(address[:2], 16):
            return 1 + above(bridge, bridges)
    return 0


def add(row, machine, files):
    """The files of one device."""
    address, vendor, device, class_code, group, driver, _ = row
    path = "sys/bus/pci/devices/0000:" + address
    siblings = [other[0] for other in machine["devices"] if other[0][:6] == address[:6]]
    bridges = machine["bridges"]
    up = "../" * (2 + above(address, bridges))
    files[path] = None
    files[path + "/vendor"] = b"0x%04x\n" % vendor
    files[path + "/device"] = b"0x%04x\n" % device
    files[path + "/class"] = b"0x%06x\n" % class_code
    files[path + "/config"] = configuration(row, len(siblings) > 1, bridges.get(address))
    if driver:
        files[path + "/driver"] = up + "../bus/pci/drivers/" + driver
    if group is None:
        return
    unit = machine["unit"](address)
    # A link stays inside the PCI tree where it can.
    files[path + "/iommu"] = (up + unit).replace("../pci0000:00/", "", 1)
    files[path + "/iommu_group"] = f"{up}../kernel/iommu_groups/{group}"
    regions = machine["reserved"].get(group, machine["regions"])
    files[f"sys/kernel/iommu_groups/{group}/reserved_regions"] = regions.encode()


def header(name, kind, mode, size=0, link=""):
    """A header of a tar archive (ustar), as FactRecorder.swift makes it."""
    block = bytearray(512)

    def put(text, offset):
        block[offset:offset + len(text)] = text.encode()

    put(name, 0)
    put(mode, 100)
    put("0000000", 108)
    put("0000000", 116)
    put(f"{size:011o}", 124)
    put(f"{0:011o}", 136)
    put(" " * 8, 148)
    put(kind, 156)
    put(link, 157)
    put("ustar\0" + "00", 257)
    put(f"{sum(block):06o}\0 ", 148)
    return bytes(block)


def archive(machine):
    """The tar archive of a machine."""
    parts = []
    for path, content in sorted(entries(machine).items()):
        if content is None:
            parts.append(header(path + "/", "5", "0000755"))
        elif isinstance(content, str):
            parts.append(header(path, "2", "0000777", link=content))
        else:
            parts.append(header(path, "0", "0000644", size=len(content)))
            parts.append(content + bytes(-len(content) % 512))
    return b"".join(parts) + bytes(1024)


def main(arguments):
    differing = []
    for name, machine in MACHINES.items():
        path = HERE / f"{name}.tar.gz"
        made = archive(machine)
        if arguments == ["--check"]:
            if not path.exists() or gzip.decompress(path.read_bytes()) != made:
                differing.append(path.name)
            continue
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
            stream.write(made)
        path.write_bytes(packed.getvalue())
    for name in differing:
        print(f"{name} is not what this script makes; run it again", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
