"""A machine without devices: the `/sys` and the nodes of `/dev` that vfioplan looks at and changes.

Three PCI devices behind two units of VT-d. Attributes of drivers act as the kernel's do:
`drivers/base/bus.c` (bind, unbind), `drivers/base/dd.c`, `drivers/pci/pci-driver.c` (matching,
`driver_override`), and what VFIO shows of a device that it has. `/control` reads as the machine's
state in JSON; JSON that is written there changes it.
"""

import errno
import json

from fuse import Tree, Wait

BUS = "/sys/bus/pci"
ROOT = "/sys/devices/pci0000:00"
GROUPS = "/sys/kernel/iommu_groups"
UNITS = "/sys/devices/virtual/iommu"
VFIO = "vfio-pci"
PAGE = 4096
# Driver and the device id it matches without an override; VFIO's and the stub match none.
DRIVERS = {
    "igc": "0x15f3", "nvme": "0xa80a", "snd_hda_intel": "0x7a50", VFIO: None, "pci-stub": None}
# Address: device id, class, group, unit.
DEVICES = {
    "0000:01:00.0": ("0x15f3", "0x020000", 11, "dmar0"),
    "0000:02:00.0": ("0xa80a", "0x010802", 12, "dmar0"),
    "0000:03:00.0": ("0x7a50", "0x040300", 13, "dmar1"),
}
# Registers of a unit with 48-bit addresses and pages of 4 KiB to 1 GiB (VT-d 4.1, 11.4.2, 11.4.3);
# without snoop control, which is what an answer of zeros says.
CAPABILITIES = b"8d2078c106f0466\n"
EXTENDED = b"f0205f\n"


def configuration(device):
    """256 bytes of an endpoint of PCI Express whose Enable No Snoop bit is set."""
    space = bytearray(256)
    space[0:4] = (0x8086).to_bytes(2, "little") + int(device, 16).to_bytes(2, "little")
    space[6] = 0x10  # status: there is a list of capabilities
    space[0x34] = 0x40
    space[0x40] = 0x10  # PCI Express, the last of them
    space[0x49] = 0x08  # device control, upper byte
    return bytes(space)


class Device:
    """A device and what changes of it."""

    def __init__(self, address, number):
        self.address, self.number = address, number
        self.id, self.kind, self.group, self.unit = DEVICES[address]
        self.override = None
        self.driver = next((name for name, found in DRIVERS.items() if found == self.id), None)

    def matches(self, driver):
        """`pci_match_device`: an override is the only driver then, whatever ids it knows."""
        if self.override is not None:
            return self.override == driver.encode()
        return DRIVERS[driver] == self.id


