#!/usr/bin/env python3
"""Sets fn-1175.md as a PDF that reads like a published standard. The same input gives the same bytes.

Needs reportlab==5.1.0 and pyphen==0.18.1 (hyphenation), and the Liberation fonts 1.07.4 (Debian: fonts-liberation).

    python3 -m venv /tmp/sample && /tmp/sample/bin/pip install reportlab==5.1.0 pyphen==0.18.1
    /tmp/sample/bin/python samples/make_sample.py
"""
import re
import sys
from pathlib import Path

from reportlab.lib.colors import HexColor, black
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (BalancedColumns, BaseDocTemplate, Flowable, Frame, KeepTogether, NextPageTemplate, PageBreak,
                                PageTemplate, Paragraph, Spacer, Table, TableStyle)
from reportlab.platypus.tableofcontents import TableOfContents

HERE = Path(__file__).parent
FONTS = Path("/usr/share/fonts/truetype/liberation")
DESIGNATION = "FN-1175-26"
TITLE = "Standard Practice for Selection, Testing and Qualification of Metallic Materials for Sour Service Piping"
INK, RULE, SHADE = HexColor("#1d3557"), HexColor("#8d99a6"), HexColor("#e9eef4")
LEFT, RIGHT, TOP, BOTTOM = 27 * mm, 27 * mm, 27 * mm, 31 * mm   # the bottom margin leaves room for footnotes

for family, stem in (("Serif", "LiberationSerif"), ("Sans", "LiberationSans")):
    for face in ("Regular", "Bold", "Italic", "BoldItalic"):
        pdfmetrics.registerFont(TTFont(f"{family}-{face}", FONTS / f"{stem}-{face}.ttf"))
    pdfmetrics.registerFontFamily(family, *(f"{family}-{f}" for f in ("Regular", "Bold", "Italic", "BoldItalic")))


def style(name, font="Serif-Regular", size=11, leading=15.4, **more):
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, **more)


PROSE = {"alignment": TA_JUSTIFY, "hyphenationLang": "en_US", "embeddedHyphenation": 1, "uriWasteReduce": 0.3}
BODY = style("body", spaceAfter=6.5, **PROSE)
COLUMN = style("column", size=10, leading=13.2, spaceAfter=5.5, **PROSE)
ITEM = style("item", leftIndent=9 * mm, bulletIndent=4 * mm, spaceAfter=3.5, **PROSE)
NOTE = style("note", size=9.2, leading=12.2, leftIndent=6 * mm, rightIndent=6 * mm, spaceBefore=1, spaceAfter=8, **PROSE)
FORMULA = style("formula", font="Serif-Italic", size=10.5, leading=16, alignment=TA_CENTER, spaceBefore=2, spaceAfter=8)
HEAD = style("head", font="Sans-Bold", size=12, leading=16, textColor=INK, spaceBefore=11, spaceAfter=6, keepWithNext=1)
BANNER = style("banner", font="Sans-Bold", size=14, leading=18, textColor=INK, alignment=TA_CENTER, spaceAfter=2)
UNDER = style("under", font="Serif-Italic", size=11, alignment=TA_CENTER, spaceAfter=8)
CAPTION = style("caption", font="Sans-Bold", size=9, leading=12, alignment=TA_CENTER, spaceBefore=6, spaceAfter=4, keepWithNext=1)
CELL = style("cell", font="Sans-Regular", size=8.4, leading=10.6)
MIDDLE = style("middle", font="Sans-Regular", size=8.4, leading=10.6, alignment=TA_CENTER)
TH = style("th", font="Sans-Bold", size=8.4, leading=10.6, alignment=TA_CENTER)
FOOT = style("foot", size=8.2, leading=10, alignment=TA_JUSTIFY)


class Footnote(Flowable):
    """Takes no room where it stands; its text is set at the foot of the page on which it lands."""

    def __init__(self, number, text):
        super().__init__()
        self.number, self.text, self.width, self.height = number, text, 0, 0

    def draw(self):
        self.canv.footnotes = [*getattr(self.canv, "footnotes", []), (self.number, self.text)]


