"""Links in Markdown that point into this repository: the file exists, and the heading too."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

from .files import ROOT, files_named, text_of

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


def links() -> list[str]:
    return [problem for page in files_named(".md") for problem in _broken_in(page)]


def _broken_in(page: Path) -> list[str]:
    # Blank lines stand for what is cut out, so that line numbers stay true.
    prose = CODE.sub("", FENCED.sub(lambda fence: "\n" * fence[0].count("\n"), text_of(page)))
    broken = []
    for number, line in enumerate(prose.splitlines(), 1):
        for target in LINK.findall(line):
            place, _, heading = urllib.parse.unquote(target).partition("#")
            if re.match(r"[a-z]+:", place):
                continue
            base = ROOT if place.startswith("/") else (ROOT / page).parent
            found = (base / place.lstrip("/")).resolve() if place else ROOT / page
            if not found.exists():
                broken.append(f"{page}:{number}: {target} does not exist")
            elif heading and found.suffix == ".md" and heading.lower() not in _headings(found):
                broken.append(f"{page}:{number}: {target}: no such heading")
    return broken


def _headings(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    prose = FENCED.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+\s+(.+?)\s*#*$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)).lower().replace(" ", "-") for title in titles}
