#!/usr/bin/env python3
"""Validates files against the JSON Schemas in schemas/, with the stock validator `jsonschema`.

    validate.py --examples              every example of a VM, a host or a policy, every captured machine
    validate.py SCHEMA FILE...          files against schemas/SCHEMA.schema.json; - is standard input
    validate.py --reject SCHEMA FILE... each file must be refused

YAML is read as vfioplan reads it: a plain scalar is what the schema expects, so `0000:00:02.0` is
text and never a number in base 60. Exit code 0: all as expected; 1: not; 3: a module is missing.
"""

import json
import pathlib
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"{missing}; run `make deps`", file=sys.stderr)
    sys.exit(3)

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"^(?:0x[0-9a-fA-F]+|0|[1-9][0-9]*)$")


class Loader(yaml.SafeLoader):
    """PyYAML's loader without numbers in base 60, octal numbers, floats and dates."""


DROPPED = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in DROPPED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:int", NUMBER, list("0123456789"))
Loader.add_constructor(
    "tag:yaml.org,2002:int",
    lambda loader, node: int(node.value, 16 if node.value.startswith("0x") else 10),
)


def load(path):
    if str(path) == "-":
        return yaml.load(sys.stdin, Loader)
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader)


def validator(name):
    schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def problems(name, paths):
    """Yields the first finding of each file that does not fit."""
    check = validator(name)
    for path in paths:
        for error in check.iter_errors(load(path)):
            place = "/".join(map(str, error.absolute_path)) or "top level"
            yield path, f"{place}: {error.message}"
            break


def main(arguments):
    if arguments == ["--examples"]:
        examples = ROOT / "examples"
        policies = [path for path in examples.glob("*.yaml") if "\nkind: Policy\n" in path.read_text()]
        wanted = [("vm", sorted(set(examples.glob("*.yaml")) - set(policies)), False)]
        wanted.append(("policy", sorted(policies), False))
        wanted.append(("host", sorted((examples / "hosts").glob("*.yaml")), False))
        captures = ROOT / "Tests" / "Fixtures" / "golden" / "captures"
        for form in ("json", "yaml"):
            wanted.append(("host", sorted(captures.glob("*." + form)), False))
    else:
        refused = arguments[:1] == ["--reject"]
        name, *files = arguments[refused:]
        wanted = [(name, [pathlib.Path(file) for file in files], refused)]
    failures = 0
    for name, paths, refused in wanted:
        found = dict(problems(name, paths))
        for path in paths:
            if refused and path not in found:
                print(f"{path}: fits {name}.schema.json, but must not")
            elif not refused and path in found:
                print(f"{path}: {found[path]}")
            else:
                continue
            failures += 1
        print(f"{name}.schema.json: {len(paths)} files, {failures} not as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