class Standard(BaseDocTemplate):
    def __init__(self, path):
        super().__init__(str(path), pagesize=A4, invariant=1, title=f"{DESIGNATION} {TITLE}", author="Footnote Standards Institute",
                         subject="Fictional standard for testing software; CC0 1.0", keywords="sour service, piping, hardness, HIC, SSC",
                         lang="en", displayDocTitle=1)
        frame = Frame(LEFT, BOTTOM, A4[0] - LEFT - RIGHT, A4[1] - TOP - BOTTOM, 0, 0, 0, 0, id="body")
        self.addPageTemplates([PageTemplate("cover", [frame], onPage=cover), PageTemplate("text", [frame], onPageEnd=furniture)])

    def beforeDocument(self):
        self.canv.footnotes = []

    def afterFlowable(self, flowable):
        if getattr(flowable, "outline", None):
            text, key = flowable.outline
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, 0, False)
            self.notify("TOCEntry", (0, text, self.page, key))


def cover(canvas, _doc):
    width, height = A4
    canvas.setFillColor(INK)
    canvas.rect(0, height - 62 * mm, width, 62 * mm, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans-Bold", 13)
    canvas.drawString(LEFT, height - 27 * mm, "FOOTNOTE STANDARDS INSTITUTE")
    canvas.setFont("Sans-Regular", 10)
    canvas.drawString(LEFT, height - 34 * mm, "A fictional body that writes standards for software to read")
    canvas.setFont("Sans-Bold", 26)
    canvas.drawString(LEFT, height - 52 * mm, f"Designation: {DESIGNATION}")
    for text, size, top in ((TITLE, 23, 95), ("Edition of 2026. Approved 12 March 2026; effective 1 July 2026. Replaces FN-1175-19.", 11, 160)):
        block = Paragraph(text, style("cover", font="Sans-Bold" if size > 20 else "Sans-Regular", size=size, leading=size * 1.3, textColor=INK))
        _, tall = block.wrap(width - LEFT - RIGHT, height)
        block.drawOn(canvas, LEFT, height - top * mm - tall + 20 * mm)
    legal = Paragraph("This standard is issued under the fixed designation FN-1175; the number immediately following the designation is the year of "
                      "adoption or of last revision. It is a work of fiction, dedicated to the public domain under CC0 1.0, and must not be used in "
                      "engineering.", style("legal", size=10, leading=13.5, **PROSE))
    _, tall = legal.wrap(width - LEFT - RIGHT, height)
    legal.drawOn(canvas, LEFT, 34 * mm)
    canvas.setStrokeColor(RULE)
    canvas.line(LEFT, 38 * mm + tall, width - RIGHT, 38 * mm + tall)


def furniture(canvas, doc):
    width, height = A4
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.5)
    canvas.line(LEFT, height - 22 * mm, width - RIGHT, height - 22 * mm)
    canvas.line(LEFT, 20 * mm, width - RIGHT, 20 * mm)
    canvas.setFillColor(black)
    canvas.setFont("Sans-Bold", 8.5)
    canvas.drawString(LEFT, height - 19.5 * mm, DESIGNATION)
    canvas.setFont("Sans-Regular", 8.5)
    canvas.drawRightString(width - RIGHT, height - 19.5 * mm, "Metallic Materials for Sour Service Piping")
    canvas.drawString(LEFT, 15.5 * mm, "Fictional standard. CC0 1.0. Not for use in engineering.")
    canvas.drawRightString(width - RIGHT, 15.5 * mm, f"Page {doc.page}")
    notes, canvas.footnotes = getattr(canvas, "footnotes", []), []
    bottom = 22 * mm
    for number, text in reversed(notes):
        block = Paragraph(f"<super>{number}</super> {text}", FOOT)
        _, tall = block.wrap(width - LEFT - RIGHT, height)
        block.drawOn(canvas, LEFT, bottom)
        bottom += tall + 2
    if notes:
        canvas.line(LEFT, bottom + 2, LEFT + 45 * mm, bottom + 2)


def marked(text, ligatures=True):
    """Markdown emphasis as reportlab's tags. Ligatures are set as their own characters, as typesetting systems do."""
    if ligatures:
        text = text.replace("fi", "\ufb01").replace("fl", "\ufb02")
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)


