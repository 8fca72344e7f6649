#!/usr/bin/env python3
"""Builds the fuzz targets, runs them and prints what came of it; see docs/maintainers/fuzzing.md.

  fuzz.py [--minutes N] [--only TARGET ...]     all targets, in N minutes together
  fuzz.py --fixed                               the same inputs every time, less than two minutes
  fuzz.py --input FILE --only TARGET            one input, for example of a crash
"""

import argparse
import concurrent.futures
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "Tests/Fuzz"
BUILD = ROOT / ".build-fuzz"
BINARY = BUILD / "fuzz"

# The longest input of each target in bytes: a few times its largest seed.
TARGETS = {
    "vm": 4096, "host": 8192, "policy": 2048, "plan": 24576, "program": 8192, "sysfs": 8192,
    "archive": 24576, "messages": 512, "journal": 512, "import": 4096}
# How many inputs --fixed tries, less than two minutes' worth, and how long that may take at most.
FIXED_RUNS = {
    "vm": 3000, "host": 3000, "policy": 3000, "plan": 2500, "program": 2000, "sysfs": 2000,
    "archive": 3000, "messages": 30000, "journal": 40000, "import": 10000}
FIXED_SECONDS = 900
# What must be found, within seconds where nothing else runs, and the words that tell how.
CANARIES = {
    "canary-law": "broken law: canary", "canary-memory": "heap-buffer-overflow",
    "canary-hang": "ERROR: libFuzzer: timeout"}
CANARY_SECONDS = 120

# -assert-config: with the speed of a release, but with every assertion of a debug build.
FLAGS = [
    "-O", "-wmo", "-g", "-swift-version", "6", "-parse-as-library", "-enable-testing",
    "-package-name", "vfioplan",
    "-assert-config", "Debug", "-warnings-as-errors", "-sanitize=fuzzer,address",
    "-I", str(BUILD), "-I", "Sources/CExpat", "-I", "Sources/CLibYAML", "-I", "Sources/CLinux"]
MODULES = ["Parser", "Planner", "Executor"]
# What the command's own sources have that reads what other processes send, and its reports.
COMMAND = ["System", "Failures", "Reports"]


def swiftc(output, sources, *arguments):
    """Compiles unless nothing has changed; says whether it did."""
    newest = max(path.stat().st_mtime for path in [*sources, pathlib.Path(__file__)])
    if output.exists() and output.stat().st_mtime > newest:
        return False
    print("compiling", output.name, flush=True)
    swift = os.environ.get("SWIFTC", "swiftc")
    run = subprocess.run(
        [swift, *FLAGS, *arguments, "-o", str(output), *map(str, sources)], cwd=ROOT,
        capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stdout + run.stderr)
    return True


def build():
    """Without the package manager: its products are the command alone, which the targets that
    look inside modules can't be made of."""
    BUILD.mkdir(exist_ok=True)
    changed = False
    for module in MODULES:
        if changed:
            (BUILD / f"{module}.o").unlink(missing_ok=True)
        changed = swiftc(
            BUILD / f"{module}.o", sorted((ROOT / "Sources" / module).rglob("*.swift")),
            "-module-name", module, "-emit-object", "-emit-module",
            "-emit-module-path", str(BUILD / f"{module}.swiftmodule")) or changed
    if changed:
        BINARY.unlink(missing_ok=True)
    command = [path for room in COMMAND
               for path in sorted((ROOT / "Sources/vfioplan" / room).rglob("*.swift"))]
    objects = [f"{BUILD}/{module}.o" for module in MODULES]
    swiftc(BINARY, sorted((HERE / "Harness").glob("*.swift")) + command,
           "-module-name", "Fuzz", "-emit-executable", "-emit-module-path",
           str(BUILD / "Fuzz.swiftmodule"), *objects)


def host_of(example):
    """The host that an example's comment names, without folder and ending."""
    return re.search(r"^# host: hosts/(.*)\.yaml$", example.read_text(), re.M)[1]


def kind_of(path, otherwise=None):
    """The `kind` of a description, if it is one that there is."""
    found = re.search(rb"^kind: (VM|Host|Policy)\b", path.read_bytes(), re.M)
    return found[1].decode() if found else otherwise


