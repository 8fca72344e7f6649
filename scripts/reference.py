#!/usr/bin/env python3
"""Writes docs/reference.md, every key of the files that people write, from the schemas.

    reference.py            write it
    reference.py --check    say whether it is as the schemas are, status 1 if not

A key without a description is an error: the reference is only as good as the schemas.
"""

import json
import pathlib
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"
WIDTH = 120  # columns of a document
KINDS = ("vm", "VM descriptions"), ("host", "Host descriptions"), ("policy", "Policies")
# What a value is, where the schema names a definition.
VALUES = {
    "name": "a name", "text": "text", "address": "a PCI address", "place": "a PCI address or slot",
    "id": "an id", "class": "a class",
    "subsystem": "ids of a card", "quantity": "bytes", "fact": "`true`, `false` or `unknown`"}
HEAD = """\
# Reference

Every key of the files that you write. Written by `scripts/reference.py` from [the schemas](../schemas), which
`vfioplan schema KIND` prints; a key that is not here is an error. Keys are optional unless it is said.
"""


def main():
    page = HEAD + "".join(chapter(*kind) for kind in KINDS) + values()
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text() != page:
            sys.exit("docs/reference.md is not as the schemas are; run scripts/reference.py")
    else:
        PAGE.write_text(page)


def schema(kind):
    return json.loads((ROOT / "schemas" / f"{kind}.schema.json").read_text())


def chapter(kind, title):
    """The keys of one kind of file, a section for each mapping."""
    root = schema(kind)
    sections = "".join(section(name, node) for name, node in mappings("", root))
    return f"\n## {title}\n\n{filled(root['description'])}{sections}"


def mappings(path, node):
    """The mappings of a schema in the order they are written, each with the path to it."""
    yield path, node
    for key, inner in node["properties"].items():
        step = f"{path}.{key}" if path else key
        for form in inner.get("oneOf", [inner]):
            if "properties" in form:
                yield from mappings(step, form)
            elif "properties" in form.get("items", {}):
                yield from mappings(step + "[]", form["items"])


def section(path, node):
    required = node.get("required", [])
    lines = [entry(key, inner, key in required) for key, inner in node["properties"].items()]
    return (f"\n### `{path}`\n" if path else "") + "\n" + "".join(lines)


def entry(key, node, is_required):
    if "description" not in node:
        sys.exit(f"reference.py: the schema does not describe '{key}'")
    needed = ", required" if is_required else ""
    text = f"`{key}` ({value(node)}{needed}): {node['description']}"
    return textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ",
                         break_long_words=False, break_on_hyphens=False) + "\n"


def value(node):
    """What may stand behind a key, in words."""
    if "$ref" in node:
        return VALUES[node["$ref"].rsplit("/", 1)[1]]
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return words(node["enum"])
    for several in ("oneOf", "allOf"):
        if several in node:
            kinds = [value(part) for part in node[several] if "not" not in part]
            return ", or ".join(dict.fromkeys(kinds))
    if node.get("type") == "array":
        return f"a list of {many(node['items'])}".replace(" or ", " and ")
    if node["type"] == "integer":
        return number(node)
    return {"object": "a mapping", "boolean": "`true` or `false`", "string": "text"}[node["type"]]


def many(node):
    return "mappings" if node.get("type") == "object" else value(node)


def number(node):
    low, high = node["minimum"], node["maximum"]
    return f"a number from {low}" + (f" to {high}" if high < 2**31 - 1 else "")


def words(names):
    shown = [f"`{json.dumps(name) if not isinstance(name, str) else name}`" for name in names]
    return ", ".join(shown[:-1]) + " or " + shown[-1]


def values():
    """What the values are that several keys have."""
    found = {}
    for kind, _ in KINDS:
        for name, node in schema(kind)["definitions"].items():
            if "description" in node:
                found.setdefault(VALUES[name], node["description"])
    found["a name"] = "1 to 64 letters, digits, '.', '_' and '-'; the first is a letter or a digit."
    lines = [textwrap.fill(f"{name}: {text}", WIDTH, initial_indent="- ", subsequent_indent="  ")
             for name, text in sorted(found.items())]
    return "\n## Values\n\n" + "\n".join(lines) + "\n"


def filled(text):
    return textwrap.fill(text, WIDTH) + "\n"


if __name__ == "__main__":
    main()
