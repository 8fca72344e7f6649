#!/usr/bin/env python3
"""Laws of reviews as Markdown and as HTML, in the programs that people read them with.

    review.py PROGRAM     renders what vfioplan writes with GitHub's Markdown, Mermaid and Chromium

Says what it skips. Exit code 0: all laws hold; 1: not.
"""

import json
import pathlib
import statistics
import sys
import tempfile

import markdown
import pages
import tools
from browser import Browser, Failed

FAILURES: list[str] = []
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]"
# Chromium's own sign of where the focus is, or one that is drawn.
FOCUS = """(() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  return [Array.from(document.querySelectorAll(%s)).indexOf(one),
          style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
})()""" % json.dumps(CONTROLS)
# Radio buttons of a group are one stop; what is folded away is none.
STOPS = """Array.from(document.querySelectorAll(%s)).map((one, index) => [one, index])
  .filter(([one]) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0
    && !(one.type === "radio" && !one.checked)).map(([, index]) => index)""" % json.dumps(CONTROLS)
TIMING = """(() => { const one = performance.getEntriesByType("navigation")[0];
  return one.loadEventEnd - one.startTime; })()"""


def law(name: str, problems: list[str]) -> None:
    """Prints how a law came out."""
    print(("not ok - " if problems else "ok - ") + name)
    for problem in problems[:12]:
        print(f"#   {problem}")
    if problems:
        FAILURES.append(name)


def skip(name: str, why: str) -> None:
    """Prints that a law was not tried."""
    print(f"ok - {name} # SKIP {why}")


def hidden(name: str, text: str, is_plan: bool) -> list[str]:
    """Answers that do not stand above the fold of a review: among its first 24 lines."""
    top = "\n".join(text.splitlines()[:24])
    wanted = ["host loses"] if is_plan or "becomes" in top else []
    wanted += ["ways out"] if "NON-COHERENT**" in top else []
    if not is_plan and "```mermaid" in text:
        wanted += ["**"] if "no changes" in top or "changes no" in top else ["| becomes |"]
    return [f"{name}: '{one}' is not above the fold" for one in wanted if one not in top]


def markdown_laws(program: str, folder: pathlib.Path) -> list[str]:
    """Rendered Markdown has what the text has; gives the pictures."""
    cmark = tools.cmark()
    if cmark is None:
        skip("Markdown becomes what it says", "no cmark-gfm")
        return []
    pictures, found, above, count = [], [], [], 0
    for name, text in pages.examples(program, "markdown"):
        page = markdown.rendered(cmark, text)
        devices = len(json.loads(pages.compiled(program, name))["devices"])
        found += [f"{name}: {one}" for one in markdown.problems(page, text, devices + 1)]
        above += hidden(name, text, True)
        pictures += page.pictures
        count += 1
    for name, text in pages.differences(program, "markdown"):
        above += hidden(name, text, False)
    for name, text in [*pages.differences(program, "markdown"), *pages.checks(program, "markdown")]:
        page = markdown.rendered(cmark, text)
        # What can't be compiled any more has findings, and nothing to draw.
        if "```mermaid" in text:
            found += [f"{name}: {one}" for one in markdown.problems(page, text, None)]
        pictures += page.pictures
        count += 1
    law(f"Markdown of {count} reviews becomes its tables, rows, folded parts, code", found)
    law("the answers stand above the fold of Markdown", above)
    vm, host = pages.hostile(folder)
    text = pages.run(program, "compile", vm, "--host", host, "--format", "markdown")
    page = markdown.rendered(cmark, text)
    law("names bring no element into Markdown", markdown.problems(page, text, 3))
    return pictures + page.pictures


def picture_law(browser: Browser, folder: pathlib.Path, pictures: list[str]) -> None:
    """Mermaid draws every picture."""
    script = tools.mermaid()
    if script is None or not pictures:
        skip("Mermaid draws every picture", "no node-mermaid" if pictures else "no pictures")
        return
    page = folder / "mermaid.html"
    page.write_text("<!doctype html><title>m</title><div id=place></div><script>"
                    + script.read_text().replace("</script", "<\\/script") + "</script>")
    browser.open(page)
    browser.evaluate("mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' })")
    found = []
    for number, picture in enumerate(pictures):
        try:
            drawn = browser.evaluate(
                f"mermaid.render('p{number}', {json.dumps(picture)}, undefined, "
                "document.getElementById('place'))")
            if "<svg" not in str(drawn) or "<script" in str(drawn):
                found.append(f"picture {number}: {str(drawn)[:80]}")
        except Failed as failure:
            found.append(f"picture {number}: {str(failure)[:200]}")
    law(f"Mermaid draws {len(pictures)} pictures", found)


def tab_law(browser: Browser) -> list[str]:
    """Tab reaches every control in the order of the document, and one sees where one is."""
    stops = browser.evaluate(STOPS)
    browser.evaluate("document.activeElement.blur()")
    found, reached = [], []
    for _ in stops:
        browser.press("Tab", 9)
        index, is_visible = browser.evaluate(FOCUS)
        reached.append(index)
        if not is_visible:
            found.append(f"the focus on control {index} is not seen")
    if reached != stops:
        found.append(f"Tab reaches {reached}, the controls are {stops}")
    return found


