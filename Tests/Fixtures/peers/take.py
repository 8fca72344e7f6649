#!/usr/bin/env python3
"""take.py PATH [silent|partial]: fetches files as docs/apply.md says, and prints what they are.

A line `NAME DEVICE INODE` for each file, then `messages N`; answers, and closes at the end of its
standard input. `silent` goes away instead of answering, `partial` after the first message.
"""

import os
import socket
import sys

path, behaviour = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "good"
peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
peer.connect(path)
text, files, messages = b"", [], 0
while not (text == b"\n" or text.endswith(b"\n\n")):
    data, some, flags, _ = socket.recv_fds(peer, 1 << 16, 253)
    assert data and not flags & socket.MSG_CTRUNC, (data, flags)
    messages += bool(some)
    if some and behaviour != "partial":
        # What came with these files: their own names, no more and no less.
        assert len(some) == data.rstrip(b"\n").count(b":") + 1, (len(some), data)
    text, files = text + data, files + list(some)
    if behaviour == "partial":
        sys.exit(0)
if behaviour == "silent":
    sys.exit(0)
names = [name for line in text.decode().split("\n") if line for name in line.split(":")]
assert len(names) == len(files), (len(names), len(files))
for name, file in zip(names, files):
    status = os.fstat(file)
    print(name, status.st_dev, status.st_ino)
print("messages", messages, flush=True)
peer.send(b"\x07")
sys.stdin.read()
peer.close()
