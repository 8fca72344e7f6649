"""What guest/watch.sh saw: the page tables of a kernel, and who is on them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A page table: whether it enforces snoop, and its devices in the order of their addresses."""

    is_enforced: bool
    devices: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' '.join(self.devices)} {'enforced' if self.is_enforced else 'not enforced'}"


@dataclass(frozen=True)
class Seen:
    """What a kernel did: its tables, oldest first, and whether KVM expects non-coherent DMA."""

    tables: tuple[Table, ...]
    is_incoherent: bool

    def __str__(self) -> str:
        tables = "; ".join(map(str, self.tables))
        return f"{tables}; KVM {'expects' if self.is_incoherent else 'excludes'} non-coherent DMA"


def read_events(lines: list[str], devices: list[str]) -> Seen:
    """The outcome of events, for these devices; others of their groups are moved with them."""
    table, device, is_enforced, count = "", "", {}, 0
    places: dict[str, str] = {}
    for line in lines:
        match line.split():
            case ["attach", table, device]:
                pass
            case ["attached", "0"]:
                places[device] = table
            case ["enforce", table]:
                is_enforced[table] = False
            case ["enforced", answer]:
                is_enforced[table] = answer == "1"
            case ["register"]:
                count += 1
            case ["unregister"]:
                count -= 1
    tables = dict.fromkeys(place for device, place in places.items() if device in devices)
    return Seen(tuple(Table(is_enforced.get(table, False),
                            tuple(device for device in sorted(devices)
                                  if places.get(device) == table))
                      for table in tables), count > 0)


def events_by_case(lines: list[str]) -> dict[str, list[str]]:
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