def search_law(browser: Browser, has_plan: bool) -> list[str]:
    """The search leaves the steps that have the word; the switch of a plan's hides words or calls."""
    visible = ("Array.from(document.querySelectorAll('#steps li')).filter((one) => "
               "one.checkVisibility()).length")
    total = browser.evaluate(visible)
    browser.evaluate("document.getElementById('search').focus()")
    browser.type("ioctl")
    fewer = browser.evaluate(visible)
    said = browser.evaluate("document.getElementById('found').value")
    found = [] if 0 < fewer < total else [f"{fewer} of {total} steps are left"]
    found += [] if said == f"{fewer} of {total} steps" else [f"the page says '{said}'"]
    if not has_plan:
        return found
    browser.evaluate("document.querySelector('input[value=words]').click()")
    if browser.evaluate("document.querySelector('#steps li:not([hidden]) .call')"
                        ".checkVisibility()"):
        found.append("calls are shown with the words alone")
    return found


def accessibility_law(browser: Browser, axe: str) -> list[str]:
    """axe-core finds nothing serious, in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.evaluate(axe + "; 0")
        result = browser.evaluate("axe.run(document).then((one) => one.violations.map("
                                  "(v) => [v.impact, v.id, v.nodes[0].html]))")
        found += [f"{scheme}: {impact}: {name}: {html[:120]}" for impact, name, html in result
                  if impact in ("serious", "critical")]
    browser.scheme("light")
    return found


def answers_law(browser: Browser) -> list[str]:
    """Verdict, reasons, ways out and what the host loses stand on the first screen."""
    below = browser.evaluate(
        "['h1', '.verdict', '#changes', '#losses', '#ways'].filter((one) => document.querySelector(one) "
        "&& document.querySelector(one).getBoundingClientRect().bottom > innerHeight)")
    return [f"'{one}' is below the first screen" for one in below]


def page_laws(browser: Browser, program: str, folder: pathlib.Path) -> None:
    """Every page renders, by itself, and can be used by everybody."""
    axe = tools.axe()
    broken, tabs, search, access, answers, count = [], [], [], [], [], 0
    for name, text in [*pages.examples(program, "html"), *pages.differences(program, "html"),
                       *pages.checks(program, "html"), *pages.runs(program, "html")]:
        page = folder / f"{name}.html"
        page.write_text(text)
        browser.open(page)
        broken += [f"{name}: {one}" for one in browser.complaints()]
        has_plan = browser.evaluate("document.getElementById('losses') !== null")
        if has_plan and not browser.evaluate("document.querySelector('svg rect') !== null"):
            broken.append(f"{name}: no picture")
        answers += [f"{name}: {one}" for one in answers_law(browser)]
        tabs += [f"{name}: {one}" for one in tab_law(browser)]
        if axe:
            access += [f"{name}: {one}" for one in accessibility_law(browser, axe)]
        if browser.evaluate("document.getElementById('search') !== null"):
            search += [f"{name}: {one}" for one in search_law(browser, has_plan)]
        count += 1
    law(f"{count} pages render, load nothing and complain of nothing", broken)
    law("the answers stand on the first screen", answers)
    law("Tab reaches every control in order, and the focus is seen", tabs)
    law("search and switch do what they say", search)
    if axe:
        law("axe-core finds nothing serious or critical, light and dark", access)
    else:
        skip("axe-core finds nothing serious or critical", "PyPI can't be reached")


def hostile_law(browser: Browser, program: str, folder: pathlib.Path) -> None:
    """Names are text: no script, no element, no dialog, no change of direction."""
    vm, host = pages.hostile(folder)
    page = folder / "hostile.html"
    page.write_text(pages.run(program, "compile", vm, "--host", host, "--format", "html"))
    browser.open(page)
    found = browser.complaints()
    tags = set(browser.evaluate(
        "Array.from(new Set(Array.from(document.querySelectorAll('*')).map("
        "(one) => one.tagName.toLowerCase())))"))
    browser.open(next(folder.glob("igd-and-nic.html")))
    usual = set(browser.evaluate(
        "Array.from(new Set(Array.from(document.querySelectorAll('*')).map("
        "(one) => one.tagName.toLowerCase())))"))
    found += [f"element '{tag}'" for tag in sorted(tags - usual - {"em", "strong", "br"})]
    browser.open(page)
    if browser.evaluate("document.scripts.length") != 1:
        found.append("more than one script")
    text = browser.evaluate("document.documentElement.textContent")
    found += [f"U+{ord(one):04X} in the page" for one in "\u202e\u2066\u2069" if one in text]
    if "<script>alert(1)</script>" not in text:
        found.append("the name is not shown")
    law("a description full of markup does nothing in a page", found)


def size_law(browser: Browser, program: str, folder: pathlib.Path) -> None:
    """1,000 devices are there within 2 seconds."""
    vm, host = pages.many(folder, 1000)
    page = folder / "many.html"
    page.write_text(pages.run(program, "compile", vm, "--host", host, "--format", "html"))
    times = []
    for _ in range(3):
        browser.open(page)
        times.append(browser.evaluate(TIMING))
    median = statistics.median(times)
    law(f"1,000 devices load in {median:.0f} ms (limit 2000), {page.stat().st_size} bytes",
        [] if median < 2000 else [f"{times}"])


def main(program: str) -> int:
    """Tries all laws."""
    program = str(pathlib.Path(program).resolve())
    with tempfile.TemporaryDirectory(prefix="vfioplan-review-") as place:
        folder = pathlib.Path(place)
        pictures = markdown_laws(program, folder)
        chromium = tools.chromium()
        if chromium is None:
            skip("pages and pictures in a browser", "no chromium")
        else:
            with Browser(chromium) as browser:
                picture_law(browser, folder, pictures)
                page_laws(browser, program, folder)
                hostile_law(browser, program, folder)
                size_law(browser, program, folder)
    print(f"reviews: {len(FAILURES)} laws broken")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
