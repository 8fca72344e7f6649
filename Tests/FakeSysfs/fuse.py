"""A file system of FUSE, spoken as the kernel speaks it (linux/fuse.h, protocol 7.31): no library.

A `Tree` says what is at a path; nothing of what it says is kept by the kernel unless it says so,
as sysfs's own attributes are asked each time they are read.
"""

import ctypes
import errno
import os
import stat
import struct

PROTOCOL = (7, 31)
BUFFER_BYTES = 1 << 20
FOREVER = 1 << 30  # seconds

(LOOKUP, FORGET, GETATTR, SETATTR, READLINK) = range(1, 6)
(OPEN, READ, WRITE, STATFS, RELEASE) = range(14, 19)
(FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR) = range(25, 30)
(INTERRUPT, DESTROY, IOCTL, BATCH_FORGET) = (36, 38, 39, 42)
UNANSWERED = {FORGET, BATCH_FORGET, INTERRUPT}
DIRECT_IO = 1

HEADER = struct.Struct("<IIQQIIIHH")
ANSWER = struct.Struct("<IiQ")


class Wait(Exception):
    """What was asked for waits until a file is closed."""


class Tree:
    """What is at which path; paths are absolute, `/` is the mount."""

    def node(self, path):
        """A list of names for a directory, text for a link, bytes for a file, None for nothing."""
        raise NotImplementedError

    def is_fixed(self, path):
        """Whether what kind of thing is there, or nothing, never changes."""
        return False

    def write(self, path, data):
        """Writes to a file; raises OSError, or Wait."""
        raise OSError(errno.EACCES, path)

    def ioctl(self, path, command):
        """Answers a request that brings no data; raises OSError."""
        raise OSError(errno.ENOTTY, path)

    def opened(self, path):
        """A file was opened."""

    def closed(self, path):
        """The last descriptor of an open file was closed."""


def mount(folder):
    """Mounts a file system that nobody serves yet; the descriptor to serve it with."""
    file = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={file},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"fake", os.fsencode(folder), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount of a FUSE file system")
    return file


def serve(file, tree):
    """Answers the kernel until the file system is gone."""
    server = Server(file, tree)
    while True:
        try:
            request = os.read(file, BUFFER_BYTES + 4096)
        except InterruptedError:
            continue
        except OSError as error:
            if error.errno == errno.ENOENT:  # the request was interrupted meanwhile
                continue
            if error.errno == errno.ENODEV:  # it is unmounted
                return
            raise
        _, opcode, unique, number, *_ = HEADER.unpack_from(request)
        server.handle(opcode, unique, number, request[HEADER.size:])


