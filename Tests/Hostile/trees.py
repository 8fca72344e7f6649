"""Copies of a machine's files, and archives of them, that somebody has prepared for root."""

import functools
import gzip
import os
import pathlib
import shutil
import socket
import stat
import tarfile

from campaign import Case, documented, nothing_left
from mutation import INTERESTING, mutated

CAPTURE = pathlib.Path(__file__).resolve().parents[1] / "Fixtures/captures/lab-6.12-amd.tar.gz"
COUNT, ARCHIVES = 200, 200
SECRET = "5ec2e75ec2e7"  # a number in hexadecimal and a name, wherever one may be asked for
SECONDS = 10
OPTIONS = [(), ("--format", "yaml"), ("--format", "json"), ("--capture", "out.tar")]


def cases(world, random):
    """A tree with one to four things that are not what they should be, shown and captured."""
    places = world.folder / "places"
    if not places.exists():
        (places / "outside").mkdir(parents=True)
        (places / "outside/secret").write_text(SECRET + "\n")
    for number in range(COUNT):
        changes = [
            (random.choice(CHANGES), random.random(), random.randbytes(40))
            for _ in range(random.randint(1, 4))]
        yield tree_case(world, number, changes, random.choice(OPTIONS), places)


def tree_case(world, number, changes, options, places):
    def attempt():
        tree = places / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        with tarfile.open(CAPTURE) as archive:
            archive.extractall(tree)
        for change, where, noise in changes:
            paths = sorted(path for path in tree.rglob("*") if not path.is_dir()
                           or path.is_symlink() or where < 0.2)
            change(paths[int(where * len(paths))], noise, places / "outside/secret")
        look(world, tree, options)
    names = ", ".join(change.__name__ for change, _, _ in changes)
    return Case(f"tree {number} {' '.join(options)}: {names}", attempt)


def look(world, tree, options):
    """Shows or captures a tree or archive; nothing from outside comes out of it."""
    run = world.run("host", "--root", tree, *options, seconds=SECONDS)
    documented(run.status, run.all)
    captured = world.scratch / "out.tar"
    if captured.exists():
        run.out += captured.read_bytes().decode(errors="replace")
        captured.unlink()
    else:
        visible(run.all)
    assert SECRET not in run.all, "what is outside was read"
    assert run.status == 0 or run.err.strip(), f"status {run.status}, and nothing is said"
    nothing_left(world)


def visible(text):
    """Control and bidirectional characters are never written as they are."""
    for character in text:
        number = ord(character)
        assert character == "\n" or 32 <= number < 127 or number >= 160 and number not in HIDDEN, (
            f"U+{number:04X} is in the output")


HIDDEN = {*range(0x2028, 0x202f), *range(0x2066, 0x206a), 0x200e, 0x200f, 0x061c}


# What is done to a path of a tree.

def gone(path, noise, secret):
    """Removes it, with what it holds."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)


def bytes_in(path, noise, secret):
    gone(path, noise, secret)
    path.write_bytes(noise)


def nothing_in(path, noise, secret):
    gone(path, noise, secret)
    path.touch()


def text_in(path, noise, secret):
    gone(path, noise, secret)
    path.write_bytes(INTERESTING[noise[0] % len(INTERESTING)])


def changed(path, noise, secret):
    if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
        data = path.read_bytes()
        at = noise[0] % (len(data) + 1)
        path.write_bytes(data[:at] + noise[1:3] + data[at + noise[3] % 3:])


def much_in(path, noise, secret):
    gone(path, noise, secret)
    with path.open("wb") as file:
        file.truncate(1 << 40)


def link_outside(path, noise, secret):
    gone(path, noise, secret)
    path.symlink_to(secret)


def link_upwards(path, noise, secret):
    gone(path, noise, secret)
    path.symlink_to("../" * 12 + str(secret).lstrip("/"))


def link_to_folder_outside(path, noise, secret):
    gone(path, noise, secret)
    path.symlink_to(secret.parent)


def link_to_itself(path, noise, secret):
    gone(path, noise, secret)
    path.symlink_to(path.name)


def link_to_noise(path, noise, secret):
    gone(path, noise, secret)
    os.symlink(noise.replace(b"\0", b"/"), path)


def pipe(path, noise, secret):
    gone(path, noise, secret)
    os.mkfifo(path)


def node(path, noise, secret):
    gone(path, noise, secret)
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5 if noise[0] % 2 else 8))  # zero, random


def socket_there(path, noise, secret):
    gone(path, noise, secret)
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(path.parent, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{here}/{path.name}"[:100])
        os.close(here)


def folder(path, noise, secret):
    gone(path, noise, secret)
    path.mkdir()


def odd_name(path, noise, secret):
    name = INTERESTING[noise[0] % len(INTERESTING)].replace(b"/", b"_")[:255]
    if name.strip(b".\0"):
        os.makedirs(os.fsencode(path.parent) + b"/" + name, exist_ok=True)


def many_names(path, noise, secret):
    for number in range(300):
        (path.parent / f"0000:{number % 256:02x}:1{number % 10}.0").mkdir(exist_ok=True)


CHANGES = [
    gone, bytes_in, nothing_in, text_in, changed, changed, much_in, link_outside, link_upwards,
    link_to_folder_outside, link_to_itself, link_to_noise, pipe, node, socket_there, folder,
    odd_name, many_names]


def archive_cases(world, random):
    """Archives with changed bytes, hostile members, or no end."""
    whole = gzip.decompress(CAPTURE.read_bytes())
    for number in range(ARCHIVES):
        maker = random.choice(ARCHIVE_MAKERS)
        yield archive_case(
            world, f"{number}: {maker.__name__}", maker(whole, random), random.choice(OPTIONS))


def archive_case(world, name, data, options):
    def attempt():
        file = world.folder / "archive"
        file.write_bytes(data)
        look(world, file, options)
    return Case(f"archive {name} {' '.join(options)}", attempt)


def compressed(data, random):
    return gzip.compress(mutated(data, random), 1)


def damaged(data, random):
    return mutated(gzip.compress(data, 1), random)


def plain(data, random):
    return mutated(data, random)


def header_changed(data, random):
    """Another text in a field of a member's header, with a sum that is right."""
    at = random.randrange(len(data) // 512) * 512
    field, size = random.choice([(0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (345, 155)])
    header = bytearray(data[at:at + 512])
    text = random.choice(INTERESTING + [
        b"../../../etc/passwd", b"/etc/passwd", b"77777777777", b"\x80" + b"\xff" * 11, b"1", b"2",
        b"3", b"5", b"6", b"L", b"K", b"x", b"g", b"S"])[:size]
    header[field:field + size] = text.ljust(size, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return data[:at] + bytes(header) + data[at + 512:]


def half(data, random):
    return data[:random.randrange(len(data))]


@functools.cache
def bomb_of(data):
    return gzip.compress(data + bytes(64 << 20), 1)


def bomb(data, random):
    return bomb_of(data)


def many_members(data, random):
    return gzip.compress(data * 20, 1)


def nothing(data, random):
    return random.choice([b"", b"\x1f\x8b", b"\x1f\x8b\x08\0", bytes(512), bytes(1024), b"BZh91AY"])


ARCHIVE_MAKERS = [
    compressed, damaged, plain, header_changed, header_changed, header_changed, half, bomb,
    many_members, nothing]
