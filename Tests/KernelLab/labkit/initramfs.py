"""Initial RAM file systems, written without cpio: newc archives, not compressed.

An emulated processor takes longer to unpack one than to boot.
"""

from pathlib import Path


class Archive:
    """Files for a newc archive, in the order they are added."""

    def __init__(self):
        self._parts: list[bytes] = []
        self._inode = 0
        self._directories: set[str] = set()

    def add(self, name: str, content: bytes, mode: int = 0o100644):
        """A file, with the directories above it."""
        parent = ""
        for part in name.split("/")[:-1]:
            parent = f"{parent}/{part}" if parent else part
            if parent not in self._directories:
                self._directories.add(parent)
                self._entry(parent, b"", 0o040755)
        self._entry(name, content, mode)

    def add_program(self, name: str, path: Path):
        """An executable file."""
        self.add(name, path.read_bytes(), 0o100755)

    def add_link(self, name: str, target: str):
        """A symbolic link."""
        self.add(name, target.encode(), 0o120777)

    def add_directory(self, name: str):
        """An empty directory."""
        if name not in self._directories:
            self._directories.add(name)
            self._entry(name, b"", 0o040755)

    def add_console(self):
        """What the kernel opens for init before any file system is mounted."""
        self.add_directory("dev")
        self._entry("dev/console", b"", 0o020600, device=(5, 1))

    def bytes(self) -> bytes:
        """The archive; another may follow it."""
        self._entry("TRAILER!!!", b"", 0)
        return b"".join(self._parts)

    def _entry(self, name: str, content: bytes, mode: int, device=(0, 0)):
        self._inode += 1
        fields = [self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0]
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self._parts += [padded(header + name.encode() + b"\0"), padded(content)]


def padded(data: bytes) -> bytes:
    """Filled with zeros to a multiple of 4."""
    return data + b"\0" * (-len(data) % 4)
