"""The pages and texts that are looked at: of every example, of hostile names, of many devices."""

import pathlib
import re
import subprocess
import sys

from tools import ROOT

# What somebody might hope that a page or a comment takes for more than text.
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202e\u2066txet\u2069 &lt;b&gt; " \
    "`code` **bold** [link](javascript:alert(3)) | cell ![x](http://192.0.2.1/x) @somebody #1 " \
    "</details></style></svg>\"'--> %%{init:{}}%% $x$ www.example.org http://example.org"


def run(program: str, *arguments) -> str:
    """What the program writes; it has to succeed."""
    result = subprocess.run([program, *arguments], text=True, capture_output=True, cwd=ROOT)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: status {result.returncode}\n"
                           + result.stderr)
    return result.stdout


def examples(program: str, form: str):
    """Every example that compiles, in a form: its name and the text."""
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        if "\nkind: VM\n" not in example.read_text():
            continue
        arguments = inputs(example)
        if subprocess.run([program, "compile", *arguments], capture_output=True).returncode == 0:
            yield example.stem, run(program, "compile", *arguments, "--format", form)


def inputs(example: pathlib.Path) -> list:
    """An example and the host that it is for, as arguments."""
    host = re.search(r"^# host: (.*)$", example.read_text(), re.M).group(1)
    return [example, "--host", ROOT / "examples" / host]


def compiled(program: str, name: str) -> str:
    """An example's plan."""
    return run(program, "compile", *inputs(ROOT / "examples" / f"{name}.yaml"), "--format", "json")


def differences(program: str, form: str):
    """Every example next to itself on another kernel, and for another target: a name, the text."""
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        if "\nkind: VM\n" not in example.read_text():
            continue
        for option, value in (("--other-release", "6.1"), ("--other-target", "ioasid"),
                              ("--other-objective", "page-tables")):
            result = subprocess.run(
                [program, "diff", example, *inputs(example), option, value, "--format", form],
                text=True, capture_output=True)
            if result.stdout:
                yield f"{example.stem}{option}", result.stdout


def checks(program: str, form: str):
    """The examples on each host of theirs: a name, the text."""
    for host in sorted((ROOT / "examples/hosts").glob("*.yaml")):
        result = subprocess.run(
            [program, "check", ROOT / "examples", "--host", host, "--format", form],
            text=True, capture_output=True)
        yield f"check-{host.stem}", result.stdout


def runs(program: str, form: str):
    """Emulated runs of the order trap and of none, where namespaces are allowed: a name, the text."""
    for name, devices in (("run-trapped", ["0000:00:02.0", "0000:01:00.0"]),
                          ("run", ["0000:01:00.0", "0000:02:00.0"])):
        result = subprocess.run(
            [program, "emulate", "--simulate-kvm", "--format", form, "-o", "-", "--dma",
             f"{devices[1]},0x1000,read=1", "--", sys.executable, ROOT / "Tests/Emulate/trap.py",
             *devices], text=True, capture_output=True)
        if "VP5801" not in result.stderr:
            yield name, result.stdout


def quoted(text: str) -> str:
    """A text as YAML has it in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def hostile(folder: pathlib.Path) -> list[pathlib.Path]:
    """A description and a host in which every free text is hostile."""
    text = quoted(HOSTILE)
    (folder / "hostile.yaml").write_text(f"""\
apiVersion: vfioplan/v1
kind: VM
name: {text}
memory: [ {{ gpa: 0x0, size: 2GiB }} ]
devices:
  - {{ name: nic, address: "0000:01:00.0" }}
  - {{ name: igd, address: "0000:00:02.0" }}
""")
    (folder / "host.yaml").write_text(f"""\
apiVersion: vfioplan/v1
kind: Host
name: {text}
kernel: {{ release: "7.3.4", iommufd: true, vfioCdev: true, type1: true, kvm: true }}
iommus:
  - {{ name: {text}, type: intel-vtd, enforceSnoop: false }}
  - {{ name: dmar1, type: intel-vtd, enforceSnoop: true }}
devices:
  - {{ address: "0000:01:00.0", class: 0x020000, iommu: dmar1, group: 1, driver: igc }}
  - {{ address: "0000:00:02.0", class: 0x030000, iommu: {text}, group: 2, noSnoopCapable: true }}
""")
    return [folder / "hostile.yaml", folder / "host.yaml"]


def many(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """A description of many devices on a host that has them."""
    addresses = [f"{domain:04x}:{bus:02x}:{slot:02x}.0"
                 for domain in range(4) for bus in range(1, 64) for slot in range(32)][:count]
    devices = "".join(f'  - {{ name: d{index}, address: "{address}" }}\n'
                      for index, address in enumerate(addresses))
    (folder / "many.yaml").write_text(
        "apiVersion: vfioplan/v1\nkind: VM\nname: many\nmemory: [ { gpa: 0x0, size: 2GiB } ]\n"
        "devices:\n" + devices)
    facts = "".join(
        f'  - {{ address: "{address}", class: 0x020000, iommu: dmar{index % 4}, group: {index}, '
        f"driver: igc, noSnoopCapable: {'true' if index % 3 else 'false'} }}\n"
        for index, address in enumerate(addresses))
    units = "".join(f"  - {{ name: dmar{unit}, type: intel-vtd, "
                    f"enforceSnoop: {'true' if unit else 'false'} }}\n" for unit in range(4))
    (folder / "many-host.yaml").write_text(
        "apiVersion: vfioplan/v1\nkind: Host\nname: many\n"
        'kernel: { release: "7.3.4", iommufd: true, vfioCdev: true, type1: true, kvm: true }\n'
        "iommus:\n" + units + "devices:\n" + facts)
    return [folder / "many.yaml", folder / "many-host.yaml"]
