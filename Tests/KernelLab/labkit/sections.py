"""A guest's script, and what it prints, cut into sections: a line `== words` begins one."""

import re
from dataclasses import dataclass

from .scenario import GUEST, Verdict


@dataclass(frozen=True)
class Section:
    """The words of a section's first line, and the lines below it."""

    words: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def guest_script(name: str) -> bytes:
    """A script that runs in the guest."""
    return (GUEST / f"{name}.sh").read_bytes()


def read_sections(text: str) -> list[Section]:
    """Every section of a text, in order."""
    sections: list[Section] = []
    for line in text.splitlines():
        if line.startswith("== "):
            sections.append(Section(tuple(line.split()[1:]), ()))
        elif sections:
            last = sections[-1]
            sections[-1] = Section(last.words, (*last.lines, line))
    return sections


def grouped_sections(sections: list[Section], first: str) -> list[dict[str, Section]]:
    """Sections that belong together, by their first word; each group begins with `first`."""
    groups: list[dict[str, Section]] = []
    for section in sections:
        if section.words[0] == first:
            groups.append({})
        if groups:
            groups[-1][section.words[0]] = section
    return groups


def unwrapped(text: str) -> str:
    """A text with each finding on one line again, however wide the screen was."""
    return re.sub(r"\n    (?=[^ |])", " ", text)


def judge_sections(text: str, expected: dict[str, tuple]) -> list[Verdict]:
    """A verdict for each case of a text whose sections are named by their first word; of each the
    status is expected, the lines that are wanted, and those that are not."""
    found = {section.words[0]: section for section in read_sections(text)}
    return [judge_section(case, found.get(case), *wanted) for case, wanted in expected.items()]


def judge_section(what: str, section: Section | None, status: int, wanted: list[str],
                  unwanted: tuple[str, ...] = ()) -> Verdict:
    """What a section should have said, ended with (`status N`) and left behind: nothing."""
    if section is None:
        return Verdict(False, f"{what} was not tried")
    said, _, left = section.text.rpartition("status ")
    ended, _, left = left.partition("\n")
    said = unwrapped(said)
    problems = [f"no line like {pattern}" for pattern in wanted
                if not re.search(pattern, said, re.M)]
    problems += [f"a line like {pattern}" for pattern in unwanted if re.search(pattern, said, re.M)]
    problems += [f"status {ended}, not {status}"] if ended != str(status) else []
    problems += [f"left behind: {left}"] if left.strip() else []
    return Verdict(not problems, what, (*problems, *section.lines) if problems else ())
