"""What guest/watch.sh saw: the page tables of a kernel, and who is on them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A page table: whether it enforces snoop, and its devices in the order of their addresses."""

    isEnforced: bool
    devices: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' '.join(self.devices)} {'enforced' if self.isEnforced else 'not enforced'}"


@dataclass(frozen=True)
class Seen:
    """What a kernel did: its tables, oldest first, and whether KVM expects non-coherent DMA."""

    tables: tuple[Table, ...]
    isIncoherent: bool

    def __str__(self) -> str:
        tables = "; ".join(map(str, self.tables))
        return f"{tables}; KVM {'expects' if self.isIncoherent else 'excludes'} non-coherent DMA"


def read(lines: list[str], devices: list[str]) -> Seen:
    """The outcome of events, for these devices; others of their groups are moved with them."""
    table, device, isEnforced, count = "", "", {}, 0
    places: dict[str, str] = {}
    for line in lines:
        match line.split():
            case ["attach", table, device]:
                pass
            case ["attached", "0"]:
                places[device] = table
            case ["enforce", table]:
                isEnforced[table] = False
            case ["enforced", answer]:
                isEnforced[table] = answer == "1"
            case ["register"]:
                count += 1
            case ["unregister"]:
                count -= 1
    tables = dict.fromkeys(place for device, place in places.items() if device in devices)
    return Seen(tuple(Table(isEnforced.get(table, False),
                            tuple(device for device in sorted(devices)
                                  if places.get(device) == table))
                      for table in tables), count > 0)


def cases(lines: list[str]) -> dict[str, list[str]]:
    """The events of byhand's cases, by their words, up to their ends."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("case "):
            current = found.setdefault(line.removeprefix("case "), [])
        elif line.strip() == "end":
            current = []
        else:
            current.append(line)
    return found
