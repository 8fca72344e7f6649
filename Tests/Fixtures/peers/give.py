#!/usr/bin/env python3
"""give.py SOCKET FILE BEHAVIOUR: serves a file once, as KubeVirt's plugins serve an iommufd.

Prints `answer N`, the byte that came back, or `answer none`. What is wrong with the behaviours other
than `good`: `two` and `no` files, `empty` is a connection that ends at once, `slow` never sends.
"""

import os
import socket
import sys

path, name, behaviour = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(path)
server.listen(1)
print("ready", flush=True)
peer, _ = server.accept()
file = os.open(name, os.O_RDWR)
if behaviour == "slow":
    sys.stdin.read()
elif behaviour != "empty":
    files = {"good": [file], "two": [file, file], "no": []}[behaviour]
    socket.send_fds(peer, [b"\0"], files)
    answer = peer.recv(1)
    print("answer", answer[0] if answer else "none", flush=True)
peer.close()
server.close()
os.unlink(path)
