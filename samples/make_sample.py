#!/usr/bin/env python3
"""Sets fn-1175.md as a PDF that reads like a published standard. The same input gives the same bytes.

`typeset.py` says which packages and fonts it needs.

    python3 -m venv /tmp/sample && /tmp/sample/bin/pip install reportlab==5.1.0 pyphen==0.18.1
    /tmp/sample/bin/python samples/make_sample.py
"""
import sys
from pathlib import Path

from reportlab.lib.colors import HexColor, black
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import NextPageTemplate, PageBreak, PageTemplate, Paragraph, Spacer
from reportlab.platypus.tableofcontents import TableOfContents

from typeset import Document, Look, Setter

HERE = Path(__file__).parent
DESIGNATION = "FN-1175-26"
TITLE = "Standard Practice for Selection, Testing and Qualification of Metallic Materials for Sour Service Piping"
LOOK = Look()
SETTER = Setter(LOOK)
INK, RULE, LEFT, RIGHT = HexColor(LOOK.ink), HexColor(LOOK.rule), LOOK.left, LOOK.right


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
        font = "Sans-Bold" if size > 20 else "Sans-Regular"
        block = Paragraph(text, SETTER.style("cover", font=font, size=size, leading=size * 1.3, textColor=INK))
        _, tall = block.wrap(LOOK.width, height)
        block.drawOn(canvas, LEFT, height - top * mm - tall + 20 * mm)
    legal = Paragraph("This standard is issued under the fixed designation FN-1175; the number immediately following the designation is the year of "
                      "adoption or of last revision. It is a work of fiction, dedicated to the public domain under CC0 1.0, and must not be used in "
                      "engineering.", SETTER.style("legal", size=10, leading=13.5, **SETTER.prose))
    _, tall = legal.wrap(LOOK.width, height)
    legal.drawOn(canvas, LEFT, 34 * mm)
    canvas.setStrokeColor(RULE)
    canvas.line(LEFT, 38 * mm + tall, RIGHT, 38 * mm + tall)


def furniture(canvas, doc):
    height = A4[1]
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.5)
    canvas.line(LEFT, height - 22 * mm, RIGHT, height - 22 * mm)
    canvas.line(LEFT, 20 * mm, RIGHT, 20 * mm)
    canvas.setFillColor(black)
    canvas.setFont("Sans-Bold", 8.5)
    canvas.drawString(LEFT, height - 19.5 * mm, DESIGNATION)
    canvas.setFont("Sans-Regular", 8.5)
    canvas.drawRightString(RIGHT, height - 19.5 * mm, "Metallic Materials for Sour Service Piping")
    canvas.drawString(LEFT, 15.5 * mm, "Fictional standard. CC0 1.0. Not for use in engineering.")
    canvas.drawRightString(RIGHT, 15.5 * mm, f"Page {doc.page}")
    SETTER.footnotes(canvas)


def make(target):
    document = Document(target, LOOK, title=f"{DESIGNATION} {TITLE}", author="Footnote Standards Institute",
                        subject="Fictional standard for testing software; CC0 1.0", keywords="sour service, piping, hardness, HIC, SSC", lang="en")
    frame = LOOK.frame()
    document.addPageTemplates([PageTemplate("cover", [frame], onPage=cover), PageTemplate("text", [frame], onPageEnd=furniture)])
    contents = TableOfContents(dotsMinLevel=0, levelStyles=[SETTER.style("toc", size=10.6, leading=15.4)])
    front = [NextPageTemplate("text"), PageBreak(), Paragraph("CONTENTS", SETTER.banner), Spacer(1, 8), contents, PageBreak()]
    document.multiBuild(front + SETTER.story((HERE / "fn-1175.md").read_text(encoding="utf-8")))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "fn-1175-sour-service-piping.pdf")
