"""Shows an answer with each citation in its place, and checks that the place holds the quoted words."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Any, Callable, Mapping

CONTEXT_CHARACTERS = 60
WIDTH = 100
VERIFIED = ("verified", "corrected")
HIGHLIGHT = ("\x1b[1;7m", "\x1b[0m")
MARKS = ("«", "»")
# What a terminal would obey rather than show; a document's text is not to be trusted with it.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Place:
    """A citation held against the stored text of its page."""

    citation: Mapping[str, Any]
    page_text: str

    @property
    def start(self) -> int:
        """First character of the quote, in code points."""
        return int(self.citation["char_start"])

    @property
    def end(self) -> int:
        """One past its last character."""
        return int(self.citation["char_end"])

    def holds(self) -> bool:
        """Whether the range lies within the page and its slice equals the quote, character by character."""
        within = 0 <= self.start < self.end <= len(self.page_text)
        return within and self.page_text[self.start : self.end] == self.citation["quote"]

    def proves(self) -> bool:
        """Whether it counts as a verified citation."""
        return self.holds() and self.citation.get("verification") in VERIFIED

    def heading(self) -> str:
        """Where it is, in words."""
        about = self.citation
        range_text = f"characters {self.start}–{self.end}"
        verdict = about.get("verification", "unverified") if self.holds() else "does NOT match the stored page"
        return f"[{about['marker']}] {printable(about['title'])}, page {about['page']}, {range_text} ({verdict})"

    def in_place(self, marks: tuple[str, str]) -> str:
        """The quote between `marks`, amid what stands around it."""
        if not self.holds():
            found = printable(self.page_text[max(0, self.start) : max(0, self.end)])
            return f"quoted: {printable(str(self.citation['quote']))}\nstored: {found}"
        before = self.page_text[max(0, self.start - CONTEXT_CHARACTERS) : self.start]
        after = self.page_text[self.end : self.end + CONTEXT_CHARACTERS]
        lead = "…" if self.start > CONTEXT_CHARACTERS else ""
        tail = "…" if self.end + CONTEXT_CHARACTERS < len(self.page_text) else ""
        quote = printable(self.page_text[self.start : self.end])
        return f"{lead}{printable(before, keep_ends=True)}{marks[0]}{quote}{marks[1]}{printable(after, keep_ends=True)}{tail}"


def printable(text: str, keep_ends: bool = False) -> str:
    """On one line, without control characters."""
    single = re.sub(r"\s+", " ", CONTROLS.sub("", text))
    return single if keep_ends else single.strip()


def places(answer: Mapping[str, Any], page_text: Callable[[str, int], str]) -> list[Place]:
    """Every citation of the answer with the text of its page, each page fetched once."""
    pages: dict[tuple[str, int], str] = {}
    for citation in answer.get("citations", []):
        key = (citation["document_id"], citation["page"])
        if key not in pages:
            pages[key] = page_text(*key)
    return [Place(each, pages[each["document_id"], each["page"]]) for each in answer.get("citations", [])]


def render(answer: Mapping[str, Any], found: list[Place], colour: bool) -> str:
    """The answer and its citations, as the reader sees them."""
    paragraphs = str(answer.get("answer", "")).splitlines()
    lines = [textwrap.fill(printable(paragraph), WIDTH) for paragraph in paragraphs]
    for place in found:
        shown = place.in_place(HIGHLIGHT if colour else MARKS)
        lines += ["", place.heading()]
        lines += [textwrap.fill(line, WIDTH, initial_indent="    ", subsequent_indent="    ") for line in shown.splitlines()]
    return "\n".join(lines)


def shortcoming(answer: Mapping[str, Any], found: list[Place]) -> str:
    """Why this answer proves nothing, or an empty string."""
    if answer.get("refused"):
        return "the answer was refused: the document holds no strong enough evidence for this question"
    if not str(answer.get("answer", "")).strip():
        return "the answer is empty"
    wrong = [str(place.citation["marker"]) for place in found if not place.holds()]
    if wrong:
        return f"citation {', '.join(wrong)} does not match the stored text of its page"
    if not any(place.proves() for place in found):
        return "the answer came without a verified citation"
    return ""