def seeds(target):
    """Name and bytes of what a target starts from: its own corpus, and the repository's files."""
    for path in sorted((HERE / "Corpus" / target).glob("*")):
        yield path.name, path.read_bytes()
    if target == "archive":
        yield from archives()
    examples = [path for path in sorted((ROOT / "examples").glob("*.yaml"))
                if kind_of(path) == "VM"]
    golden = ROOT / "Tests/Fixtures/golden"
    for example in examples:
        name, host = example.stem, host_of(example)
        text = (ROOT / f"examples/hosts/{host}.yaml").read_text()
        if target == "vm":
            yield name, f"# host: {host}\n{example.read_text()}".encode()
        elif target == "host":
            yield name, f"# vm: {name}\n{text}".encode()
        elif target in ("plan", "program"):
            for path in sorted((golden / name).glob(f"*.{'json' if target == 'plan' else target}")):
                head = f"# host: {host}\n" if target == "program" else ""
                yield f"{name}-{path.stem}", (head + path.read_text()).encode()
    if target == "import":
        for path in sorted((ROOT / "Tests/Fixtures/Import").glob("*/*")):
            yield f"{path.parent.name}-{path.name}", path.read_bytes()
    if target == "policy":
        for path in (ROOT / "examples").glob("*.yaml"):
            if kind_of(path) == "Policy":
                yield path.name, path.read_bytes()
    if target in ("vm", "host", "policy"):
        for path in sorted((ROOT / "Tests/Fixtures/errors").glob("*.yaml")):
            if kind_of(path, "VM").lower() == target:
                yield path.name, path.read_bytes()


def archives():
    """Captures as they are, and what is at the start of each without its compression."""
    for path in sorted((ROOT / "Tests/Fixtures/captures").glob("*.tar.gz")):
        packed = path.read_bytes()
        if len(packed) <= TARGETS["archive"]:
            yield path.stem, packed
        yield f"{path.stem}-start", gzip.decompress(packed)[:16384] + bytes(1024)


def words(target):
    """What an input may hold that no search would find: keys, values, requests, members."""
    if target in ("vm", "host", "policy", "plan"):
        yield from ["&a ", "*a", "<<: *a", "? ", "|\\x0a", "GiB", "true", "unknown"]
        for path in (ROOT / "schemas").glob("*.json"):
            yield from schema_words(json.loads(path.read_text()))
    if target in ("plan", "program"):
        for path in (ROOT / "Sources/Planner/Targets").rglob("*Requests.swift"):
            yield from re.findall(r'"([A-Za-z]\w+)"', path.read_text())
        yield from ["open", "ioctl", "expect", "sysfs", "unbind", "override", "probe", "memory",
                    "close", "cdev(0000:65:00.0)", "/dev/vfio/1", "hugepages=", "populate=eager"]
    if target == "import":
        yield from ["<domain>", "</domain>", "<hostdev", "type='pci'", "<address", "bus='0x01'",
                    "-device", "vfio-pci,host=01:00.0", "--device", "path=", "hostpci0: ", "${", "[@]}",
                    "=(", "unit='GiB'", "hugetlb=on", "[device]", "<!DOCTYPE", "&amp;", ",,", ";"]
    if target in ("sysfs", "journal"):
        for path in (HERE / "Corpus" / target).glob("*"):
            yield from re.findall(r"[\w:.-]+", path.read_text())


