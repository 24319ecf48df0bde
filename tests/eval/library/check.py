#!/usr/bin/env python3
"""Checks the question set against the documents: every gold quote stands on its page and on no other, every absent fact is
absent. `python3 check.py` says what is wrong and counts the kinds; `--pages` writes anew on which page each quote stands.

Needs nothing but libpdfium, the one that `scripts/test` puts into `.local/pdfium` (or TEST_PDFIUM_LIBRARY).
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, Iterator

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parents[2] / ".local" / "pdfium" / ("libpdfium.dylib" if sys.platform == "darwin" else "libpdfium.so")

ANSWERABLE = ("fact", "table", "paraphrase", "number", "designation", "version", "multi", "comparison", "german", "french", "spanish")
UNANSWERABLE = ("absent", "near", "other_document", "false_premise")
# How many questions of a kind there are at least.
FLOORS = {"paraphrase": 40, "table": 25, "version": 15, "number": 10, "designation": 10, "fact": 10, "near": 20}
ANSWERABLE_MIN, UNANSWERABLE_MIN, DOCUMENTS_MIN = 120, 40, 24
SIZE_MAX = 60_000


class Pdfium:
    """As much of libpdfium as reads a page's text."""

    def __init__(self, library: Path) -> None:
        self._lib = ctypes.CDLL(str(library))
        for name in ("FPDF_LoadMemDocument", "FPDF_LoadPage", "FPDFText_LoadPage"):
            getattr(self._lib, name).restype = ctypes.c_void_p
        self._lib.FPDFText_GetUnicode.restype = ctypes.c_uint
        self._lib.FPDF_InitLibrary()

    def pages(self, data: bytes) -> list[str]:
        """The text of each page, as it is drawn."""
        document = ctypes.c_void_p(self._lib.FPDF_LoadMemDocument(data, len(data), None))
        if not document:
            raise ValueError("not a PDF")
        try:
            return [self._page(document, index) for index in range(self._lib.FPDF_GetPageCount(document))]
        finally:
            self._lib.FPDF_CloseDocument(document)

    def _page(self, document: ctypes.c_void_p, index: int) -> str:
        page = ctypes.c_void_p(self._lib.FPDF_LoadPage(document, index))
        text = ctypes.c_void_p(self._lib.FPDFText_LoadPage(page))
        try:
            codes = (self._lib.FPDFText_GetUnicode(text, at) for at in range(self._lib.FPDFText_CountChars(text)))
            return "".join(map(chr, codes))
        finally:
            self._lib.FPDFText_ClosePage(text)
            self._lib.FPDF_ClosePage(page)


def folded(text: str) -> str:
    """One space for each run of white space; ligatures in letters; no hyphen after a letter, so that it is the same whether a
    line's end, the typesetter or the writer put it there."""
    text = unicodedata.normalize("NFKC", text.replace("\ufb01", "fi").replace("\ufb02", "fl"))
    # libpdfium says U+0002 for a hyphen at a line's end.
    text = re.sub(r"[\x02\ufffe\xad]\s*", "-", text)
    text = re.sub(r"(?<=[^\W\d_])[-\u2010]\s*(?=\w)", "", text)
    return re.sub(r"\s+", " ", text).replace("\u2212", "-").strip()


def holds(page: str, words: str) -> bool:
    """Whether the folded words stand in the folded page as whole words and whole numbers."""
    ends = (r"(?<![\w.,])" if words[:1].isalnum() else "", r"(?![\w])(?![.,]\d)" if words[-1:].isalnum() else "")
    return re.search(ends[0] + re.escape(words) + ends[1], page) is not None


def sentences(page: str) -> list[str]:
    """A table without full stops is one sentence: rather too long than too short."""
    return re.split(r"(?<=[.!?])\s+(?=[A-ZÄÖÜÉÀ¿„0-9-])", page)


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def library() -> Path:
    return Path(os.environ.get("TEST_PDFIUM_LIBRARY") or LIBRARY)


def texts() -> dict[str, list[str]]:
    """File → its pages, folded."""
    pdfium = Pdfium(library())
    return {path.name: [folded(page) for page in pdfium.pages(path.read_bytes())] for path in sorted(HERE.glob("*.pdf"))}


def places(pages: dict[str, list[str]], quote: str) -> list[tuple[str, int]]:
    """Every page that holds the quote."""
    words = folded(quote)
    return [(file, number) for file, found in pages.items() for number, page in enumerate(found, 1) if holds(page, words)]


def problems() -> list[str]:
    """All that is wrong with documents.jsonl and questions.jsonl."""
    pages = texts()
    questions = read("questions.jsonl")
    return [*_documents(pages), *_counts(questions), *(problem for question in questions for problem in _question(question, pages))]