class Machine(Tree):
    """The tree and its state."""

    def __init__(self):
        self.shown = b""
        self.reset()

    def reset(self):
        self.devices = {
            address: Device(address, number) for number, address in enumerate(sorted(DEVICES))}
        self.faults = {}  # name of an attribute: [errno's name, how often; None for always]
        self.console = None  # address of the device that the firmware's console is on
        self.stubborn = []  # drivers that wait before they let a device go
        self.files = {}  # path of a node: how many open files it has
        self.writes = []

    # What is where.

    def is_fixed(self, path):
        return not (path.startswith("/dev/vfio") or path.startswith(f"{ROOT}/") and (
            path.endswith("/driver") or "/vfio-dev" in path) or "/vfio" in path)

    def node(self, path):
        parts = path.strip("/").split("/")
        here = self.tree()
        for part in parts if parts != [""] else []:
            here = here.get(part) if isinstance(here, dict) else None
            if callable(here):
                here = here()
        return sorted(here) if isinstance(here, dict) else here

    def tree(self):
        return {"control": self.shown, "sys": self.sys, "dev": self.dev}

    def sys(self):
        return {
            "bus": lambda: {"pci": self.bus}, "class": self.classes,
            "devices": lambda: {
                "pci0000:00": {address: self.device(address) for address in self.devices},
                "virtual": {"iommu": {unit: self.unit for unit in ("dmar0", "dmar1")}},
                "system": {"cpu": {"possible": b"0-1\n", "online": b"0-1\n"}}},
            "firmware": {}, "kernel": lambda: {"iommu_groups": self.groups, "mm": {}},
            "module": {
                name: {"parameters": {"allow_unsafe_interrupts": b"Y\n"}}
                for name in ("iommufd", "vfio_iommu_type1")}}

    def bus(self):
        return {
            "devices": {
                address: f"../../../devices/pci0000:00/{address}" for address in self.devices},
            "drivers": {name: {"bind": b"", "unbind": b"", "new_id": b""} for name in DRIVERS},
            "drivers_probe": b""}

    def classes(self):
        nodes = {
            f"vfio{device.number}": f"../../devices/pci0000:00/{device.address}"
            f"/vfio-dev/vfio{device.number}" for device in self.with_vfio()}
        return {
            "iommu": {unit: f"../../devices/virtual/iommu/{unit}" for unit in ("dmar0", "dmar1")},
            "misc": {name: {"dev": b"0:0\n"} for name in ("iommu", "vfio", "kvm")},
            "vfio-dev": nodes, "block": {}, "net": {}}

    def unit(self):
        return {"intel-iommu": {"cap": CAPABILITIES, "ecap": EXTENDED}}

    def groups(self):
        return {
            str(device.group): {
                "devices": {device.address: f"../../../../devices/pci0000:00/{device.address}"},
                "reserved_regions": b"0x00000000fee00000 0x00000000feefffff msi\n",
                "type": b"DMA\n"}
            for device in self.devices.values()}

    def device(self, address):
        return lambda: self.attributes(self.devices[address])

    def attributes(self, device):
        override = b"(null)" if device.override is None else device.override
        found = {
            "vendor": b"0x8086\n", "device": f"{device.id}\n".encode(),
            "class": f"{device.kind}\n".encode(), "config": configuration(device.id),
            "iommu": f"../../virtual/iommu/{device.unit}",
            "iommu_group": f"../../../kernel/iommu_groups/{device.group}",
            "driver_override": override + b"\n", "reset": b"",
            "boot_vga": b"1\n" if device.address == self.console else b"0\n"}
        if device.driver:
            found["driver"] = f"../../../bus/pci/drivers/{device.driver}"
        if device.driver == VFIO:
            found["vfio-dev"] = {f"vfio{device.number}": {"dev": b"0:0\n"}}
        return found

    def with_vfio(self):
        return [device for device in self.devices.values() if device.driver == VFIO]

    def nodes(self, device):
        return f"/dev/vfio/{device.group}", f"/dev/vfio/devices/vfio{device.number}"

    def is_used(self, device):
        return any(self.files.get(node) for node in self.nodes(device))

    def dev(self):
        """Nodes are plain files, whose number is 0:0: the kernel asks us what an ioctl answers."""
        found = self.with_vfio()
        groups = {str(device.group): b"" for device in found}
        cdevs = {f"vfio{device.number}": b"" for device in found}
        return {
            "iommu": b"", "kvm": b"", "vfio": {"vfio": b"", "devices": cdevs, **groups}}

    # What happens.

    def opened(self, path):
        if path == "/control":  # what is read in pieces is of one moment
            self.shown = self.state()
        if not path.startswith("/dev/"):
            return
        device = next((one for one in self.with_vfio() if path == self.nodes(one)[0]), None)
        if device and self.is_used(device):  # a group is opened once (`vfio_group_fops_open`)
            raise OSError(errno.EBUSY, path)
        self.files[path] = self.files.get(path, 0) + 1

    def closed(self, path):
        if path.startswith("/dev/"):
            self.files[path] -= 1

    def ioctl(self, path, command):
        """Every request of VFIO, iommufd and KVM does nothing and answers 0."""
        if path.startswith("/dev/") and command >> 8 & 0xff in (0x3b, 0xae):
            return 0
        raise OSError(errno.ENOTTY, path)

    def write(self, path, data):
        if path == "/control":
            return self.change(json.loads(data))
        folder, name = path.rsplit("/", 1)
        self.writes.append([path, data.decode("latin-1")])
        self.fail(name)
        if name == "driver_override":
            return self.set_override(self.devices[folder.rsplit("/", 1)[1]], data)
        if name not in ("bind", "unbind", "drivers_probe"):
            raise OSError(errno.EACCES, path)
        device = self.devices.get(data.decode("latin-1").removesuffix("\n"))
        if device is None:
            raise OSError(errno.ENODEV, path)
        if name == "drivers_probe":
            return self.probe(device)
        driver = folder.rsplit("/", 1)[1]
        self.bind(device, driver) if name == "bind" else self.unbind(device, driver)

    def fail(self, name):
        fault = self.faults.get(name)
        if not fault:
            return
        if fault[1] is not None:
            fault[1] -= 1
            if fault[1] <= 0:
                del self.faults[name]
        raise OSError(getattr(errno, fault[0]), name)

    def set_override(self, device, data):
        """`driver_set_override`: up to the first newline, nothing clears it."""
        if len(data) >= PAGE - 1:
            raise OSError(errno.EINVAL, device.address)
        text = data.split(b"\n")[0].split(b"\0")[0]
        device.override = text or None

    def bind(self, device, driver):
        if not device.matches(driver):
            raise OSError(errno.ENODEV, driver)
        if device.driver:
            raise OSError(errno.EBUSY, device.driver)
        device.driver = driver

    def unbind(self, device, driver):
        """VFIO gives a device back when nobody has it open (`vfio_unregister_group_dev`)."""
        if device.driver != driver:
            raise OSError(errno.ENODEV, driver)
        if driver == VFIO and self.is_used(device) or driver in self.stubborn:
            raise Wait
        device.driver = None

    def probe(self, device):
        """Nobody is told whether a driver took it (`bus_rescan_devices_helper`)."""
        if device.driver is None:
            device.driver = next((name for name in DRIVERS if device.matches(name)), None)

    # From outside.

    def state(self):
        devices = {
            device.address: [
                device.driver,
                None if device.override is None else device.override.decode("latin-1")]
            for device in self.devices.values()}
        return json.dumps({
            "devices": devices, "writes": self.writes,
            "open": {path: count for path, count in self.files.items() if count}}).encode()

    def change(self, wanted):
        """`reset`; `set`: {address: [driver, override]}; `faults`: {attribute: [errno, times]};
        `stubborn`: [driver], those that let go again when they are left out; `console`: address."""
        if wanted.get("reset"):
            files = self.files
            self.reset()
            self.files = files
        for address, (driver, override) in wanted.get("set", {}).items():
            device = self.devices[address]
            device.driver = driver
            device.override = None if override is None else override.encode("latin-1")
        self.faults.update(wanted.get("faults", {}))
        self.stubborn = wanted.get("stubborn", self.stubborn)
        self.console = wanted.get("console", self.console)
