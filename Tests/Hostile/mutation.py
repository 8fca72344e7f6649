"""Changes to bytes, drawn from a seed."""

INTERESTING = [
    b"", b"\0", b"\n", b"\r\n", b" ", b"\xff\xfe", b"\x1b[2J", "\u202e".encode(), "\u2028".encode(),
    b"-1", b"0", b"4294967296", b"99999999999999999999", b"../../..", b"/", b"=", b"A" * 5000]


def mutated(data, random):
    """Bytes with one to four changes."""
    for _ in range(random.randint(1, 4)):
        data = random.choice(CHANGES)(data, random)
    return data


def place(data, random):
    return random.randrange(len(data) + 1)


def flip(data, random):
    at = place(data, random)
    return data[:at] + bytes(byte ^ 1 << random.randrange(8) for byte in data[at:at + 1]) \
        + data[at + 1:]


def insert(data, random):
    at = place(data, random)
    return data[:at] + random.choice(INTERESTING) + data[at:]


def replace(data, random):
    at = place(data, random)
    return data[:at] + random.choice(INTERESTING) + data[at + random.randint(1, 12):]


def cut(data, random):
    return data[:place(data, random)]


def drop_line(data, random):
    lines = data.split(b"\n")
    del lines[random.randrange(len(lines))]
    return b"\n".join(lines)


def repeat_line(data, random):
    lines = data.split(b"\n")
    lines.insert(random.randrange(len(lines)), random.choice(lines))
    return b"\n".join(lines)


def noise(data, random):
    at = place(data, random)
    return data[:at] + random.randbytes(random.randint(1, 40)) + data[at:]


CHANGES = [flip, insert, replace, cut, drop_line, repeat_line, noise]