def _documents(pages: dict[str, list[str]]) -> Iterator[str]:
    listed = {document["file"]: document for document in read("documents.jsonl")}
    if set(listed) != set(pages) or len(pages) < DOCUMENTS_MIN:
        yield f"documents.jsonl lists {len(listed)} files, the folder has {len(pages)}; at least {DOCUMENTS_MIN} are wanted"
    for file, document in listed.items():
        pdf = HERE / file
        for path, digest in ((pdf, document["sha256"]), (pdf.with_suffix(".md"), document["source_sha256"])):
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                yield f"{path.name} is not the one that documents.jsonl names: run make.py"
        if len(pages.get(file, [])) != document["pages"] or not 3 <= document["pages"] <= 8:
            yield f"{file}: {len(pages.get(file, []))} pages"
        if pdf.stat().st_size > SIZE_MAX:
            yield f"{file}: {pdf.stat().st_size} bytes"


def _counts(questions: list[dict[str, Any]]) -> Iterator[str]:
    kinds = Counter(question["kind"] for question in questions)
    yield from (f"{kind}: {kinds[kind]} questions, {floor} are wanted" for kind, floor in FLOORS.items() if kinds[kind] < floor)
    for some, least in ((ANSWERABLE, ANSWERABLE_MIN), (UNANSWERABLE, UNANSWERABLE_MIN)):
        if sum(kinds[kind] for kind in some) < least:
            yield f"fewer than {least} questions of the kinds {', '.join(some)}"
    for name in ("id", "question"):
        seen = Counter(re.sub(r"\W+", " ", question[name]).strip().lower() for question in questions)
        yield from (f"{name} {value!r} stands {count} times" for value, count in seen.items() if count > 1)


def _question(question: dict[str, Any], pages: dict[str, list[str]]) -> Iterator[str]:
    name = question["id"]
    if question.get("answerable") is False:
        if question["kind"] not in UNANSWERABLE or not question.get("absent_terms"):
            yield f"{name}: kind or absent_terms"
            return
        wanted = [re.compile(term, re.IGNORECASE) for term in map(folded, question["absent_terms"])]
        for file, found in pages.items():
            for number, page in enumerate(found, 1):
                both = (sentence for sentence in sentences(page) if all(term.search(sentence) for term in wanted))
                yield from (f"{name}: {file} p. {number} says {sentence[:200]!r}" for sentence in both)
        return
    if question["kind"] not in ANSWERABLE:
        yield f"{name}: no such kind: {question['kind']}"
    proofs = [question, *question.get("also", [])]
    for proof in proofs:
        given = {(proof["document"], number) for number in [proof["page"], *proof.get("pages", [])]}
        given |= {(other["document"], other["page"]) for other in proof.get("alternatives", [])}
        found = set(places(pages, proof["quote"]))
        if found != given:
            yield f"{name}: {proof['quote']!r} stands on {sorted(found)}, not on {sorted(given)}"
    gold = " ".join(folded(proof["quote"]) for proof in proofs)
    for answer in question["answer_contains"]:
        if not holds(gold, folded(answer)):
            yield f"{name}: {answer!r} is in no quote"


def write_pages() -> None:
    """Puts the page at which each quote now stands into questions.jsonl; `problems` then says what became ambiguous."""
    pages, questions = texts(), read("questions.jsonl")
    for question in questions:
        for proof in (question, *question.get("also", [])) if question.get("answerable", True) else ():
            found = places(pages, proof["quote"])
            own = [number for file, number in found if file == proof["document"]]
            if own:
                proof["page"] = own[0]
            for other in proof.get("alternatives", []):
                other["page"] = next((number for file, number in found if file == other["document"]), other["page"])
    text = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    (HERE / "questions.jsonl").write_text(text, "utf-8", newline="\n")


def main(arguments: list[str]) -> int:
    if arguments == ["--pages"]:
        write_pages()
    found = problems()
    print("\n".join(found))
    questions = read("questions.jsonl")
    kinds = Counter(question["kind"] for question in questions)
    print(f"{len(read('documents.jsonl'))} documents, {sum(document['pages'] for document in read('documents.jsonl'))} pages")
    print(f"{sum(kinds[kind] for kind in ANSWERABLE)} answerable: {', '.join(f'{kind} {kinds[kind]}' for kind in ANSWERABLE)}")
    print(f"{sum(kinds[kind] for kind in UNANSWERABLE)} unanswerable: {', '.join(f'{kind} {kinds[kind]}' for kind in UNANSWERABLE)}")
    print(f"{len(found)} problems" if found else "all well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
