#!/usr/bin/env python3
"""Writes what the static program is made of, as CycloneDX 1.5 (JSON).

    sbom.py --binary PATH [--date YYYY-MM-DD]

Versions come from the machine that it is built on: dpkg-query for the C libraries, Package.resolved for
Swift packages, the compiler for Swift's own. The same program on the same machine gives the same bytes.
"""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Debian's development packages whose archives are linked, where they are: name, licence.
LIBRARIES = [("libyaml-dev", "libyaml", "MIT"), ("libexpat1-dev", "expat", "MIT"),
             ("libc6-dev", "glibc", "LGPL-2.1-or-later")]
LICENCES = {"swift-argument-parser": "Apache-2.0 WITH Swift-exception",
            "swift-algorithms": "Apache-2.0 WITH Swift-exception",
            "swift": "Apache-2.0 WITH Swift-exception"}


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout.strip()


def is_used(package):
    """Whether the build asks for a library; the C library is always there."""
    return package == "libc6-dev" or package in (ROOT / "Package.swift").read_text()


def library(name, version, licence, purl, more=()):
    return {"type": "library", "bom-ref": purl, "name": name, "version": version,
            "licenses": [{"expression": licence}], "purl": purl, **dict(more)}


def of_debian():
    for package, name, licence in LIBRARIES:
        if is_used(package):
            version, architecture = output(
                "dpkg-query", "-W", "-f", "${Version} ${Architecture}", package).split()
            purl = f"pkg:deb/debian/{package}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={architecture}"
            yield library(name, version, licence, purl)


def of_swift():
    version = re.search(r"Swift version (\S+)", output("swift", "--version")).group(1)
    yield library("swift", version, LICENCES["swift"], f"pkg:github/swiftlang/swift@swift-{version}-RELEASE")
    for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]:
        name, version = pin["identity"], pin["state"]["version"]
        source = pin["location"].removeprefix("https://").removesuffix(".git")
        yield library(name, version, LICENCES[name],
                      f"pkg:swift/{source}@{version}",
                      [("properties", [{"name": "revision", "value": pin["state"]["revision"]}])])


def document(binary, date):
    version = output(binary, "--version")
    digest = hashlib.sha256(pathlib.Path(binary).read_bytes()).hexdigest()
    program = {"type": "application", "bom-ref": "vfioplan", "name": "vfioplan", "version": version,
               "hashes": [{"alg": "SHA-256", "content": digest}]}
    parts = [*of_debian(), *of_swift()]
    metadata = {"component": program}
    if date:
        metadata = {"timestamp": f"{date}T00:00:00Z", **metadata}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'vfioplan:' + digest)}",
        "version": 1, "metadata": metadata, "components": parts,
        "dependencies": [{"ref": "vfioplan", "dependsOn": [part["bom-ref"] for part in parts]}]
        + [{"ref": part["bom-ref"]} for part in parts],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--date", default="")
    options = parser.parse_args()
    json.dump(document(options.binary, options.date), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
