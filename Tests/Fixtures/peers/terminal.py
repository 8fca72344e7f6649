#!/usr/bin/env python3
"""terminal.py TEXT KEYS [TEXT KEYS]...: works with an interactive shell on a terminal of its own.

Waits for each text to appear and types the keys then; ends when the shell does, with its status. A
text that has not come within a minute is an error that shows what has come since the last keys.
"""

import os
import pty
import select
import sys
import time

process, terminal = pty.fork()
if process == 0:
    os.closerange(3, 1024)
    os.environ.update(PS1="ready> ", TERM="dumb")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])


def read(end):
    """What comes next; nothing at the end of the time, or of the terminal."""
    ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
    try:
        return os.read(terminal, 65536) if ready else b""
    except OSError:
        return b""


for text, keys in zip(sys.argv[1::2], sys.argv[2::2]):
    seen, end = b"", time.monotonic() + 60
    while text.encode() not in seen:
        more = read(end)
        if not more:
            sys.exit(f"'{text}' is missing in: {seen.decode(errors='replace')}")
        seen += more
    os.write(terminal, keys.encode())
while read(time.monotonic() + 60):
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
