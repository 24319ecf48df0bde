"""`scripts/demo`: a PDF in, a question answered from it, every citation shown in place."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Mapping, Optional

from . import stack
from .citations import places, render, shortcoming
from .console import Fault, run_command, say
from .documents import Documents
from .paths import SAMPLES, temporary_data
from .settings import Settings
from .tokens import mint

USER = "user_demo"
BYTES_MAX = 50 * 1024 * 1024
SAMPLE = "fn-1175-sour-service-piping.pdf"
SAMPLE_QUESTION = "For how many hours are specimens exposed in the sulfide stress cracking test?"
BAD_ARGUMENT = 2


class Timings:
    """Seconds per part of the work, for the last line."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.last = self.started = time.monotonic()

    def lap(self, name: str, detail: str = "") -> None:
        """Ends one part."""
        now = time.monotonic()
        self.parts.append(f"{name} {now - self.last:.2f} s{detail}")
        self.last = now

    def line(self) -> str:
        """All parts and their sum."""
        return f"timings: {', '.join(self.parts)}, in all {time.monotonic() - self.started:.1f} s"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="demo",
        description="Sets everything up in .local/, starts the stack on free ports, ingests a PDF, asks a question, and "
        "prints the answer with every citation shown in place. Ends with 0 only if a verified citation came.",
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.pdf", help="default: the sample in samples/")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="default: one that fits the file")
    options = parser.parse_args()
    return run_command(lambda: _demonstrate(options.file, options.question))


def _demonstrate(given: Optional[Path], question: Optional[str]) -> int:
    file = _checked(given or _sample())
    if question is not None and not question.strip():
        raise Fault("the question is empty", BAD_ARGUMENT)
    if question is None and file.name == SAMPLE:
        question = SAMPLE_QUESTION
    timings = Timings()
    settings = Settings()
    programs = stack.prepare(settings)
    timings.lap("set-up and build")
    with temporary_data() as data, stack.running(settings, programs, data, "127.0.0.1:0", keep=False) as running:
        timings.lap("start")
        documents = Documents(running.url, mint(USER), running.check)
        document_id = documents.upload(file)
        try:
            document = documents.wait_ready(document_id)
            timings.lap("ingest", f" for {document.get('pages', '?')} pages")
            asked = question or f"What does {document.get('title') or file.stem} require?"
            print(f"Question: {asked}\n", flush=True)
            answer = documents.ask(asked)
            timings.lap("answer", _inside(answer))
            found = places(answer, documents.page_text)
            print(render(answer, found, colour=sys.stdout.isatty()))
            wrong = shortcoming(answer, found)
            print(f"\n{timings.line()}", flush=True)
        finally:
            if not (settings.needs_postgres and settings.needs_objects):
                # Somebody's own database or bucket: nothing stays behind in it.
                _remove(documents, document_id)
    if wrong:
        raise Fault(wrong)
    return 0


def _remove(documents: Documents, document_id: str) -> None:
    try:
        documents.delete(document_id)
    except Fault as fault:
        say(f"warning: document {document_id} stayed behind: {fault}")


def _inside(answer: Mapping[str, Any]) -> str:
    spent = answer.get("timings_ms") or {}
    return f" (search {spent['search']} ms, model {spent['model']} ms)" if {"search", "model"} <= set(spent) else ""


def _sample() -> Path:
    if (SAMPLES / SAMPLE).is_file():
        return SAMPLES / SAMPLE
    found = sorted(SAMPLES.glob("*.pdf"))
    if len(found) != 1:
        raise Fault(f"{SAMPLES} holds no {SAMPLE}. Name a PDF: scripts/demo FILE.pdf QUESTION", BAD_ARGUMENT)
    return found[0]


def _checked(file: Path) -> Path:
    """The file, if it looks like a PDF that the server would take."""
    if not file.exists():
        raise Fault(f"there is no file {file}. Usage: scripts/demo [FILE.pdf] [QUESTION]", BAD_ARGUMENT)
    if not file.is_file():
        raise Fault(f"{file} is not a file", BAD_ARGUMENT)
    try:
        with file.open("rb") as opened:
            head = opened.read(1024)
    except OSError as fault:
        raise Fault(f"{file} cannot be read: {fault.strerror}", BAD_ARGUMENT) from fault
    if b"%PDF-" not in head:
        raise Fault(f"{file} is not a PDF: it does not begin like one", BAD_ARGUMENT)
    if file.stat().st_size > BYTES_MAX:
        raise Fault(f"{file} is larger than {BYTES_MAX // 1024 // 1024} MiB, the most that is accepted", BAD_ARGUMENT)
    return file.resolve()
