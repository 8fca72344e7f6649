#!/usr/bin/env python3
"""fetch.py SOCKET [mute]: fetches one file as KubeVirt's launcher fetches an iommufd.

Prints `bytes HEX`, `files N` and `file DEVICE INODE`; `mute` goes away without an answer.
"""

import os
import socket
import sys

peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
peer.connect(sys.argv[1])
data, files, flags, _ = socket.recv_fds(peer, 32, 1020)
assert not flags & socket.MSG_CTRUNC
print("bytes", data.hex())
print("files", len(files))
for file in files:
    print("file", os.fstat(file).st_dev, os.fstat(file).st_ino, flush=True)
if sys.argv[2:] != ["mute"]:
    peer.send(b"\0")
    assert peer.recv(1) == b""
