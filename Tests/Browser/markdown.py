"""What GitHub's Markdown makes of a text, counted, next to what the text is to contain."""

import re
import subprocess
from collections import Counter
from html.parser import HTMLParser

# What a review consists of; anything else somebody brought in.
ELEMENTS = {"h3", "p", "strong", "em", "code", "ul", "ol", "li", "table", "thead", "tbody", "tr",
            "th", "td", "pre", "details", "summary", "br"}


class Page(HTMLParser):
    """The elements of a page, the text of its pictures, and whether elements nest as they should."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.pictures: list[str] = []
        self.is_picture = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements[tag] += 1
        self.open.append(tag)
        names = dict(attributes)
        if tag == "code" and "mermaid" in (names.get("class") or ""):
            self.is_picture = True
            self.pictures.append("")

    def handle_startendtag(self, tag, attributes):
        self.elements[tag] += 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
        if tag == "code":
            self.is_picture = False

    def handle_data(self, data):
        if self.is_picture:
            self.pictures[-1] += data


def rendered(program: str, text: str) -> Page:
    """The page that a text becomes, with GitHub's extensions."""
    result = subprocess.run(
        [program, "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough",
         "-e", "tasklist"], input=text, text=True, capture_output=True, check=True)
    return Page(result.stdout)


def problems(page: Page, text: str, rows: int | None) -> list[str]:
    """How a page is not what its text is to become."""
    found = [f"element '{tag}'" for tag in page.elements if tag not in ELEMENTS]
    found += [f"'{tag}' is not closed in order" for tag in page.wrong]
    tables = len(re.findall(r"^\|(---\|)+$", text, re.M))
    if page.elements["table"] != tables or tables == 0:
        found.append(f"{page.elements['table']} tables, not {tables}")
    if rows is not None and page.elements["tr"] != rows:
        found.append(f"{page.elements['tr']} rows, not {rows}")
    if page.elements["details"] != 1 or page.elements["summary"] != 1:
        found.append(f"{page.elements['details']} folded parts, not 1")
    blocks = len(re.findall(r"^```+[a-z]+$", text, re.M))
    if page.elements["pre"] != blocks or len(page.pictures) != 1:
        found.append(f"{page.elements['pre']} blocks of code, not {blocks}, "
                     f"{len(page.pictures)} pictures")
    return found
