#!/usr/bin/env python3
"""Writes a manual page for vfioplan and one for each of its commands, from the program's own help.

    manual.py --binary PATH --output FOLDER [--date YYYY-MM-DD]

The parser's description of itself (--experimental-dump-help) has the options; the examples are below.
A command without an example is an error. The same program and date give the same bytes.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

# What is typed, and what comes of it.
EXAMPLES = {
    "host": [
        ("vfioplan host", "What this machine can give to a VM, and what comes with it."),
        ("vfioplan host gpu", "The graphics cards alone."),
        ("vfioplan host --format yaml > host.yaml", "A description of it, for --host."),
        ("vfioplan host --capture rack7.tar.gz", "The files that the facts come from, to look at elsewhere."),
        ("vfioplan host --format nfd > /etc/kubernetes/node-feature-discovery/features.d/vfioplan",
         "Labels for a Kubernetes node."),
    ],
    "compile": [
        ("vfioplan compile vm.yaml", "The verdict for this machine, and what would help."),
        ("vfioplan compile vm.yaml --host host.yaml -o plan.json", "A plan for another one, to review and apply."),
        ("vfioplan compile vm.yaml --as qemu", "What QEMU makes of the same devices."),
        ("vfioplan compile vm.yaml --hosts rack/", "Which of many hosts can run it, the best first."),
    ],
    "apply": [
        ("vfioplan apply vm.yaml --simulate", "Run the program on the simulator."),
        ("vfioplan apply plan.json --check", "Does this kernel accept it? Everything is undone."),
        ("vfioplan apply plan.json -- qemu-system-x86_64 ...", "Hold the plan for as long as a command runs."),
    ],
    "restore": [("vfioplan restore", "Give devices back after a run that was killed.")],
    "diff": [
        ("vfioplan diff old.json vm.yaml", "What follows from a change, the worst first."),
        ("vfioplan diff old.yaml new.yaml --exit-code", "Status 2 if the decision changes."),
    ],
    "check": [("vfioplan check vms/ --as libvirt --strict", "Every VM of this host, alone and all together.")],
    "explain": [
        ("vfioplan explain VP2003", "What a finding means, and what to do."),
        ("vfioplan explain group 1 is not viable", "What a line of a log means."),
    ],
    "schema": [("vfioplan schema vm > vm.schema.json", "A schema for your editor.")],
    "import": [("virsh dumpxml win11 | vfioplan import -", "A description of what a libvirt domain has.")],
    "init": [("vfioplan init gpu", "A first description, with the reasons in it.")],
    "status": [("vfioplan status", "What is in force, and what an interrupted run left.")],
    "emulate": [("vfioplan emulate --host host.yaml -- ./program",
                 "Run a program on the simulated host, without hardware.")],
    "hook": [("vfioplan hook libvirt win11 prepare begin - < domain.xml", "What libvirt asks before a start.")],
    "change": [("vfioplan change old.yaml new.yaml", "The steps from one plan to another.")],
}
STATUS = [
    ("0", "Done; warnings may have been shown."),
    ("1", "The description, a policy or a promise: it can't be compiled, or is broken."),
    ("2", "diff --exit-code found changes; with --strict, warnings and no error."),
    ("64", "The command line is wrong."), ("66", "An input can't be read."),
    ("69", "This host or target can't do it."), ("71", "A system call failed and everything was undone."),
    ("73", "An output can't be written, or a socket not made."),
    ("74", "A system call failed and something could not be undone; the message lists what is left."),
    ("77", "Not permitted."), ("126, 127", "COMMAND can't be run, isn't there."), ("128+N", "Ended by signal N."),
]
VARIABLES = [
    ("NO_COLOR", "If set to anything, nothing is coloured."),
    ("COLUMNS", "The width of lines where the output is not a terminal."),
    ("VFIOPLAN_PCI_IDS", "The file with the names of devices, in place of the system's pci.ids."),
]


def escaped(text):
    """Text in which nothing is taken for a request or an escape of roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def italic(text):
    return f"\\fI{escaped(text)}\\fR"


def paragraph(text):
    """Filled text: two spaces or line breaks mean nothing in it."""
    return escaped(re.sub(r"\s+", " ", text).strip())


def sentence(text):
    return text if text.endswith((".", ")")) else text + "."


class Page:
    def __init__(self, name, title, version, date):
        head = escaped(name.upper())
        self.lines = [f'.TH "{head}" 1 "{date}" "vfioplan {escaped(version)}" "User Commands"', ".nh", ".ad l",
                      ".SH NAME", f"{escaped(name)} \\- {paragraph(title).rstrip('.')}"]

    def section(self, title, *lines):
        self.lines += [f".SH {title}", *lines]

    def items(self, pairs):
        for label, text in pairs:
            self.lines += [".TP", label, paragraph(text)]

    def text(self):
        return "\n".join(self.lines) + "\n"


