"""How outcomes are shown: TAP lines, and a table for each kernel."""

import datetime
import re
import subprocess
import textwrap
from pathlib import Path

from . import kernels, machines
from .conform import UNLISTED
from .conform_pairs import known_pairs
from .runner import Outcome

RESULTS_PATH = Path(__file__).resolve().parents[3] / "docs" / "maintainers" / "lab-results.md"
DOCUMENT_WIDTH = 120  # columns of a document
MOST_DETAILS = 6  # details of a failure
SUMMED_UP = ("plans", "drivers", "conform")  # their last verdict says what came of all


class TAP:
    """Numbered lines; the good ones of a scenario are summed up unless all are wanted."""

    def __init__(self, is_verbose: bool):
        self.is_verbose = is_verbose
        self.number = 0
        self.failures = 0

    def show(self, outcome: Outcome):
        """Prints an outcome."""
        label = f"{outcome.bench.label} {outcome.scenario}"
        for verdict in outcome.verdicts:
            if verdict.is_good is True and not self.is_verbose:
                continue
            kind = {True: "ok", False: "not ok", None: "ok"}[verdict.is_good]
            what = f"{label}: {verdict.what}"
            self.line(kind, f"skip # SKIP {what}" if verdict.is_good is None else what)
            for detail in verdict.details[:MOST_DETAILS]:
                print(f"#   {detail}", flush=True)
        good, bad = outcome.count(True), outcome.count(False)
        if not self.is_verbose and not bad:
            last = outcome.verdicts[-1].what if outcome.scenario in SUMMED_UP else ""
            self.line("ok", f"{label}: {good} of {good} in {outcome.seconds:.0f} s {last}".rstrip())
        self.failures += bad

    def line(self, kind: str, text: str):
        """One numbered line."""
        self.number += 1
        print(f"{kind} {self.number} - {text.replace('#', '') if kind == 'not ok' else text}",
              flush=True)


def in_lab_order(outcomes: list[Outcome], scenarios) -> list[Outcome]:
    """By kernel, machine and scenario, however they were run."""
    names = [scenario.name for scenario in scenarios]
    machine_names = [machine.name for machine in machines.MACHINES]
    kernel_names = [name for recipe in kernels.RECIPES for name in recipe.kernel_names]
    return sorted(outcomes, key=lambda outcome: (
        kernel_names.index(outcome.bench.kernel.name),
        machine_names.index(outcome.bench.machine.name), names.index(outcome.scenario)))


def result_tables(outcomes: list[Outcome]) -> list[str]:
    """A table for each kernel: scenarios down, IOMMUs across."""
    lines = []
    for name in dict.fromkeys(outcome.bench.kernel.name for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.bench.kernel.name == name]
        cells = {(outcome.scenario, outcome.bench.machine.name): table_cell(outcome)
                 for outcome in own}
        across = list(dict.fromkeys(outcome.bench.machine.name for outcome in own))
        lines += ["", f"| {name} ({own[0].bench.kernel.version}) | {' | '.join(across)} |",
                  "|---|" + "---:|" * len(across)]
        for scenario in scenario_names(outcomes):
            row = [cells.get((scenario, machine), "–") for machine in across]
            if set(row) != {"–"}:
                lines.append(f"| {scenario} | {' | '.join(row)} |")
    return lines[1:]


def scenario_names(outcomes: list[Outcome]) -> list[str]:
    """The scenarios that ran anywhere."""
    return list(dict.fromkeys(outcome.scenario for outcome in outcomes))


def table_cell(outcome: Outcome) -> str:
    """Counts of one scenario: good, and bad or skipped if there are any."""
    text = f"{outcome.count(True)} ok"
    for count, word in ((outcome.count(False), "FAILED"), (outcome.count(None), "skip")):
        if count:
            text += f", {count} {word}"
    return text


def unseen_answers(outcomes: list[Outcome]) -> list[str]:
    """The answers that no generated program got anywhere, and those that are in no list."""
    details = [(known_pairs(outcome.bench.kernel), set(outcome.verdicts[-1].details))
               for outcome in outcomes if outcome.scenario == "conform"]
    if not details:
        return []
    unlisted = {line for _, lines in details for line in lines if line.startswith(UNLISTED)}
    got = {pair for there, lines in details for pair in there if " ".join(pair) not in lines}
    missing = {" ".join(pair) for there, _ in details for pair in there - got}
    return [f"answers that no program got: {', '.join(sorted(missing)) or 'none'}",
            *sorted(unlisted)]


def record_results(outcomes: list[Outcome], scenarios, seconds: float):
    """Writes the tables and the laws to docs/maintainers/lab-results.md."""
    laws = {scenario.name: scenario.law for scenario in scenarios}
    figures = [list_item(f"{outcome.bench.label}: {verdict.what}") for outcome in outcomes
               if outcome.scenario == "speed" for verdict in outcome.verdicts]
    bench = outcomes[0].bench
    skipped = [list_item(f"{outcome.bench.label} {outcome.scenario}: {verdict.what}")
               for outcome in outcomes for verdict in outcome.verdicts if verdict.is_good is None]
    lines = [
        "# What real kernels said", "",
        "Written by `make lab RECORD=1`; [the lab](kernel-lab.md) says what the scenarios are.", "",
        f"{datetime.date.today()}, {program_version('qemu-system-x86_64')}, "
        f"{seconds / 60:.0f} minutes without making kernels;",
        f"seed {bench.seed}, {bench.count} generated descriptions a machine.", "",
        *result_tables(outcomes), "", "What each scenario proves:", "",
        *[list_item(f"`{name}`: {laws[name]}") for name in scenario_names(outcomes)]]
    if figures:
        lines += ["", "Speed, inside the guests:", "", *figures]
    if skipped:
        lines += ["", "Skipped, and why:", "", *sorted(set(skipped))]
    RESULTS_PATH.write_text("\n".join(lines) + "\n")


def list_item(text: str) -> str:
    """An item of a list, no wider than documents are."""
    return textwrap.fill(text, DOCUMENT_WIDTH, initial_indent="- ", subsequent_indent="  ",
                         break_long_words=False, break_on_hyphens=False)


def program_version(program: str) -> str:
    """The first line of what a program says of its version."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return re.sub(r"\s*\(.*", "", text.splitlines()[0]) if text else program