class Server:
    """Requests of the kernel, answered from a tree; the number of a path is given once."""

    def __init__(self, file, tree):
        self.file, self.tree = file, tree
        self.waiting = {}
        self.paths = [None, "/"]
        self.numbers = {"/": 1}
        self.handlers = {
            LOOKUP: self.lookup, GETATTR: self.attributes, SETATTR: self.attributes,
            READLINK: self.link, OPEN: self.open, READ: self.read, WRITE: self.write,
            RELEASE: self.release, OPENDIR: self.open_folder, READDIR: self.folder,
            RELEASEDIR: self.nothing, FLUSH: self.nothing, STATFS: self.statistics,
            IOCTL: self.ioctl, FORGET: self.nothing, BATCH_FORGET: self.nothing,
            INTERRUPT: self.interrupt, DESTROY: self.nothing}

    def handle(self, opcode, unique, number, data):
        """Does what is asked, and tells the kernel, now or when what it waits for has come."""
        try:
            self.tell(opcode, unique, 0, self.answer(opcode, number, data))
        except Wait:
            self.waiting[unique] = (opcode, number, data)
        except OSError as error:
            self.tell(opcode, unique, -error.errno, b"")
        if opcode == RELEASE:
            some, self.waiting = self.waiting, {}
            for unique, (opcode, number, data) in some.items():
                self.handle(opcode, unique, number, data)

    def tell(self, opcode, unique, status, answer):
        if opcode in UNANSWERED:
            return
        try:
            os.write(self.file, ANSWER.pack(ANSWER.size + len(answer), status, unique) + answer)
        except FileNotFoundError:  # nobody waits any more
            pass

    def interrupt(self, _, data):
        """Who waits was sent a signal."""
        unique, = struct.unpack_from("<Q", data)
        if unique in self.waiting:
            opcode, *_ = self.waiting.pop(unique)
            self.tell(opcode, unique, -errno.EINTR, b"")
        return b""

    def answer(self, opcode, number, data):
        if opcode == INIT:
            return struct.pack(
                "<IIIIHHIIHHI28x", *PROTOCOL, 0, 0, 16, 12, BUFFER_BYTES, 1, 0, 0, 0)
        if opcode not in self.handlers:
            raise OSError(errno.ENOSYS, str(opcode))
        return self.handlers[opcode](self.paths[number] if number else None, data)

    def node(self, path):
        node = self.tree.node(path)
        if node is None:
            raise OSError(errno.ENOENT, path)
        return node

    def number(self, path):
        if path not in self.numbers:
            self.numbers[path] = len(self.paths)
            self.paths.append(path)
        return self.numbers[path]

    def status(self, path):
        """A `fuse_attr`; files have a page, as those of sysfs."""
        node = self.node(path)
        mode, size = (
            (stat.S_IFDIR | 0o755, 0) if isinstance(node, list)
            else (stat.S_IFLNK | 0o777, len(node)) if isinstance(node, str)
            else (stat.S_IFREG | 0o644, 4096))
        return struct.pack(
            "<6Q10I", self.number(path), size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def lookup(self, folder, data):
        path = os.path.join(folder, os.fsdecode(data[:-1]))
        lasts = FOREVER if self.tree.is_fixed(path) else 0
        if self.tree.node(path) is None:
            if lasts:  # the kernel remembers that there is nothing
                return struct.pack("<QQQQII", 0, 0, lasts, 0, 0, 0) + bytes(88)
            raise OSError(errno.ENOENT, path)
        return struct.pack("<QQQQII", self.number(path), 0, lasts, lasts, 0, 0) + self.status(path)

    def attributes(self, path, _):
        lasts = FOREVER if self.tree.is_fixed(path) else 0
        return struct.pack("<QII", lasts, 0, 0) + self.status(path)

    def link(self, path, _):
        return os.fsencode(self.node(path))

    def open(self, path, _):
        self.node(path)
        self.tree.opened(path)
        return struct.pack("<QII", 0, DIRECT_IO, 0)

    def release(self, path, _):
        self.tree.closed(path)
        return b""

    def read(self, path, data):
        _, offset, size = struct.unpack_from("<QQI", data)
        return self.node(path)[offset:offset + size]

    def write(self, path, data):
        size, = struct.unpack_from("<I", data, 16)
        self.tree.write(path, data[40:40 + size])
        return struct.pack("<II", size, 0)

    def open_folder(self, path, _):
        return struct.pack("<QII", 0, 0, 0)

    def folder(self, path, data):
        _, offset, size = struct.unpack_from("<QQI", data)
        names = self.node(path)
        found = b""
        for index in range(offset, len(names)):
            name = os.fsencode(names[index])
            child = self.tree.node(os.path.join(path, names[index]))
            kind = stat.S_IFDIR if isinstance(child, list) else (
                stat.S_IFLNK if isinstance(child, str) else stat.S_IFREG)
            entry = struct.pack("<QQII", 1 << 32, index + 1, len(name), kind >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(found) + len(entry) > size:
                break
            found += entry
        return found

    def statistics(self, path, _):
        return struct.pack("<5Q4I24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)

    def ioctl(self, path, data):
        command, = struct.unpack_from("<I", data, 12)
        return struct.pack("<iIII", self.tree.ioctl(path, command), 0, 0, 0)

    def nothing(self, *_):
        return b""
