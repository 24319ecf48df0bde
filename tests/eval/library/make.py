#!/usr/bin/env python3
"""Sets every document of this folder (`*.md` that opens with a head between `---` lines) as a PDF, and lists them in
documents.jsonl. The same input gives the same bytes. `samples/typeset.py` says which packages and fonts it needs.

    python3 -m venv /tmp/sample && /tmp/sample/bin/pip install reportlab==5.1.0 pyphen==0.18.1
    /tmp/sample/bin/python tests/eval/library/make.py
"""
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parents[2] / "samples"))

from reportlab.lib.colors import HexColor, black
from reportlab.lib.pagesizes import A4, A5, LETTER, landscape
from reportlab.lib.units import mm
from reportlab.platypus import HRFlowable, PageBreak, PageTemplate, Paragraph, Spacer
from reportlab.platypus.tableofcontents import TableOfContents

from typeset import Document, Look, Setter, faces

LOOKS = {
    # Embedded type with ligatures, as publishers set it.
    "standard": Look(text="Book", display="Helvetica", margins=(25, 25, 27, 28), scale=1.05, air=1.1),
    "report": Look(text="Book", display="Helvetica", margins=(32, 28, 28, 30), scale=1.12, air=1.15, ink="#5a2a27", shade="#f4eceb", justified=False),
    # Two columns.
    "paper": Look(text="Times", display="Helvetica", margins=(24, 24, 27, 28), scale=1.12, air=1.12, ink="#222222", ligatures=False),
    "manual": Look(text="Helvetica", display="Helvetica", margins=(30, 28, 28, 28), scale=1.04, air=1.15, ink="#0b5d4f", shade="#e4f1ee", justified=False,
                   ligatures=False, hyphens=None),
    "booklet": Look(page=A5, text="Helvetica", display="Helvetica", margins=(17, 17, 20, 19), scale=0.95, air=1.15, ink="#7a3b00", shade="#f7efe6",
                    justified=False, ligatures=False, hyphens=None, foot=14),
    "letter": Look(page=LETTER, text="Times", display="Times", margins=(32, 32, 28, 30), scale=1.12, air=1.2, ink="#000000", shade="#eeeeee", ligatures=False),
    "sheet": Look(text="Helvetica", display="Helvetica", margins=(24, 22, 27, 26), scale=1.02, air=1.12, ink="#12355b", shade="#e8eef5", justified=False,
                  ligatures=False, hyphens=None),
    "wide": Look(page=landscape(A4), text="Helvetica", display="Helvetica", margins=(24, 24, 24, 24), scale=1.0, air=1.15, ink="#3c3c3c", shade="#ededed",
                 justified=False, ligatures=False, hyphens=None, foot=16),
    "office": Look(text="Times", display="Helvetica", margins=(32, 30, 28, 30), scale=1.12, air=1.18, ink="#333366", shade="#eceff6", ligatures=False),
    "terminal": Look(text="Courier", display="Courier", margins=(24, 22, 24, 24), scale=0.95, air=1.18, ink="#000000", shade="#eeeeee", justified=False,
                     ligatures=False, hyphens=None),
}
HYPHENS = {"en": "en_US", "de": "de_DE", "fr": "fr", "es": "es"}
# What documents.jsonl says of a document, where its head says so.
LISTED = ("title", "language", "designation", "effective_date")


def read(path):
    """The head and the marked text."""
    _, head, text = path.read_text(encoding="utf-8").split("---\n", 2)
    return dict(line.split(": ", 1) for line in head.strip().splitlines()), text


def front(setter, head):
    """The title, as the first page begins; with `contents: yes` on a page of its own with the contents below."""
    out = [Paragraph(setter.marked(head["title"], False), setter.style("title", font=setter.heavy, size=19, leading=24, textColor=HexColor(setter.look.ink)))]
    out += [Paragraph(setter.marked(line), setter.style("subtitle", size=10.5, leading=14)) for line in head.get("subtitle", "").split(" | ") if line]
    out += [Spacer(1, 6), HRFlowable(width="100%", thickness=0.8, color=HexColor(setter.look.ink)), Spacer(1, 10)]
    if head.get("contents") == "yes":
        out += [TableOfContents(dotsMinLevel=0, levelStyles=[setter.style("toc", size=10.6, leading=15.4)]), PageBreak()]
    return out


def furniture(setter, head):
    """Draws what stands above and below the text: `left | right`, with {page} for the page's number."""
    look = setter.look
    regular, bold, _ = faces(look.display)

    def draw(canvas, document):
        canvas.setFillColor(black)
        canvas.setStrokeColor(HexColor(look.rule))
        canvas.setLineWidth(0.5)
        top = look.page[1] - (look.margins[2] - 8) * mm
        for line, height, rule, font in (("header", top, top - 2 * mm, bold), ("footer", (look.foot - 7) * mm, (look.foot - 3) * mm, regular)):
            left, _, right = head.get(line, "").partition(" | ")
            canvas.setFont(font, 8 * look.scale)
            canvas.drawString(look.left, height, left.format(page=document.page))
            canvas.drawRightString(look.right, height, right.format(page=document.page))
            if left or right:
                canvas.line(look.left, rule, look.right, rule)
        setter.footnotes(canvas)

    return draw


def make(source):
    """Sets one document; gives its line of documents.jsonl."""
    head, text = read(source)
    look = LOOKS[head["look"]]
    language = head["language"]
    if look.hyphens:
        look = Look(**{**look.__dict__, "hyphens": HYPHENS[language]})
    setter, target = Setter(look), source.with_suffix(".pdf")
    document = Document(target, look, title=head["title"], author="Footnote", subject="Fictional, for testing software; CC0 1.0", lang=language)
    document.addPageTemplates([PageTemplate("text", [look.frame()], onPageEnd=furniture(setter, head))])
    document.multiBuild(front(setter, head) + setter.story(text))
    line = {"file": target.name, **{name: head[name] for name in LISTED if name in head}, "pages": document.page}
    return {**line, "sha256": digest(target), "source_sha256": digest(source)}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    sources = [path for path in sorted(HERE.glob("*.md")) if path.read_text(encoding="utf-8").startswith("---\n")]
    lines = []
    for source in sources:
        lines.append(make(source))
        print(f"{lines[-1]['file']}: {lines[-1]['pages']} pages, {source.with_suffix('.pdf').stat().st_size / 1000:.1f} kB", flush=True)
    with open(HERE / "documents.jsonl", "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


if __name__ == "__main__":
    main()
