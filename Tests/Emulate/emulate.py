#!/usr/bin/env python3
"""Runs programs under `vfioplan emulate` and compares what they see with what kernels answered.

  emulate.py PROGRAM [--only WORD]     PROGRAM is vfioplan; needs gcc and namespaces
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
GUEST = TESTS / "KernelLab" / "guest"
FIXTURES = TESTS / "Fixtures" / "conform"
SECONDS = 60


def compiled(name: str, folder: pathlib.Path) -> pathlib.Path:
    """A program of the lab, static, as it runs in the lab's guests."""
    path = folder / name
    subprocess.run(["gcc", "-O1", "-static", "-o", path, GUEST / f"{name}.c"], check=True)
    return path


def emulated(program: str, words: list, options: list = (), **more):
    """What a command gives on an emulated machine."""
    return subprocess.run([program, "emulate", *options, "--", *map(str, words)],
                          capture_output=True, text=True, timeout=SECONDS, **more)


def conformFixtures(program: str, folder: pathlib.Path):
    """Programs of calls that kernels once answered in a way of their own: the same binary gets the
    same answers under `emulate`."""
    conform = compiled("conform", folder)
    for path in sorted(FIXTURES.glob("*.txt")):
        lines = path.read_text().splitlines()
        host = next(line[len("host: "):] for line in lines if line.startswith("host: "))
        end = lines.index("---")
        steps = [line for line in lines[:end] if not line.startswith(("host: ", "#"))]
        (folder / "it").write_text("\n".join(["program it", *steps]) + "\n")
        run = emulated(program, [conform, folder / "it"],
                       ["--simulate-kvm", "--host", FIXTURES / "hosts" / f"{host}.yaml"])
        said = run.stdout.splitlines()[1:]
        yield path.stem, said == lines[end + 1:], differences(said, lines[end + 1:]) + run.stderr


def differences(said: list[str], expected: list[str]) -> str:
    pairs = list(zip(said, expected)) + [("nothing", line) for line in expected[len(said):]]
    return "".join(f"    {one}\n    expected: {two}\n" for one, two in pairs if one != two)


def ends(program: str, folder: pathlib.Path):
    """How a command ends is how vfioplan ends, and nothing is said on the command's streams."""
    for script, status in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)]:
        run = emulated(program, ["sh", "-c", script])
        yield script, run.returncode == status and run.stdout == "", str(run)
    run = emulated(program, [folder / "nothing"])
    yield "a command that is not there", run.returncode == 127, str(run)
    (folder / "text").write_text("neither a program nor a script")
    run = emulated(program, [folder / "text"])
    yield "a command that can't be executed", run.returncode == 126, str(run)
    run = emulated(program, ["sh", "-c", "sleep 100 & exit 3"])
    yield "what is left behind is killed", run.returncode == 3, str(run)


def nested(program: str, folder: pathlib.Path):
    """There is one listener in a chain of processes: the second is refused before anything starts."""
    run = emulated(program, [program, "emulate", "--", "true"])
    yield "emulate in emulate", run.returncode == 69 and "VP5802" in run.stderr, str(run)


LAWS = {"conform": conformFixtures, "ends": ends, "nested": nested}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    program = os.path.abspath(chosen.program)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, law in LAWS.items():
            if chosen.only not in name:
                continue
            count = 0
            for case, holds, text in law(program, pathlib.Path(folder)):
                count += 1
                if not holds:
                    failed += 1
                    print(f"FAILED {name}: {case}\n{text}")
            print(f"{name}: {count} cases")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