def words(argument):
    """How an argument is typed: its names, and what stands for its value."""
    value = italic(argument["valueName"])
    if argument["kind"] == "positional":
        return value + (" ..." if argument["isRepeating"] else "")
    names = ", ".join(bold(("--" if name["kind"] == "long" else "-") + name["name"])
                      for name in argument["names"])
    return names if argument["kind"] == "flag" else f"{names} {value}"


def meaning(argument):
    parts = [sentence(argument.get("abstract") or "Show this.")]
    if argument.get("discussion"):
        parts.append(argument["discussion"])
    values = [value for value in argument.get("allValues", []) if " " not in value]
    is_said = all(value in parts[0] for value in values)
    if values and argument["kind"] == "option" and not is_said:
        parts.append("Values: " + ", ".join(values) + ".")
    if argument.get("defaultValue") and argument["kind"] == "option":
        parts.append(f"Default: {argument['defaultValue']}.")
    return " ".join(parts)


def shown(command):
    return [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]


def parts(command):
    """The commands of a command."""
    return [part for part in command.get("subcommands", [])
            if part["shouldDisplay"] and part["commandName"] != "help"]


def synopsis(command, name):
    parts = [bold(name)]
    arguments = shown(command)
    if any(argument["kind"] != "positional" for argument in arguments):
        parts.append("[" + italic("options") + "]")
    for argument in arguments:
        if argument["kind"] == "positional":
            is_last = argument["parsingStrategy"] in ("postTerminator", "allRemainingInput")
            text = ("\\-\\- " if is_last else "") + words(argument)
            parts.append(f"[{text}]" if argument["isOptional"] else text)
    return " ".join(parts)


def command_page(command, version, date):
    name = command["commandName"]
    page = Page("vfioplan-" + name, command["abstract"], version, date)
    lines = [synopsis(part, f"vfioplan {name} {part['commandName']}") for part in parts(command)]
    page.section("SYNOPSIS", "\n.br\n".join(lines) if lines else synopsis(command, "vfioplan " + name))
    more = command.get("discussion")
    page.section("DESCRIPTION", paragraph(command["abstract"]), *([".PP", paragraph(more)] if more else []))
    for title, is_positional in ("ARGUMENTS", True), ("OPTIONS", False):
        wanted = [argument for argument in shown(command) if (argument["kind"] == "positional") == is_positional]
        if wanted:
            page.section(title)
            page.items((words(argument), meaning(argument)) for argument in wanted)
    for part in parts(command):
        page.section(escaped(f"{name} {part['commandName']}").upper(),
                     synopsis(part, f"vfioplan {name} {part['commandName']}"), ".PP",
                     paragraph(part["abstract"] + " " + (part.get("discussion") or "")))
        page.items((words(argument), meaning(argument)) for argument in shown(part))
    if name not in EXAMPLES:
        sys.exit(f"scripts/manual.py has no example of 'vfioplan {name}'")
    page.section("EXAMPLES")
    page.items((bold(line), text) for line, text in EXAMPLES[name])
    page.section("EXIT STATUS", "See", ".BR vfioplan (1).")
    page.section("SEE ALSO", ".BR vfioplan (1)")
    return page.text()


def main_page(root, commands, version, date):
    page = Page("vfioplan", root["abstract"], version, date)
    page.section("SYNOPSIS", f"{bold('vfioplan')} {italic('command')} [{italic('options')}]")
    page.section("DESCRIPTION", paragraph(root["discussion"]))
    page.section("COMMANDS")
    page.items((f"\\fBvfioplan\\-{escaped(command['commandName'])}\\fR(1)", command["abstract"])
               for command in commands)
    page.section("EXIT STATUS")
    page.items((escaped(status), text) for status, text in STATUS)
    page.section("ENVIRONMENT")
    page.items((bold(name), text) for name, text in VARIABLES)
    page.section("EXAMPLES")
    page.items((bold(line), text) for line, text in
               (EXAMPLES["host"][0], EXAMPLES["compile"][0], EXAMPLES["apply"][0]))
    pages = [f"\\fBvfioplan\\-{escaped(command['commandName'])}\\fR(1)" for command in commands]
    page.section("SEE ALSO", ",\n".join(pages))
    return page.text()


def pages(binary, date):
    """The text of each page by the name of its file."""
    said = [subprocess.run([binary, option], check=True, stdout=subprocess.PIPE, text=True).stdout
            for option in ("--experimental-dump-help", "--version")]
    root, version = json.loads(said[0])["command"], said[1].strip()
    commands = parts(root)
    found = {f"vfioplan-{command['commandName']}.1": command_page(command, version, date)
             for command in commands}
    return {"vfioplan.1": main_page(root, commands, version, date), **found}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--date", default="")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name, text in pages(options.binary, options.date).items():
        (options.output / name).write_text(text)


if __name__ == "__main__":
    main()
