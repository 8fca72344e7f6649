"""The repository's examples, rewritten for the lab's devices and a small memory."""

from pathlib import Path

import yaml

from .descriptions import parsed_number
from .machines import Machine
from .scenarios import NO_SNOOP

# Devices alone in their group, and groups of two, in the order they are handed out.
SINGLE_DEVICES = ["0000:00:03.0", "0000:00:04.0", "0000:00:05.0", "0000:00:06.0", "0000:00:07.0",
                  "0000:01:00.0"]
DEVICE_PAIRS = [("0000:00:0a.0", "0000:00:0a.1"), ("0000:00:1f.2", "0000:00:1f.3")]
MOST_REGION_BYTES = 4 << 20


def examples_on_lab(examples: Path, machine: Machine) -> list[tuple[str, str]]:
    """Name and text of every example, with devices that are as like those of its host as can be.

    Those that find a device by its path or its ids mean what only their own host has.
    """
    return [(path.stem, rewrite_example(path, machine)) for path in sorted(examples.glob("*.yaml"))
            if all("address" in device
                   for device in yaml.safe_load(path.read_text()).get("devices", [{}]))]


def rewrite_example(path: Path, machine: Machine) -> str:
    """One example: other addresses, at most 4 MiB of memory a region, all else as it is."""
    text = path.read_text()
    description = yaml.safe_load(text)
    host_name = next(line.split(":", 1)[1].strip() for line in text.splitlines()
                     if line.startswith("# host:"))
    host = yaml.safe_load((path.parent / host_name).read_text())
    addresses = [device["address"] for device in description["devices"]]
    lab = assign_devices(addresses, host, machine)
    for device in description["devices"]:
        device["address"] = lab[device["address"]]
    shrink_memory(description)
    return yaml.safe_dump(description, sort_keys=False)


def assign_devices(addresses: list[str], host: dict, machine: Machine) -> dict[str, str]:
    """A lab device for each device of an example; mates stay mates."""
    known = {device["address"]: device for device in host["devices"]}
    units = {unit["name"]: unit for unit in host["iommus"]}
    groups: dict[object, list[str]] = {}
    for address in addresses:
        group = known.get(address, {}).get("group", address)
        groups.setdefault(group, []).append(address)
    singles, pairs, chosen = list(SINGLE_DEVICES), list(DEVICE_PAIRS), {}
    for members in groups.values():
        if len(members) > 1 and pairs:
            chosen |= dict(zip(members, pairs.pop(0)))
        for address in members:
            if address not in chosen:
                best = max(singles, key=lambda device: likeness(
                    device, known.get(address, {}), units, machine))
                singles.remove(best)
                chosen[address] = best
    return chosen


def likeness(device: str, wanted: dict, units: dict, machine: Machine) -> int:
    """How many of the facts that matter a lab device shares with a device of an example."""
    incoherent = machine.command_line.partition("lab_incoherent=")[2]
    can_enforce = units.get(wanted.get("iommu"), {}).get("enforceSnoop") is True
    is_like = 2 * (can_enforce == (device not in incoherent))
    return is_like + (str(wanted.get("noSnoopCapable", "unknown")).lower() == NO_SNOOP[device])


def shrink_memory(description: dict):
    """Regions of at most 4 MiB where they were; windows reach the start of their region."""
    regions = description["memory"]
    for region in regions:
        region["was"] = parsed_number(region["size"])
        region["size"] = min(region["was"], MOST_REGION_BYTES)
        if "hugepages" in region:
            region["hugepages"] = 2 << 20
    for space in description.get("addressSpaces", []):
        for window in space["memory"]:
            start = parsed_number(window["gpa"])
            region = next(region for region in regions if parsed_number(region["gpa"]) <= start
                          < parsed_number(region["gpa"]) + region["was"])
            window["gpa"] = parsed_number(region["gpa"])
            window["size"] = min(parsed_number(window["size"]), region["size"])
    for region in regions:
        del region["was"]
