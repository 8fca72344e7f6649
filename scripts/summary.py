#!/usr/bin/env python3
"""Runs a build or tests of Swift and prints what people read of their output, line by line.

  summary.py COMMAND...     ends with the command's status

A failure is printed whole, and so is what is skipped, what is not the runner's own, and the runner's
closing line; what is built, begins and passes is counted. Of a run that breaks off the last lines are
repeated as they were.
"""

import codecs
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator

# Between two lines that say how far it is: where somebody looks on, and in a log.
PROGRESS_SECONDS = 5 if sys.stdout.isatty() else 30
LAST_LINES = 60  # of a run that broke off
MOST_NAMES = 20  # of tests that had begun then
# The runner's marks: what begins, what passes, what fails, what was known to fail, what is skipped.
MARKS = "◇✔✘━➜"
BUILT = re.compile(r"\[\d+/\d+\] ")
BEGUN = re.compile(r"◇ Test (?!run |case )(.*) started\.$")
ENDED = re.compile(r"([✔✘━]) Test (?!run |case )(.*?)(?: with \d+ test cases?)? (passed|failed) after ")
CLOSING = re.compile(r"[✔✘] Test run with ")
# What the older runner says, which has no tests here.
EMPTY = re.compile(r"Test Suite '.*' (started|passed) at |\t Executed 0 tests, with 0 failures ")
# Colours, and the end of a line that a terminal is to show no longer.
COLOUR = re.compile(r"\x1b\[[\d;]*m")
CLEARED = "\x1b[2K"
# How the lines end that are counted; the values of arguments may go over several.
WHOLE = re.compile(r"(started\.|seconds?\.?)$")


class Summary:
    """What was seen so far of the output of a run."""

    def __init__(self, show):
        self.show = show
        self.begun: dict[str, None] = {}
        self.failed: list[str] = []
        self.passed = 0
        self.skipped = 0
        self.is_begun = self.is_closed = False
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._said = time.monotonic()
        self._is_counted = False  # whether the event whose lines come is counted, not shown
        self._is_whole = True  # whether its own lines have come

    def read(self, line: str):
        """One line of the output."""
        self.last.append(line)
        if CLOSING.match(line):
            self.show(self.counts())
            self.is_closed = True
        if line[:1] and line[0] in MARKS:
            self._event(line)
        elif BUILT.match(line):
            self._progress(line)
        elif EMPTY.match(line):
            return
        elif self._is_counted and (line.startswith("↳") or not self._is_whole):
            self._is_whole = self._is_whole or bool(WHOLE.search(line))
        else:
            self.show(line)

    def _progress(self, text: str):
        if time.monotonic() - self._said > PROGRESS_SECONDS:
            self._said = time.monotonic()
            self.show(text)

    def _event(self, line: str):
        self._count(line)
        is_end = line[0] == "━" and ENDED.match(line) is not None
        self._is_counted = (line[0] in "◇✔" or is_end) and not self.is_closed
        self._is_whole = bool(WHOLE.search(line))
        if not self._is_counted:
            self.show(line)
        elif not self.is_closed:
            self._progress(f"{self.passed} passed, {len(self.begun)} running")

    def _count(self, line: str):
        if line.startswith("◇ Test run started"):
            self.is_begun = True
        elif begun := BEGUN.match(line):
            self.begun[begun[1]] = None
        elif ended := ENDED.match(line):
            self.begun.pop(ended[2], None)
            if ended[3] == "failed":
                self.failed.append(ended[2])
            else:
                self.passed += 1
        elif line.startswith("➜ Test "):
            self.skipped += 1

    def counts(self) -> str:
        """What came of all tests, with the names of those that failed."""
        lines = [f"not ok - {name}" for name in self.failed]
        return "\n".join([*lines, f"tests: {self.passed} passed, {len(self.failed)} failed, "
                                  f"{self.skipped} skipped"])

    def break_off(self, status: int):
        """The run ended without a closing line."""
        self.show(f"not ok - the run broke off with status {status}; its last lines were:")
        for line in self.last:
            self.show(f"    {line}")
        names = list(self.begun)[:MOST_NAMES]
        self.show(f"{len(self.begun)} tests had begun: {', '.join(names)}"
                  + (" and others" if len(names) < len(self.begun) else ""))
        self.show(self.counts())


def output(file: int) -> Iterator[str]:
    """The lines that a command writes, as soon as they are there."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while True:
        try:
            part = os.read(file, 65536)
        except OSError:  # the other end of a terminal is closed
            part = b""
        *lines, rest = re.split(r"\r?\n|\r(?=[^\n])", rest + decoder.decode(part, not part))
        for line in lines if part else [*lines, rest]:
            text = COLOUR.sub("", line.replace(CLEARED, ""))
            if text or (part and CLEARED not in line):
                yield text
        if not part:
            return


def start(command: list[str]) -> tuple[subprocess.Popen, int]:
    """Starts a command, and the file to read its output from: a terminal where there is one, because
    the runner's output is else kept back in blocks."""
    try:
        ours, its = os.openpty()
    except OSError:
        ours, its = os.pipe()
    process = subprocess.Popen(command, stdout=its, stderr=its, stdin=subprocess.DEVNULL)
    os.close(its)
    return process, ours


def show(text: str):
    """Prints it at once."""
    print(text, flush=True)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    summary = Summary(show)
    process, file = start(sys.argv[1:])
    for line in output(file):
        summary.read(line)
    code = process.wait()
    status = code if code >= 0 else 128 - code
    if summary.is_begun and not summary.is_closed:
        summary.break_off(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