def clause(text, base):
    """A paragraph, its clause number set bold, and the footnotes that it calls."""
    notes = []

    def call(found):
        notes.append(found.group(1))
        clause.count += 1
        return f"\x01{clause.count}\x02"

    body = marked(re.sub(r"\^\[(.+?)\]", call, text))
    body = re.sub(r"\x01(\d+)\x02", r"<super>\1</super>", body)
    body = re.sub(r"^((?:[AX]?\d+)(?:\.\d+)+)(?= )", r"<b>\1</b>", body)
    first = clause.count - len(notes) + 1
    return [*(Footnote(first + i, marked(n)) for i, n in enumerate(notes)), Paragraph(body, base)]


clause.count = 0


def table(lines):
    caption, widths = (part.strip() for part in lines[0][3:].strip().split("|") if part.strip())
    notes = [line[2:] for line in lines if line.startswith("^ ")]
    rows = [[cell.strip() for cell in line.split(" | ")] for line in lines[1:] if not line.startswith("^ ")]
    widths = [float(w) * mm for w in widths.split(",")]
    scale = min(1, (A4[0] - LEFT - RIGHT) / sum(widths))

    def cell(row, column, text):
        if row == 0:
            return Paragraph(marked(text, False), TH)
        wordy = sum(len(r[column]) for r in rows[1:]) / (len(rows) - 1) > 16
        return Paragraph(marked(text, False), CELL if column == 0 or wordy else MIDDLE)

    grid = Table([[cell(r, c, text) for c, text in enumerate(row)] for r, row in enumerate(rows)], [w * scale for w in widths], repeatRows=1,
                 style=TableStyle([("BACKGROUND", (0, 0), (-1, 0), SHADE), ("LINEABOVE", (0, 0), (-1, 0), 1, INK), ("LINEBELOW", (0, 0), (-1, 0), 0.6, INK),
                                   ("LINEBELOW", (0, 1), (-1, -2), 0.25, RULE), ("LINEBELOW", (0, -1), (-1, -1), 1, INK), ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                                   ("TOPPADDING", (0, 0), (-1, -1), 2.6), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8)]))
    under = [Paragraph(marked(n), style("tablenote", size=8.6, leading=11, leftIndent=4 * mm, rightIndent=4 * mm, spaceBefore=3)) for n in notes]
    return [KeepTogether([Paragraph(marked(caption, False), CAPTION), grid, *under, Spacer(1, 10)])]


def heading(text):
    head = Paragraph(marked(text, False), HEAD)
    head.outline = (text, "s" + re.sub(r"\W+", "-", text.lower()))
    return head


def story(source):
    contents = TableOfContents(dotsMinLevel=0, levelStyles=[style("toc", size=10.6, leading=15.4)])
    out = [NextPageTemplate("text"), PageBreak(), Paragraph("CONTENTS", BANNER), Spacer(1, 8), contents, PageBreak()]
    columns = None
    for block in re.split(r"\n\s*\n", source.strip()):
        lines, into = block.split("\n"), out if columns is None else columns
        base = BODY if columns is None else COLUMN
        if block == ":::two":
            columns = []
        elif block == ":::one":
            out.append(BalancedColumns(columns, nCols=2, innerPadding=7 * mm, needed=60 * mm))
            columns = None
        elif block.startswith(":::annex "):
            name, kind = block[9:].split(" | ")
            out += [PageBreak(), Paragraph(name, BANNER), Paragraph(marked(kind), UNDER)]
        elif block.startswith("# "):
            out.append(heading(block[2:]))
        elif block.startswith("|=|"):
            into += table(lines)
        elif block.startswith("- "):
            into += [Paragraph(marked(line[2:]), ITEM, bulletText="•") for line in lines]
        elif block.startswith("! "):
            word, rest = block[2:].split("—", 1)
            into.append(Paragraph(f"<font face='Sans-Bold' size='8.2'>{word}</font>—{marked(rest)}", NOTE))
        elif block.startswith("= "):
            into.append(Paragraph(block[2:].replace("     ", "&nbsp;" * 8), FORMULA))
        else:
            into += clause(block, base)
    return out


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "fn-1175-sour-service-piping.pdf"
    Standard(target).multiBuild(story((HERE / "fn-1175.md").read_text(encoding="utf-8")))
