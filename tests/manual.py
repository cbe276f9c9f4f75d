#!/usr/bin/python3
"""The documentation is in step with the program.

    manual.py TOP POSTERN
"""
import re
import subprocess
import sys
from pathlib import Path


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def plain(roff: str) -> str:
    """The words of a page without its macros' fonts and escapes."""
    return re.sub(r"\\f[BIRP]", "", roff).replace("\\-", "-").replace("\\e", "\\")


def generated(top: Path, postern: str):
    for what, page in (("man", "man/postern.conf.5"), ("tags", "docs/tags.md")):
        if run(postern, "config", what) != (top / page).read_text():
            yield f"{page} is out of step: postern config {what} > {page}"


def options_of(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def pages(top: Path, postern: str):
    overview = plain((top / "man/postern.8").read_text())
    installed = (top / "man/meson.build").read_text()
    for page in (top / "man").glob("*.[158]"):
        if f"'{page.name}'" not in installed:
            yield f"man/{page.name} is not installed"
    for command, summary in re.findall(r"^  (\S+) +(.+)$", run(postern, "--help"), re.M):
        if f"postern-{command} (" not in overview or summary not in overview:
            yield f"man/postern.8 does not list: {command}, {summary}"
        found = list((top / "man").glob(f"postern-{command}.[18]"))
        if not found:
            yield f"postern {command} has no page man/postern-{command}.8"
            continue
        roff = found[0].read_text()
        described = options_of(plain("\n".join(re.findall(r"^\.TP\n(\\fB\\-.*)$", roff, re.M))))
        offered = options_of("\n".join(re.findall(r"^  +(-.*?)(?:  |$)", run(postern, command, "--help"), re.M)))
        for option in offered - described:
            yield f"man/{found[0].name} does not describe {option}"
        for option in described - offered:
            yield f"man/{found[0].name} describes {option}, which there is not"


LOG_CALL = re.compile(r"\b(?:session_log|message_log|log_event)\s*\([^;]*;")
FIRST_STRING = re.compile(r'[^"]*?(\?\s*)?"([^"]*)"(?:\s*:\s*"([^"]*)")?')
VERB_LINES = re.compile(r"verb_lines\[VERB_COUNT\] = \{(.*?)\};", re.S)


def log_tags(top: Path) -> set[str]:
    tags = set()
    for path in (*(top / "src").rglob("*.c"), *(top / "src").rglob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for call in LOG_CALL.findall(text):
            first = FIRST_STRING.match(call)  # none: the tag comes from a table, and the format has a semicolon
            if first:
                tags |= {word for word in first.groups()[1 : 3 if first[1] else 2] if "%" not in word}
        for macro in re.findall(r'#define log_\w+\(\.\.\.\)\s+log_event\(\w+, NULL, "([^"]+)"', text):
            tags.add(macro)
        for table in VERB_LINES.findall(text):
            tags |= set(re.findall(r'"([^"]+)"', table))
    return tags


def log_reference(top: Path, _postern: str):
    page = (top / "docs/log.md").read_text()
    tags = log_tags(top)
    if not {"connect from", "REJECT:", "config:", "milter:", "warning:", "eom"} <= tags:
        yield f"this test does not see what is logged any more: {sorted(tags)}"
    for tag in sorted(tags):
        if f"| `{tag}` |" not in page:
            yield f"docs/log.md does not explain `{tag}`"
    for tag in re.findall(r"^\| `([^`]+)` \|", page, re.M):
        if tag not in tags:
            yield f"docs/log.md explains `{tag}`, which nothing logs"


def macros(top: Path, _postern: str):
    table = re.search(r"lists\[\] = \{(.*?)\{0, NULL\}", (top / "src/mta/negotiate.c").read_text(), re.S)[1]
    page = (top / "docs/mta.md").read_text()
    names = re.findall(r"\{\w+\}|\b[a-z_]\b", " ".join(re.findall(r'"([^"]*)"', table)))
    if "j" not in names or "{client_ptr}" not in names:
        yield "this test does not see the macros any more"
    for name in dict.fromkeys(names):
        if f"`{name}`" not in page:
            yield f"docs/mta.md does not name the macro {name}"


def main(top: Path, postern: str) -> int:
    complaints = [text for check in (generated, pages, log_reference, macros) for text in check(top, postern)]
    print("\n".join(complaints))
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