def schema_words(schema):
    """Keys, and values that are listed, anywhere in a schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from schema_words(item)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties":
                yield from value
            elif key in ("enum", "const"):
                yield from (str(item) for item in (value if key == "enum" else [value]))
            yield from schema_words(value)


def prepare(target, is_fixed):
    """Folders and a dictionary; libFuzzer's arguments for them.

    What must be the same every time does not begin with what earlier runs have found.
    """
    kept, start = BUILD / ("fixed" if is_fixed else "corpus") / target, BUILD / "seeds" / target
    for old in [start, kept] if is_fixed else [start]:
        shutil.rmtree(old, ignore_errors=True)
    for folder in (kept, start, BUILD / "crashes"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds(target):
        (start / name).write_bytes(data)
    dictionary = BUILD / f"{target}.dict"
    entries = sorted({word for word in words(target) if 1 < len(word) < 60 and '"' not in word})
    dictionary.write_text("".join(f'"{word}"\n' for word in entries))
    limits = ["-seed=1", f"-runs={FIXED_RUNS[target]}", "-timeout=60"] if is_fixed else []
    return [str(kept), str(start), *([f"-dict={dictionary}"] if entries else []), *limits]


def fuzz(target, seconds, arguments, limit):
    """Runs a target; its exit code and what it said."""
    environment = dict(
        os.environ, VFIOPLAN_FUZZ_TARGET=target,
        # Swift keeps what static values hold behind pointers that a search for leaks can't follow;
        # where memory was allocated, which takes a third of the time, --input tells.
        ASAN_OPTIONS=f"detect_leaks=0:symbolize={int(target not in CANARIES)}"
        f":quarantine_size_mb=32:malloc_context_size={1 if seconds else 30}",
        SWIFT_DETERMINISTIC_HASHING="1",
        # Swift's own handler would come before libFuzzer's, and hang in it.
        SWIFT_BACKTRACE="enable=no")
    command = [str(BINARY), "-timeout=10", *arguments, "-rss_limit_mb=1536", "-detect_leaks=0",
               "-print_final_stats=1", f"-artifact_prefix={BUILD}/crashes/{target}-"]
    if seconds:
        command += [f"-max_total_time={seconds}", f"-max_len={limit}"]
    with open(BUILD / f"{target}.log", "w+") as log:
        try:
            code = subprocess.run(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, timeout=seconds + 120).returncode
        except subprocess.TimeoutExpired:
            code = -1
        log.seek(0)
        return code, log.buffer.read().decode(errors="replace")


def canaries():
    """Whether each of them is caught."""
    for name, sign in CANARIES.items():
        began = time.time()
        code, log = fuzz(name, CANARY_SECONDS, ["-timeout=1", "-only_ascii=1"], 8)
        if code == 0 or sign not in log:
            print(log[-4000:])
            sys.exit(f"{name} was not caught: nothing else would be")
        print(f"{name}: caught after {time.time() - began:.0f} s", flush=True)
        for path in (BUILD / "crashes").glob(f"{name}-*"):
            path.unlink()


def row(target, log):
    """What a log says in the end."""
    progress = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    statistics = dict(re.findall(r"stat::(\w+):\s+(\d+)", log))
    coverage = progress[-1] if progress else ("-", "-", "-")
    return (target, statistics.get("number_of_executed_units", "-"),
            statistics.get("average_exec_per_sec", "-"), *coverage,
            statistics.get("new_units_added", "-"), statistics.get("peak_rss_mb", "-"))


def table(rows):
    """Prints rows as a table of Markdown, as docs/maintainers/fuzzing.md has it."""
    head = ("target", "executions", "per second", "edges", "features", "corpus", "new", "MiB")
    for cells in (head, ("---",) + ("---:",) * (len(head) - 1), *rows):
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=2)
    length.add_argument("--fixed", action="store_true")
    parser.add_argument("--only", nargs="+", choices=[*TARGETS, *CANARIES], default=[*TARGETS])
    parser.add_argument("--input")
    options = parser.parse_args()
    build()
    (BUILD / "crashes").mkdir(exist_ok=True)
    if options.input:
        code, log = fuzz(options.only[0], 0, [options.input], 0)
        print(log)
        sys.exit(code)
    canaries()
    workers = os.cpu_count() or 1
    seconds = FIXED_SECONDS if options.fixed else max(
        5, round(options.minutes * 60 * workers / len(options.only)))
    print(f"{len(options.only)} targets, {'at most ' if options.fixed else ''}{seconds} s each,"
          f" {workers} at a time", flush=True)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        runs = {
            target: pool.submit(
                fuzz, target, seconds, prepare(target, options.fixed), TARGETS[target])
            for target in options.only}
    results = {target: run.result() for target, run in runs.items()}
    rows = [row(target, log) for target, (_, log) in results.items()]
    table(rows)
    failures = [target for target, (code, _) in results.items() if code != 0]
    if options.fixed:
        short = [name for name, executions, *_ in rows
                 if name not in failures and int(executions) < FIXED_RUNS[name]]
        for name in short:
            print(f"{name}: only {seconds} s of its {FIXED_RUNS[name]} runs, the machine is slow")
    for target in failures:
        print(f"\n{target} failed:\n" + results[target][1][-3000:])
    if failures:
        sys.exit(f"failed: {', '.join(failures)}; the inputs are in {BUILD.name}/crashes")


if __name__ == "__main__":
    main()
