"""VM descriptions over the lab's devices: every intent, objective, override and grouping, seeded."""

import random

# Devices a VM can be given, with their group mates side by side.
DEVICES = [
    "0000:00:03.0", "0000:00:04.0", "0000:00:05.0", "0000:00:06.0", "0000:00:07.0",
    "0000:01:00.0", "0000:00:0a.0", "0000:00:0a.1", "0000:00:1f.2", "0000:00:1f.3",
]
MATES = {"0000:00:0a.0": "0000:00:0a.1", "0000:00:0a.1": "0000:00:0a.0",
         "0000:00:1f.2": "0000:00:1f.3", "0000:00:1f.3": "0000:00:1f.2"}
INTENTS = ["required", "allowed", "forbidden", "auto"]
METRICS = ["wbinvd", "incoherentDevices", "pageTables", "blockedNoSnoop"]
MEMORY = [
    "  - { gpa: 0x0, size: 4MiB }\n",
    "  - { gpa: 0x0, size: 640KiB }\n  - { gpa: 1MiB, size: 3MiB }\n",
    "  - { gpa: 0x0, size: 4MiB, hugepages: 2MiB }\n",
    "  - { gpa: 0x0, size: 2MiB }\n  - { gpa: 4GiB, size: 4MiB, hugepages: 2MiB }\n",
    "  - { gpa: 0x0, size: 1MiB }\n  - { gpa: 511GiB, size: 1GiB }\n",
    "  - { gpa: 0xfe000000, size: 14MiB }\n",
    "  - { gpa: 0xfee00000, size: 4KiB }\n",
]
# The last two are refused or large: less often.
MEMORY_WEIGHTS = [6, 4, 3, 3, 0, 2, 1]


UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def parsed_number(value: int | str) -> int:
    """A size or an address, as descriptions write them, in bytes."""
    if isinstance(value, int):
        return value
    return int(value[:-3]) * UNITS[value[-3:]] if value[-3:] in UNITS else int(value, 0)


def generate_descriptions(count: int, seed: int) -> list[tuple[str, str]]:
    """Names and texts of descriptions; the same for the same seed."""
    return [(f"vm{index:03}", generate_description(random.Random(seed * 100003 + index), index))
            for index in range(count)]


def generate_description(chance: random.Random, index: int) -> str:
    """One description; some ask for what cannot be had."""
    devices = chance.sample(DEVICES, chance.choice([1, 1, 2, 2, 3, 3, 4, 5, 6, 8]))
    has_spaces = chance.random() < 0.3
    spaces = {device: chance.choice(["gpa", "dma0", "dma1"]) if has_spaces else "gpa"
              for device in devices}
    for device in devices:
        mate = MATES.get(device)
        # Mates in different address spaces are refused: rarely.
        if mate in spaces and chance.random() < 0.9:
            spaces[mate] = spaces[device]
    calm = chance.random() < 0.5
    lines = ["apiVersion: vfioplan/v1", "kind: VM", f"name: vm{index}", generate_objective(chance),
             "memory:", chance.choices(MEMORY, MEMORY_WEIGHTS)[0].rstrip("\n"),
             f"kvm: {{ incoherentDMA: {chance.choices(['auto', 'never', 'always'], [8, 1, 1])[0]} }}",
             "devices:"]
    for position, device in enumerate(devices):
        intent = chance.choice(["allowed", "auto"]) if calm else chance.choice(INTENTS)
        lines += [f"  - name: d{position}", f'    address: "{device}"', f"    noSnoop: {intent}"]
        if spaces[device] != "gpa":
            lines.append(f"    addressSpace: {spaces[device]}")
    used = [space for space in ("dma0", "dma1") if space in spaces.values()]
    if used:
        lines.append("addressSpaces:")
    for space in used:
        lines += [f"  - name: {space}",
                  "    memory: [ { iova: 0x10000, gpa: 0x0, size: 64KiB }, "
                  "{ iova: 0x40000000, gpa: 0x10000, size: 256KiB } ]"]
    return "\n".join(lines) + "\n"


def generate_objective(chance: random.Random) -> str:
    """A preset, or the four metrics in any order."""
    if chance.random() < 0.6:
        return "objective: " + chance.choice(["coherency", "page-tables", "device-performance"])
    return "objective: [" + ", ".join(chance.sample(METRICS, 4)) + "]"
