"""Scenario `host`: what vfioplan reads of a machine is what the lab knows of it, and captures."""

import base64
import gzip
import subprocess
import tempfile

import yaml

from . import sections
from .kernels import Kernel
from .machines import Machine
from .scenario import Bench, Scenario, Verdict

KERNEL_KEYS = ["release", "iommufd", "vfioCdev", "type1", "kvm", "allowUnsafeInterrupts"]
UNIT_KEYS = ["type", "enforceSnoop", "isolatedMSI", "addressBits"]
DEVICE_KEYS = ["vendor", "device", "class", "driver", "group", "reserved"]


class HostFacts(Scenario):
    """`vfioplan host --format yaml` against the description that the lab makes."""

    name = "host"
    law = "what `vfioplan host` says of kernel, units, groups, drivers and reserved regions is right"
    most_seconds = 20

    def fits(self, kernel: Kernel, machine: Machine) -> bool:
        """Where each device is what the hardware says: not with units of the lab's making."""
        return not machine.is_mixed

    def files(self, bench: Bench) -> dict[str, bytes]:
        """The description, and the table for people."""
        return {"run.sh": b"""\
echo "== description"; vfioplan host --format yaml
echo "== capture"; vfioplan host --capture /tmp/capture.tar && gzip -c /tmp/capture.tar | base64
vfioplan host > /dev/null
"""}

    def judge(self, bench: Bench, text: str, host: str) -> list[Verdict]:
        """One verdict for the kernel, one for each unit, one for the devices."""
        parts = {section.words[0]: section.text for section in sections.read_sections(text)}
        read, known = yaml.safe_load(parts["description"]), yaml.safe_load(host)
        verdicts = [judge_facts("kernel", KERNEL_KEYS, read["kernel"], known["kernel"])]
        units = {unit["name"]: unit for unit in read["iommus"]}
        for unit in known["iommus"]:
            # The lab's names say what it can enforce, too.
            name = unit["name"].rsplit("-", 1)[0]
            verdicts.append(judge_facts(f"unit {name}", UNIT_KEYS, units.get(name, {}), unit))
        devices = {device["address"]: device for device in read["devices"]}
        wrong = [f"{device['address']}: {problem}" for device in known["devices"]
                 for problem in fact_differences(
                     DEVICE_KEYS, devices.get(device["address"], {}), device)]
        wrong += [f"{device['address']}: {device.get('iommu')}" for device in known["devices"]
                  if device.get("iommu", "-").rsplit("-", 1)[0]
                  != devices.get(device["address"], {}).get("iommu", "")]
        verdicts.append(Verdict(not wrong, f"{len(devices)} devices", tuple(wrong)))
        return [*verdicts, judge_capture(bench, parts)]


def judge_capture(bench: Bench, parts: dict[str, str]) -> Verdict:
    """Whether the capture says outside what the machine says inside, but for its name."""
    with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
        archive = gzip.decompress(base64.b64decode(parts["capture"]))
        subprocess.run(["tar", "-x", "-C", scratch], input=archive, check=True)
        text = subprocess.run([bench.program, "host", "--root", scratch, "--format", "yaml"],
                              text=True, capture_output=True, check=True).stdout
    read, outside = yaml.safe_load(parts["description"]), yaml.safe_load(text)
    wrong = [f"{key} differs" for key in read if key != "name" and read[key] != outside.get(key)]
    return Verdict(not wrong, "its capture says the same elsewhere", tuple(wrong))


def judge_facts(what: str, keys: list[str], read: dict, known: dict) -> Verdict:
    """Whether both say the same."""
    wrong = fact_differences(keys, read, known)
    return Verdict(not wrong, what, tuple(wrong))


def fact_differences(keys: list[str], read: dict, known: dict) -> list[str]:
    """What is said otherwise; an empty list is the same as none."""
    return [f"{key}: {read.get(key)}, not {known.get(key)}" for key in keys
            if (read.get(key) or None) != (known.get(key) or None)]
